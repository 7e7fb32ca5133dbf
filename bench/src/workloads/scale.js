"use strict";

const { concurrently } = require("../concurrently");
const { plainUser } = require("../rows");
const { createTables } = require("./start");

const TYPEORMS = ["ours", "typeorm-1.1-better-sqlite3", "typeorm-0.3-sqlite3"];

/** How time and memory grow, one workload for each size. */
const SCALES = [
  {
    name: "rows",
    title: "`findOneBy` in a table of so many rows",
    axis: "rows in the table",
    sizes: [1e3, 1e4, 1e5, 1e6, 1e7],
    quickSizes: [1e3, 1e4],
    peers: TYPEORMS,
    workload: (size) => ({
      unit: "µs",
      template: `rows-${size}`,
      needs: "findOne",
      operations: 1000,
      quick: 50,
      verify: async ({ peer }) => plainUser(await peer.findOne(size)),
      run: ({ peer, count, round }) =>
        concurrently(count, 1, (index) =>
          peer.findOne(((index * 15_485_863 + Math.abs(round) * 7919) % size) + 1),
        ),
    }),
  },
  {
    name: "stream-rows",
    title: "`stream` of so many rows, per row",
    axis: "rows read",
    sizes: [1e3, 1e4, 1e5, 1e6, 1e7],
    quickSizes: [1e3, 1e4],
    peers: ["ours", "bare-better-sqlite3"],
    workload: (size) => ({
      unit: "µs",
      template: `rows-${size}`,
      needs: "stream",
      long: true,
      operations: size,
      quick: size,
      async verify({ peer }) {
        let count = 0;
        for await (const _ of peer.stream("SELECT id, name, age FROM users")) count++;
        return count;
      },
      async run({ peer }) {
        for await (const { id } of peer.stream("SELECT id, name, age FROM users")) if (id < 0) return;
      },
    }),
  },
  {
    name: "connections",
    title: "read by key, so many at once",
    axis: "connections",
    sizes: [1, 2, 4, 8, 16, 32, 64],
    quickSizes: [1, 4],
    peers: ["ours", "n8n-typeorm-pooled"],
    workload: (size) => ({
      unit: "µs",
      template: "small",
      needs: "findOne",
      operations: 1000,
      quick: 100,
      options: { poolSize: size },
      verify: async ({ peer }) => plainUser(await peer.findOne(7)),
      // A session has a connection of its own until it ends.
      run: ({ peer, count }) =>
        concurrently(count, size, (index) => (peer.snapshot ?? peer.findOne)((index % 1000) + 1)),
    }),
  },
  {
    name: "entities",
    title: "`init` and tables for so many entities",
    axis: "entities",
    sizes: [1, 10, 50, 100, 200],
    quickSizes: [1, 10],
    peers: [...TYPEORMS, "n8n-typeorm-pooled"],
    workload: createTables,
  },
];

module.exports = SCALES.map(({ workload, ...scale }) => ({
  ...scale,
  workload: (size) => ({
    ...workload(size),
    name: `${scale.name}-${size}`,
    title: `${scale.title}: ${size}`,
  }),
}));
