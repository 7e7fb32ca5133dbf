import fc from "fast-check";
import sqlite3 from "sqlite3";
import { EntitySchema } from "typeorm";
import type { SqliteDatabase } from "../../src/sqlite-database";
import { testDatabases } from "../support/databases";
import { until } from "../support/deferred";
import { rawExec } from "../support/raw-database";

// Results with many rows are read as JSON where that holds every value exactly.

const databases = testDatabases();

const COUNT = 120;

async function open(script = ""): Promise<SqliteDatabase> {
  // One reader, so that each reading knows what the one before has learned.
  const database = await databases.open({ poolSize: 1, maxOverflow: 0 });
  await database.execScript(`
    CREATE TABLE cells (id INTEGER PRIMARY KEY, place INTEGER, name TEXT, value);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${COUNT})
      INSERT INTO cells SELECT i, (i * 37) % ${COUNT}, 'cell ' || i, CASE i % 3 WHEN 0 THEN NULL ELSE i END FROM n;
    ${script}`);
  return database;
}

const read = (database: SqliteDatabase, sql: string, values: readonly unknown[] = []) =>
  database.exec(sql, values as []).then(
    ({ rows, columns }) => ({ rows, columns }),
    (error: Error) => ({ error: error.message }),
  );

/** What is read by the module itself, and then three times more, and whether the last was read as JSON. */
async function readings(database: SqliteDatabase, sql: string, values: readonly unknown[] = []) {
  const first = await read(database, sql, values);
  const more = [await read(database, sql, values), await read(database, sql, values)];
  const sent = jest.spyOn(sqlite3.Statement.prototype, "all");
  try {
    more.push(await read(database, sql, values));
    const texts = sent.mock.contexts.map((statement) => String((statement as { sql?: string }).sql));
    return { first, more, isJson: texts.length === 1 && texts[0]!.includes("json_group_array") };
  } finally {
    sent.mockRestore();
  }
}

test.each([
  ["SELECT * FROM cells", []],
  ["SELECT id, name FROM cells ORDER BY place DESC", []],
  ["SELECT place AS p, name || '\"\\\u0007' AS n FROM cells WHERE id > ? ORDER BY name LIMIT 100", [3]],
  ["SELECT DISTINCT place % 60 AS half, NULL AS none FROM cells", []],
  [
    "SELECT a.id AS a, b.name AS b, c.name AS c FROM cells a JOIN cells b ON b.id = a.place LEFT JOIN cells c ON c.id = -1",
    [],
  ],
  [
    "WITH some AS (SELECT id FROM cells WHERE id < :most) SELECT id FROM some UNION ALL SELECT -id FROM some;",
    { most: 90 },
  ],
  [
    "SELECT place % 61 AS part, COUNT(*) AS n, group_concat(name) AS names FROM cells GROUP BY 1 -- parts",
    [],
  ],
  ['SELECT \'name\' AS "it\'s a ""name""" FROM cells', []],
])("the rows of %s are the same as JSON", async (sql, values) => {
  const database = await open();
  const { first, more, isJson } = await readings(database, sql, values as []);
  expect("rows" in first && first.rows.length).toBeGreaterThanOrEqual(60);
  expect(more).toEqual([first, first, first]);
  expect(isJson).toBe(true);
});

test.each([
  ["columns of one name", "SELECT id, place, id FROM cells"],
  ["columns named by numbers", 'SELECT name AS "7", id AS "3" FROM cells'],
  ["REAL", "SELECT id, id * 1.0 AS real FROM cells"],
  [
    "REAL that is written with fewer digits than it has",
    "SELECT iif(id = 100, 1 - 1.1e-16, 1) AS x FROM cells",
  ],
  ["BLOB", "SELECT CAST(name AS BLOB) AS bytes FROM cells"],
  // https://sqlite.org/jsonb.html
  ...["00", "01", "1331", "1761", "1561", "0b", ""].map((bytes): [string, string] => [
    `a BLOB that may be JSON as SQLite keeps it (${bytes})`,
    `SELECT id, iif(id = 7, x'${bytes}', NULL) AS bytes FROM cells`,
  ]),
  ["BLOBs that are JSON as SQLite keeps it", "SELECT id, x'1331' AS bytes FROM cells"],
  ["the JSON of a function", "SELECT json_array(name) AS list FROM cells"],
  ["the JSON of an operator in a view", "SELECT * FROM parts"],
  ["an integer beyond 2^53", "SELECT iif(id = 7, 9007199254740993, id) AS large FROM cells"],
  ["a mixed column", "SELECT iif(id % 2, name, id) AS mixed FROM cells"],
  [
    "what has an outer join that SQLite leaves out otherwise",
    "SELECT a.id FROM cells a LEFT JOIN cells b ON b.id = -1",
  ],
  ["an infinity", "SELECT iif(id = 9, 9e999, NULL) AS infinite FROM cells"],
])("%s is read natively", async (_, sql) => {
  const database = await open("CREATE VIEW parts AS SELECT id, '[\"a\"]' -> id AS part FROM cells");
  const { first, more, isJson } = await readings(database, sql);
  expect(more).toEqual([first, first, first]);
  expect(isJson).toBe(false);
});

test("a value that JSON cannot hold is seen when it comes later", async () => {
  const database = await open();
  const sql = "SELECT id, value FROM cells ORDER BY id";
  for (const [literal, value] of [
    ["0.1 + 0.2", 0.1 + 0.2],
    ["5.0", 5],
    ["1 - 1.1e-16", 1 - 1.1e-16],
    ["x'00ff'", Buffer.from([0, 255])],
    ["x'00'", Buffer.from([0])],
    ["x'1331'", Buffer.from([0x13, 0x31])],
    ["'text'", "text"],
  ] as const) {
    await database.exec("UPDATE cells SET value = 1 WHERE id = 50");
    await readings(database, sql);
    await database.exec(`UPDATE cells SET value = ${literal} WHERE id = 50`);
    const { rows } = await database.exec(sql);
    expect(rows[49]).toEqual({ id: 50, value });
    await database.close();
    await database.init();
  }
  await readings(database, sql);
  await database.exec("UPDATE cells SET value = 9007199254740993 WHERE id = 50");
  await expect(database.exec(sql)).rejects.toThrow("2^53");
});

test("columns that were renamed, added or dropped since are seen", async () => {
  const database = await open();
  const sql = "SELECT * FROM cells";
  for (const change of [
    "RENAME COLUMN name TO title",
    "RENAME COLUMN title TO TITLE",
    "ADD COLUMN more",
    "DROP COLUMN value",
  ]) {
    expect((await readings(database, sql)).isJson).toBe(true);
    await rawExec(databases.path, `ALTER TABLE cells ${change}`);
    const found = await read(database, sql);
    expect(found).toEqual(await read(database, `${sql} -- read for the first time`));
  }
});

test("a few rows of a query that had many are the same", async () => {
  const database = await open();
  const sql = "SELECT * FROM cells WHERE id <= ?";
  await readings(database, sql, [COUNT]);
  for (const most of [3, 0, 1, 70]) {
    expect(await read(database, sql, [most])).toEqual(await read(database, `${sql} `, [most]));
  }
});

test("all that SQLite can hold comes back as it is read natively", async () => {
  const database = await open();
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("", "a\0b", '"', "\\", "\u2028", "null", "[1,2]", "1e5", "\ufffd", "\u{1f600}"),
  );
  const cell = fc.oneof(
    { weight: 6, arbitrary: fc.constant(null) },
    { weight: 6, arbitrary: fc.maxSafeInteger() },
    { weight: 6, arbitrary: text },
    { weight: 1, arbitrary: fc.double({ noNaN: true }) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 4 }) },
  );
  const many = { minLength: 60, maxLength: 90 };
  const binaryJson = fc.constantFrom(0x00, 0x01, 0x02, 0x0b, 0x0c).map((header) => Uint8Array.of(header));
  const bytes = fc.oneof(fc.uint8Array({ maxLength: 3 }), binaryJson);
  const column = fc.oneof(
    { weight: 3, arbitrary: fc.array(fc.option(fc.maxSafeInteger()), many) },
    { weight: 3, arbitrary: fc.array(fc.option(text), many) },
    fc.array(fc.option(bytes, { freq: 2 }), many),
    fc.tuple(bytes, fc.array(fc.constant(null), many)).map(([only, others]) => [only, ...others]),
    fc.array(cell, many),
  );
  let asJson = 0;
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(column, column, async (one, other) => {
      await database.execScript("DROP TABLE IF EXISTS pairs; CREATE TABLE pairs (one, other)");
      const count = Math.min(one.length, other.length);
      await database.session(async (session) => {
        for (let n = 0; n < count; n++)
          await session.exec("INSERT INTO pairs VALUES (?, ?)", [one[n]!, other[n]!]);
      });
      const { first, more, isJson } = await readings(
        database,
        `SELECT rowid AS n, * FROM pairs -- ${runs++}`,
      );
      expect(more).toEqual([first, first, first]);
      if (isJson) asJson++;
    }),
    { numRuns: 25 },
  );
  expect(asJson).toBeGreaterThan(0);
});

test("text that is no UTF-8 is the same as JSON", async () => {
  const database = await open();
  const sql =
    "SELECT CAST(x'41ff42e282' || zeroblob(0) AS TEXT) || id AS broken, CAST(x'e282' AS TEXT) AS cut FROM cells";
  const { first, more, isJson } = await readings(database, sql);
  expect(more).toEqual([first, first, first]);
  expect(isJson).toBe(true);
});

test("a signal interrupts a reading as JSON", async () => {
  const database = await open();
  const sql =
    "SELECT a.id AS id, COUNT(*) AS n FROM cells a, cells b, cells c, cells d, cells e " +
    "WHERE b.id < ?1 AND c.id < ?1 AND d.id < ?1 AND e.id < ?1 GROUP BY a.id";
  expect((await readings(database, sql, [2])).isJson).toBe(true);
  const stop = new AbortController();
  const reading = database.exec(sql, [COUNT], { signal: stop.signal });
  const stopped = expect(reading).rejects.toThrow("enough");
  await until(() => database.stats().holders.some(({ statement }) => statement?.includes("cells e")));
  stop.abort(new Error("enough"));
  await stopped;
});

test("a session that only reads has one snapshot, however it reads", async () => {
  const database = await open();
  const sql = "SELECT id, name FROM cells";
  await readings(database, sql);
  await database.session(
    async (session) => {
      const { rows } = await session.exec(sql);
      await rawExec(databases.path, "UPDATE cells SET name = 'changed'");
      expect((await session.exec(sql)).rows).toEqual(rows);
    },
    { readonly: true },
  );
  expect((await database.exec(sql)).rows[0]).toEqual({ id: 1, name: "changed" });
});

test("a temporary table of a session is read as it is", async () => {
  const database = await open();
  await database.session(async (session) => {
    await session.exec("CREATE TEMP TABLE own AS SELECT id, name FROM cells");
    const sql = "SELECT * FROM own";
    for (const _ of [1, 2, 3, 4]) expect((await session.exec(sql)).columns).toEqual(["id", "name"]);
    await session.exec("ALTER TABLE own RENAME COLUMN name TO title");
    expect((await session.exec(sql)).rows[0]).toEqual({ id: 1, title: "cell 1" });
  });
});

test("columns of an attached file that were renamed since are seen", async () => {
  const far = databases.folder.file("far.db");
  const Far = new EntitySchema({
    name: "far",
    database: far,
    columns: { id: { type: Number, primary: true }, text: { type: String } },
  });
  const database = await databases.open({ entities: [Far], poolSize: 1, maxOverflow: 0 });
  await database.insertMany(
    Far,
    Array.from({ length: COUNT }, (_, id) => ({ id, text: `far ${id}` })),
  );
  const table = database.dataSource
    .getMetadata(Far)
    .tablePath.split(".")
    .map((name) => `"${name}"`);
  const sql = `SELECT * FROM ${table.join(".")}`;
  expect((await readings(database, sql)).isJson).toBe(false);
  await rawExec(far, "ALTER TABLE far RENAME COLUMN text TO title");
  expect((await database.exec(sql)).rows[0]).toEqual({ id: 0, title: "far 0" });
});

test("columns of many megabytes are read natively", async () => {
  const database = await open();
  const sql = "SELECT id, printf('%.*c', 200000, 'x') AS large FROM cells";
  const { first, more, isJson } = await readings(database, sql);
  expect("rows" in first && first.rows.length).toBe(COUNT);
  expect(more).toEqual([first, first, first]);
  expect(isJson).toBe(false);
});
