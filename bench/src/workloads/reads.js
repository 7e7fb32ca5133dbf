"use strict";

const { concurrently } = require("../concurrently");
const { AUTHORS, plainTree, plainUser, USERS } = require("../rows");

/** Spread over the table, and the same for all peers. */
const idAt = (index, round) => ((index * 7919 + Math.abs(round) * 104_729) % USERS) + 1;

const ids = [1, 2, 500, USERS];

/** Reads by key: by which call, and how many at once. */
const byKey = (name, title, call, atOnce) => ({
  name,
  title,
  unit: "µs",
  template: "small",
  needs: call,
  operations: 2000,
  quick: 100,
  async verify({ peer }) {
    const found = [];
    for (const id of ids) found.push(plainUser(await peer[call](id)));
    return found;
  },
  run: ({ peer, count, round }) => concurrently(count, atOnce, (index) => peer[call](idAt(index, round))),
});

const NAMED = "SELECT id, name, age FROM users WHERE id BETWEEN :low AND :high AND status = :status";

const named = ({ peer }, index, round) => {
  const low = idAt(index, round);
  return peer.named({ low, high: low + 9, status: "active" }, NAMED);
};

module.exports = [
  byKey("read", "raw read by key, one after another", "read", 1),
  byKey("read-64", "raw read by key, 64 at once", "read", 64),
  byKey("find-one", "`findOneBy`, one after another", "findOne", 1),
  byKey("find-one-64", "`findOneBy`, 64 at once", "findOne", 64),
  {
    name: "named",
    title: "raw SQL with named parameters, 10 rows",
    unit: "µs",
    template: "small",
    needs: "named",
    operations: 1000,
    quick: 50,
    verify: async (context) => (await named(context, 0, 0)).map(({ id, name, age }) => ({ id, name, age })),
    run: (context) => concurrently(context.count, 1, (index) => named(context, index, context.round)),
  },
  {
    name: "find-1000",
    title: "`find` of 1,000 rows",
    unit: "ms",
    template: "small",
    needs: "findMany",
    operations: 20,
    quick: 2,
    verify: async ({ peer }) => (await peer.findMany(1000)).map(plainUser),
    run: ({ peer, count }) => concurrently(count, 1, () => peer.findMany(1000)),
  },
  {
    name: "relations",
    title: "`find` of 1,000 with two levels of relations",
    unit: "ms",
    template: "small",
    needs: "findTree",
    operations: 2,
    quick: 1,
    verify: async ({ peer }) => plainTree(await peer.findTree(AUTHORS)),
    run: ({ peer, count }) => concurrently(count, 1, () => peer.findTree(AUTHORS)),
  },
];
