import fc from "fast-check";
import sqlite3 from "sqlite3";
import type { SqliteDatabase } from "../../src/sqlite-database";
import { testDatabases } from "../support/databases";
import { until } from "../support/deferred";
import { rawExec } from "../support/raw-database";
import { Note } from "../support/small-entities";

// Reads that wait for their turn and differ in their values only are sent as one statement.

const databases = testDatabases();

async function open(script = ""): Promise<SqliteDatabase> {
  const database = await databases.open({ entities: [Note] });
  await database.execScript(`
    CREATE TABLE things (id INTEGER PRIMARY KEY, kind INTEGER, name, value);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)
      INSERT INTO things SELECT i, i % 7, 'thing ' || i, CASE i % 4 WHEN 0 THEN i * 0.1 WHEN 1 THEN NULL
        WHEN 2 THEN zeroblob(i % 5) ELSE 9007199254740000 + i % 900 END FROM n;
    ${script}`);
  return database;
}

const AT_ONCE = 40;
const range = (count: number, from = 1) => Array.from({ length: count }, (_, index) => index + from);

const read = (database: SqliteDatabase, sql: string, values: unknown[]) =>
  database.exec(sql, values as []).then(
    ({ rows, columns }) => ({ rows, columns }),
    (error: Error) => ({ error: error.message }),
  );

/** Reads the same statement with many values at once, until those that wait are sent together. */
async function together(database: SqliteDatabase, sql: string, values: unknown[][]) {
  const sent = jest.spyOn(sqlite3.Statement.prototype, "all");
  try {
    const known = values[0]!;
    await Promise.all(range(AT_ONCE).map(() => read(database, sql, known)));
    sent.mockClear();
    const found = await Promise.all(values.map((some) => read(database, sql, some)));
    const texts = sent.mock.contexts.map((statement) => String((statement as { sql?: string }).sql));
    return { found, texts };
  } finally {
    sent.mockRestore();
  }
}

/** Lets the database learn that the reads of a statement are short. */
async function know(database: SqliteDatabase, sql: string, value = 1): Promise<void> {
  await together(database, sql, [[value]]);
}

async function oneByOne(database: SqliteDatabase, sql: string, values: unknown[][]) {
  const found = [];
  for (const some of values) found.push(await read(database, sql, some));
  return found;
}

test("64 reads by key at once are sent in a few calls, and each finds its own row", async () => {
  const database = await open();
  let calls = 64;
  // On a busy machine it may take a few times to see that one is short.
  for (let times = 0; times < 20 && calls === 64; times++) {
    const { found, texts } = await together(
      database,
      "SELECT * FROM things WHERE id = ?",
      range(64).map((id) => [id]),
    );
    expect(found.map((one) => "rows" in one && one.rows[0]?.id)).toEqual(range(64));
    calls = texts.length;
  }
  expect(calls).toBeLessThan(20);
});

test("64 entities found by key at once are those that were asked for", async () => {
  const database = await open();
  const { manager } = database.dataSource;
  await manager.insert(
    Note,
    range(64).map((n) => ({ text: `note ${n}` })),
  );
  for (const _ of range(3)) {
    const found = await Promise.all(range(64).map((id) => manager.findOneBy(Note, { id })));
    expect(found.map((note) => [note?.id, note?.text])).toEqual(range(64).map((id) => [id, `note ${id}`]));
  }
});

const QUERIES = [
  ["SELECT * FROM things WHERE id = ?", 1],
  ["SELECT name, value FROM things WHERE kind = ? AND id < ? ORDER BY name DESC", 2],
  ["SELECT id FROM things WHERE kind = ? ORDER BY value, id DESC LIMIT 3 OFFSET 1 -- the last ones", 1],
  ["SELECT COUNT(*) AS n, MAX(name) FROM things WHERE kind IN (?, ?)", 2],
  ["SELECT DISTINCT kind FROM things WHERE id BETWEEN ? AND ?;", 2],
  [
    "WITH some AS (SELECT id FROM things WHERE kind = ?) SELECT a.id, b.id AS other FROM some a, some b WHERE a.id < ? AND b.id < 9",
    2,
  ],
  ["SELECT id FROM things WHERE id = ? UNION SELECT kind FROM things WHERE id = ?", 2],
  [
    "SELECT t.id AS id, (SELECT COUNT(*) FROM things o WHERE o.kind = t.kind AND o.id < ?) AS n FROM things t WHERE t.id = ?",
    2,
  ],
  ["SELECT a.id, b.id, a.name FROM things a JOIN things b ON b.id = a.id + 1 WHERE a.id = ?", 1],
  ["SELECT ?2 AS second, ?1 AS first, ?2 AS again, typeof(?1) AS type", 2],
  ["SELECT ? AS value, name FROM things WHERE name LIKE ? LIMIT 2", 2],
  ["SELECT id, row_number() OVER (ORDER BY id DESC) AS place FROM things WHERE kind = ? LIMIT ?", 2],
  ["SELECT sum(?) AS sum, group_concat(?) AS all_of_it FROM things WHERE id < 4", 2],
  ["VALUES (?, 1), (2, ?)", 2],
  ['SELECT \'?\' AS mark, 1 AS "2", "name" FROM things WHERE id = ? /* ? */', 1],
] as const;

const value = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 12 }) },
  fc.constantFrom(
    null,
    "",
    "thing 1%",
    "a\0b",
    "ü\u{1f600}",
    0.1 + 0.2,
    1e300,
    -0.5,
    2 ** 31,
    2n ** 53n - 1n,
    true,
  ),
  fc.uint8Array({ maxLength: 4 }),
);

test("what many reads find at once is what they find one after another, whatever the query and the values", async () => {
  const database = await open();
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...QUERIES).chain(([sql, count]) =>
        fc.tuple(
          fc.constant(sql),
          fc.array(fc.array(value, { minLength: count, maxLength: count }), {
            minLength: 1,
            maxLength: 40,
          }),
        ),
      ),
      async ([sql, values]) => {
        const expected = await oneByOne(database, sql, values);
        expect((await together(database, sql, values)).found).toEqual(expected);
      },
    ),
    { numRuns: 60 },
  );
});

test("no more go together than fit into a text whose statement is kept", async () => {
  const database = await open();
  const columns = range(20).map((n) => `name || ${n} AS a_column_with_a_long_name_${n}`);
  const sql = `SELECT ${columns.join(", ")} FROM things WHERE id = ?`;
  const { found, texts } = await together(
    database,
    sql,
    range(64).map((id) => [id]),
  );
  expect(found.map((one) => "rows" in one && one.rows[0]?.a_column_with_a_long_name_7)).toEqual(
    range(64).map((id) => `thing ${id}7`),
  );
  const lengths = texts.filter((text) => text.includes("UNION ALL")).map((text) => text.length);
  expect(lengths.length).toBeGreaterThan(4);
  expect(Math.max(...lengths)).toBeLessThanOrEqual(8192);
});

test("a read that fails does so alone", async () => {
  const database = await open();
  const sql = "SELECT id, json_extract(?, '$[0]') AS first FROM things WHERE id = ?";
  const values = range(30).map((id) => [id === 7 ? "[1" : `[${id}]`, id]);
  const { found } = await together(database, sql, values);
  expect(found).toEqual(await oneByOne(database, sql, values));
  expect(found.map((one) => "error" in one)).toEqual(range(30).map((id) => id === 7));
});

test("an integer beyond 2^53 is refused to the one that reads it", async () => {
  const database = await open("INSERT INTO things VALUES (1000, 1, 'large', 9007199254740993)");
  const values = [...range(30), 1000].map((id) => [id]);
  const { found } = await together(database, "SELECT id, value FROM things WHERE id = ?", values);
  expect(found.filter((one) => "error" in one)).toHaveLength(1);
  expect(found[30]).toMatchObject({ error: expect.stringContaining("2^53") });
});

test("columns that were renamed or added since are seen", async () => {
  const database = await open();
  const sql = "SELECT * FROM things WHERE id = ?";
  const values = range(30).map((id) => [id]);
  await together(database, sql, values);
  for (const change of [
    "RENAME COLUMN name TO title",
    "ADD COLUMN more DEFAULT 'more'",
    "DROP COLUMN value",
  ]) {
    await rawExec(databases.path, `ALTER TABLE things ${change}`);
    const found = await Promise.all(values.map((some) => read(database, sql, some)));
    expect(found).toEqual(await oneByOne(database, sql, values));
  }
});

test("what was committed before a read was asked for is found by it", async () => {
  const database = await open();
  const sql = "SELECT name FROM things WHERE id = ?";
  await know(database, sql);
  let reading = true;
  const others = range(20).map(async () => {
    while (reading) await read(database, sql, [1]);
  });
  for (const n of range(100)) {
    await database.exec("UPDATE things SET name = ? WHERE id = 2", [`name ${n}`]);
    expect(await read(database, sql, [2])).toEqual({ rows: [{ name: `name ${n}` }], columns: ["name"] });
  }
  reading = false;
  await Promise.all(others);
});

test("close() waits for reads that wait for their turn", async () => {
  const database = await open();
  const sql = "SELECT * FROM things WHERE id = ?";
  await know(database, sql);
  const reads = range(50).map((id) => read(database, sql, [id]));
  await database.close();
  expect((await Promise.all(reads)).map((one) => "rows" in one && one.rows[0]?.id)).toEqual(range(50));
});

test("a read with a signal is interrupted by it, and no other waits for that", async () => {
  const database = await open();
  const sql =
    "SELECT COUNT(*) AS n FROM things a, things b, things c, things d, things e " +
    "WHERE a.id < ?1 AND b.id < ?1 AND c.id < ?1 AND d.id < ?1 AND e.id < ?1";
  await know(database, sql, 2);
  const stop = new AbortController();
  const some = range(30).map(() => read(database, sql, [2]));
  const stopped = expect(database.exec(sql, [201], { signal: stop.signal })).rejects.toThrow("enough");
  const more = range(30).map(() => read(database, sql, [2]));
  const found = await Promise.all([...some, ...more]);
  expect(found).toEqual(found.map(() => ({ rows: [{ n: 1 }], columns: ["n"] })));
  stop.abort(new Error("enough"));
  await stopped;
  await until(() => database.stats().readers.active === 0);
});
