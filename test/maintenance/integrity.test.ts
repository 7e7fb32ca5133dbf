import { closeSync, openSync, statSync, writeSync } from "node:fs";
import type { SqliteDatabase } from "../../src/sqlite-database";
import { testDatabases } from "../support/databases";
import { chooseSeed, Random } from "../support/random";
import { rawExec } from "../support/raw-database";
import { Note } from "../support/small-entities";

const databases = testDatabases();

const SCHEMA = `
  CREATE TABLE parents (id INTEGER PRIMARY KEY);
  CREATE TABLE children (id INTEGER PRIMARY KEY, parent REFERENCES parents(id), name TEXT);
  CREATE INDEX names ON children (name);
  INSERT INTO parents VALUES (1);
  INSERT INTO children (parent, name)
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) SELECT 1, 'child ' || i FROM n;
`;

let database: SqliteDatabase;
beforeEach(async () => {
  await rawExec(databases.path, SCHEMA);
});

test("of a sound database both lists are empty", async () => {
  database = await databases.open({ entities: [Note] });
  expect(await database.checkIntegrity()).toEqual({ ok: true, integrity: [], foreignKeys: [] });
  const memory = await databases.open({}, ":memory:");
  expect(await memory.checkIntegrity()).toEqual({ ok: true, integrity: [], foreignKeys: [] });
});

test("rows that refer to nothing are named", async () => {
  await rawExec(
    databases.path,
    `CREATE TABLE keyed (name TEXT PRIMARY KEY, parent REFERENCES parents(id)) WITHOUT ROWID;
     INSERT INTO children VALUES (7000, 99, 'lost'); INSERT INTO keyed VALUES ('k', 98)`,
  );
  database = await databases.open();
  expect(await database.checkIntegrity()).toEqual({
    ok: false,
    integrity: [],
    foreignKeys: expect.arrayContaining([
      { table: "children", rowid: 7000, parent: "parents", foreignKey: 0 },
      { table: "keyed", rowid: null, parent: "parents", foreignKey: 0 },
    ]),
  });
});

test("a missing index entry is damage that is told in SQLite's words", async () => {
  await rawExec(
    databases.path,
    "PRAGMA writable_schema=ON; UPDATE sqlite_schema SET sql = 'CREATE INDEX names ON children (id)' WHERE name = 'names'",
  );
  database = await databases.open();
  const { ok, integrity } = await database.checkIntegrity();
  expect(ok).toBe(false);
  expect(integrity.join("\n")).toMatch(/index names/);
});

test("random bytes that were flipped are found, and the check never hangs or throws", async () => {
  const random = new Random(chooseSeed());
  const { size } = statSync(databases.path);
  const pageSize = 4096;
  const file = openSync(databases.path, "r+");
  // Whole pages: a flipped bit inside a text is another text, and no damage that anyone can see.
  for (let page = 0; page < 3; page++) {
    const at = pageSize * (1 + random.below(size / pageSize - 1));
    writeSync(file, Buffer.from(Array.from({ length: 512 }, () => random.below(256))), 0, 512, at);
  }
  closeSync(file);
  database = await databases.open();
  const { ok, integrity } = await database.checkIntegrity();
  expect({ seed: random.seed, ok, found: integrity.length > 0 }).toEqual({
    seed: random.seed,
    ok: false,
    found: true,
  });
  expect(database.stats().readers.active).toBe(0);
});
