"use strict";

const { concurrently } = require("../concurrently");
const { DelayMeter } = require("../delay-meter");
const { AUTHORS } = require("../rows");

const posts = async ({ peer }) =>
  (await peer.raw("SELECT COUNT(*) AS posts, COUNT(DISTINCT user_id) AS users FROM posts"))[0];

const sessions = (peer, count, atOnce) =>
  concurrently(count, atOnce, (index) => peer.session((index % AUTHORS) + 1, `Post of session ${index}`));

/**
 * Each reads a row, changes it, and inserts another, in a transaction of its own. A round is long enough that the pause
 * before it, in which the other peers had the machine, does not decide.
 */
const writeSessions = (atOnce, operations) => ({
  name: `sessions-${atOnce}`,
  title: `${atOnce.toLocaleString("en")} write sessions at once, per session`,
  unit: "µs",
  template: "small",
  needs: "session",
  operations,
  quick: atOnce,
  async verify(context) {
    await sessions(context.peer, 64, 64);
    const [ages] = await context.peer.raw("SELECT SUM(age) AS ages FROM users");
    return { ...(await posts(context)), ...ages };
  },
  run: ({ peer, count }) => sessions(peer, count, atOnce),
});

const HEAVY =
  "SELECT COUNT(*) AS n, SUM(value % 97) AS total, SUM(length(label)) AS width FROM events WHERE value % 5 <> ";

const heavyQueries = (peer) => Promise.all([0, 1, 2, 3].map((rest) => peer.raw(HEAVY + rest)));

module.exports = [
  writeSessions(64, 640),
  writeSessions(1000, 1000),
  {
    name: "mix",
    title: "90 % reads, 10 % writes, 64 at once",
    unit: "µs",
    template: "small",
    needs: "page",
    operations: 5000,
    quick: 100,
    async verify(context) {
      const { user, posts: found } = await context.peer.page(5);
      await context.peer.addPost(5, "one more");
      return { name: user.name, titles: found.map(({ title }) => title).sort(), ...(await posts(context)) };
    },
    run: ({ peer, count }) =>
      concurrently(count, 64, (index) => {
        const id = ((index * 131) % AUTHORS) + 1;
        return index % 10 === 9 ? peer.addPost(id, `Post ${index}`) : peer.page(id);
      }),
  },
  {
    name: "aggregates",
    title: "4 aggregates over 1,000,000 rows at once",
    unit: "ms",
    template: "large",
    needs: "raw",
    operations: 1,
    quick: 1,
    verify: async ({ peer }) => (await heavyQueries(peer)).map(([row]) => ({ ...row })),
    async run({ peer }) {
      const meter = new DelayMeter();
      await heavyQueries(peer);
      return { delay: meter.end() };
    },
  },
  {
    name: "stream",
    title: "stream of 1,000,000 rows, per row",
    unit: "µs",
    template: "large",
    needs: "stream",
    instead: "each",
    long: true,
    operations: 1_000_000,
    quick: 1_000_000,
    verify: ({ peer }) => readAll(peer),
    async run({ peer }) {
      await readAll(peer);
    },
  },
];

const EVENTS = "SELECT id, bucket, value, label FROM events";

async function readAll(peer) {
  let count = 0;
  let total = 0;
  const visit = (row) => {
    count++;
    total += row.value;
  };
  if (peer.stream) for await (const row of peer.stream(EVENTS)) visit(row);
  else await peer.each(EVENTS, visit);
  return { count, total };
}
