"use strict";

const { concurrently } = require("../concurrently");
const { MOST_WARM_UP_ROUNDS } = require("../warm-up");
const { AUTHORS, user, users, USERS } = require("../rows");

/** What a write left behind, whichever way it went. */
const state = async ({ peer }) => [
  (await peer.raw("SELECT COUNT(*) AS users, SUM(age) AS ages, MAX(name) AS name FROM users"))[0],
  (await peer.raw("SELECT * FROM users ORDER BY id DESC LIMIT 1"))[0],
];

const verifying = (write) => async (context) => {
  await write(context);
  return (await state(context)).map((row) => ({ ...row }));
};

/** Rows in an array, some calls one after another; the time is that of a row. */
const inArrays = (name, title, call, { rows, calls = 1, quick }) => ({
  name,
  title,
  unit: "µs",
  template: "small",
  needs: call,
  operations: rows * calls,
  quick,
  verify: verifying(({ peer }) => peer[call](users(100))),
  prepare: ({ count }) => users(Math.min(rows, count)),
  async run({ peer, count, state }) {
    for (let done = 0; done < count; done += state.length) await peer[call](state.map((row) => ({ ...row })));
  },
});

/** Users without posts, others in each round. */
const idsOfRound = ({ count, round }) =>
  Array.from({ length: count }, (_, index) => AUTHORS + 1 + (round + MOST_WARM_UP_ROUNDS) * count + index);

module.exports = [
  {
    name: "save",
    title: "`save` of a new entity, one after another",
    unit: "µs",
    template: "small",
    needs: "save",
    // Enough for SQLite to copy the WAL into the file in each round, and not in every second one.
    operations: 1000,
    quick: 20,
    verify: verifying(async ({ peer }) => {
      const { id } = await peer.save(user(1));
      if (id !== USERS + 1) throw new Error(`The saved entity has the id ${id}.`);
    }),
    prepare: ({ count }) => users(count),
    run: ({ peer, count, state }) => concurrently(count, 1, (index) => peer.save(state[index])),
  },
  inArrays("save-array", "`save` of an array of 2,000, per row", "saveArray", {
    rows: 2000,
    calls: 2,
    quick: 100,
  }),
  inArrays("insert", "`insert()` of 500, per row", "insert", { rows: 500, calls: 10, quick: 100 }),
  {
    ...inArrays("insert-many", "`insertMany` of 200,000, per row", "insertMany", {
      rows: 200_000,
      quick: 2000,
    }),
    long: true,
  },
  {
    name: "update",
    title: "update by key",
    unit: "µs",
    template: "small",
    needs: "update",
    operations: 2000,
    quick: 20,
    verify: verifying(({ peer }) => peer.update(7, { age: 99 })),
    run: ({ peer, count, round }) =>
      concurrently(count, 1, (index) => peer.update(index + 1, { age: 30 + round })),
  },
  {
    name: "delete",
    title: "delete by key",
    unit: "µs",
    template: "small",
    needs: "remove",
    operations: 250,
    quick: 20,
    verify: verifying(({ peer }) => peer.remove(USERS)),
    prepare: idsOfRound,
    run: ({ peer, count, state }) => concurrently(count, 1, (index) => peer.remove(state[index])),
  },
];
