"use strict";

/** In the order of the tables; each is a module of this folder. */
const PEERS = [
  "ours",
  "typeorm-0.3-sqlite3",
  "typeorm-1.1-better-sqlite3",
  "n8n-typeorm-pooled",
  "mikro-orm",
  "drizzle",
  "kysely",
  "knex",
  "sequelize",
  "prisma",
  "bare-sqlite3",
  "bare-better-sqlite3",
];

/** TypeORM, and the floor: what costs nothing but SQLite and its binding. */
const GROUPS = {
  typeorm: PEERS.slice(0, 4),
  others: ["ours", ...PEERS.slice(4, 10)],
  floor: ["ours", ...PEERS.slice(10)],
};

const peerNamed = (name) => require(`./${name}`);

module.exports = { GROUPS, PEERS, peerNamed };
