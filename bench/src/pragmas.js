"use strict";

/** What every connection of every peer is set to. */
const PRAGMAS = { journal_mode: "WAL", synchronous: "NORMAL", foreign_keys: "ON", cache_size: "-16000" };

/** What SQLite answers when it is asked for them. */
const ANSWERS = { journal_mode: "wal", synchronous: 1, foreign_keys: 1, cache_size: -16000 };

const statements = Object.entries(PRAGMAS).map(([name, value]) => `PRAGMA ${name} = ${value}`);

/** @throws if a connection of the peer is set to something else */
async function verifyPragmas(peer) {
  for (const [name, expected] of Object.entries(ANSWERS)) {
    // Several at once, so that a pool answers from more than one connection.
    const answers = await Promise.all([1, 2, 3].map(() => peer.raw(`PRAGMA ${name}`)));
    for (const [row] of answers) {
      const actual = Object.values(row)[0];
      if (Number(actual) === expected || actual === expected) continue;
      throw new Error(`PRAGMA ${name} is ${actual} and not ${expected}.`);
    }
  }
}

/** The sqlite3 module, with connections that set the pragmas when they open; for peers that have no hook for that. */
function sqlite3WithPragmas(sqlite3) {
  class Database extends sqlite3.Database {
    constructor(...given) {
      super(...given);
      this.exec(statements.join(";"));
    }
  }
  return { ...sqlite3, Database, verbose: () => ({ ...sqlite3.verbose(), Database }) };
}

/** An open database of better-sqlite3, with the pragmas set. */
function openBetterSqlite3(file) {
  const Database = require("better-sqlite3");
  const database = new Database(file);
  for (const statement of statements) database.exec(statement);
  return database;
}

module.exports = { openBetterSqlite3, sqlite3WithPragmas, statements, verifyPragmas };
