import { isDeepStrictEqual } from "node:util";
import type { SqliteDatabase } from "../../src/sqlite-database";
import { testDatabases } from "../support/databases";
import { rawExec } from "../support/raw-database";

// After the first 20,000 rows the next ones are kept in SQLite's temporary storage, in ever larger parts.

const databases = testDatabases();
const COUNT = 260_000;

let database: SqliteDatabase;
beforeEach(async () => {
  await rawExec(
    databases.path,
    `CREATE TABLE numbers (id integer PRIMARY KEY, name text, shuffled integer);
     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${COUNT})
     INSERT INTO numbers SELECT i, 'name ' || i, i * 7919 % 100999 FROM n;`,
  );
  database = await databases.open();
});

test.each([
  ["a table", "SELECT * FROM numbers"],
  ["a table backwards", "SELECT id, name FROM numbers ORDER BY id DESC"],
  ["a sort", "SELECT id, shuffled FROM numbers ORDER BY shuffled"],
  ["a join", "SELECT a.id, b.name FROM numbers a JOIN numbers b ON b.id = a.shuffled"],
  ["columns of one name", "SELECT id, name AS id FROM numbers"],
  ["a limit at the end of a part", "SELECT id FROM numbers LIMIT 100"],
  ["a limit beyond the first part", "SELECT id FROM numbers LIMIT 130001 OFFSET 5"],
  ["as many as there are", `SELECT id FROM numbers LIMIT ${COUNT}`],
  ["none left", `SELECT id FROM numbers LIMIT 10 OFFSET ${COUNT}`],
  ["mixed types", "SELECT CASE id % 3 WHEN 0 THEN id WHEN 1 THEN id / 4.0 ELSE name END AS v FROM numbers"],
])("of %s every row comes once, in the order of the query", async (_, sql) => {
  const { rows } = await database.exec(sql);
  // Jest has an Object of its own, of which rows that come as JSON are.
  const expected = rows.map((row) => ({ ...row }));
  let index = 0;
  let same = true;
  for await (const row of database.stream(sql)) same &&= isDeepStrictEqual({ ...row }, expected[index++]);
  expect({ same, index }).toEqual({ same: true, index: expected.length });
  expect(database.stats().readers.active).toBe(0);
});

test.each([19_999, 20_000, 30_000, 100_000, 150_000])(
  "leaving after %i rows frees the connection",
  async (rows) => {
    let seen = 0;
    for await (const _ of database.stream("SELECT * FROM numbers")) if (++seen === rows) break;
    expect(seen).toBe(rows);
    expect(database.stats().readers.active).toBe(0);
    expect((await database.exec("SELECT count(*) FROM sqlite_temp_schema")).scalar()).toBe(0);
    await database.exec("INSERT INTO numbers (name) VALUES ('after')");
  },
);

test("what is written meanwhile is not in it, however many rows there are", async () => {
  let seen = 0;
  for await (const { id } of database.stream<{ id: number }>("SELECT id FROM numbers")) {
    if (++seen % 50_000 === 0) {
      await database.exec("DELETE FROM numbers WHERE id > :id AND id < :id + 10", { id });
      await database.exec("INSERT INTO numbers (name) VALUES ('late')");
    }
  }
  expect(seen).toBe(COUNT);
});
