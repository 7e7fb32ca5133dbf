import { UnsafeIntegerError } from "../../src/errors";
import type { SqliteDatabase } from "../../src/sqlite-database";
import { rejection } from "../support/data-sources";
import { testDatabases } from "../support/databases";
import { rawRead } from "../support/raw-database";

const databases = testDatabases();
let database: SqliteDatabase;
beforeEach(async () => {
  database = await databases.open();
  await database.execScript(
    `CREATE TABLE t (id INTEGER PRIMARY KEY, n, label TEXT);
     INSERT INTO t (n) VALUES (1), (9007199254740993), (9007199254740994.0), (1e300), (9e999);`,
  );
});

describe("an integer beyond 2^53 in a result is refused, naming the column and the remedy:", () => {
  test.each([
    ["of a table", "SELECT id, n FROM t WHERE id = 2", "n"],
    ["of an expression", "SELECT 1 AS a, -9007199254740993 AS low", "low"],
    ["the least of 64 bits", "SELECT -9223372036854775807 - 1 AS least", "least"],
    ["the largest of 64 bits", "SELECT 9223372036854775807 AS largest", "largest"],
    ["among reals of the same column", "SELECT n FROM t", "n"],
    ["of VALUES", "VALUES (9007199254740993)", "column1"],
    ["of a query with a comment at its end", "SELECT 9007199254740993 AS n; -- done", "n"],
    ["of a WITH clause", "WITH a(b) AS (SELECT 9007199254740993) SELECT b FROM a ORDER BY b LIMIT 1", "b"],
    ["of columns of the same name", "SELECT 1e16 AS n, 9007199254740993 AS n", "n"],
    ["beside a column whose name is a number", `SELECT 9007199254740993 AS n, 1 AS "0"`, "n"],
    ["of an aggregate", "SELECT max(n) AS most FROM t WHERE id < 3", "most"],
  ])("%s", async (_, sql, column) => {
    const error = await rejection(database.exec(sql));
    expect(error).toBeInstanceOf(UnsafeIntegerError);
    expect(error).toMatchObject({ code: "UNSAFE_INTEGER", column });
    expect(error.message).toContain(`CAST(${column} AS TEXT)`);
    expect(error.stack).toContain(__filename);
    const inSession = database.session((session) => session.exec(sql), { readonly: true });
    expect(await rejection(inSession)).toBeInstanceOf(UnsafeIntegerError);
  });

  test("by parameters too", async () => {
    const sql = "SELECT n FROM t WHERE n = :n";
    expect(await rejection(database.exec(sql, { n: 9007199254740993n }))).toBeInstanceOf(UnsafeIntegerError);
  });
});

test("the remedy gives it digit by digit", async () => {
  const result = await database.exec("SELECT CAST(n AS TEXT) AS n FROM t WHERE id = 2");
  expect(result.scalar()).toBe("9007199254740993");
});

test.each<[string, string, number]>([
  ["the largest safe integer", "SELECT 9007199254740991 AS n", 2 ** 53 - 1],
  ["2^53, which is exact", "SELECT 9007199254740992 AS n", 2 ** 53],
  ["-2^53", "SELECT -9007199254740992 AS n", -(2 ** 53)],
  ["a real without a fraction", "SELECT n FROM t WHERE id = 3", 9007199254740994],
  ["a real beyond 64 bits", "SELECT n FROM t WHERE id = 4", 1e300],
  ["a real of 2^63", "SELECT 9223372036854775808.0 AS n", 2 ** 63],
  ["a real beside a column whose name is a number", 'SELECT 1e17 AS n, 1 AS "1"', 1e17],
  ["an infinite real", "SELECT n FROM t WHERE id = 5", Number.POSITIVE_INFINITY],
])("%s is handed out", async (_, sql, expected) => {
  expect((await database.exec(sql)).scalar()).toBe(expected);
});

test("many reals without a fraction are handed out", async () => {
  const result = await database.exec("SELECT id, n FROM t WHERE id > 2 UNION ALL SELECT 9, -1e18");
  expect(result.rows.map(({ n }) => n)).toEqual([9007199254740994, 1e300, Number.POSITIVE_INFINITY, -1e18]);
});

describe("in what RETURNING gives", () => {
  const INSERT = "INSERT INTO t (n) VALUES (:n) RETURNING id, n";

  test("it is refused, and nothing has been written", async () => {
    const error = await rejection(database.exec(INSERT, { n: 9007199254740993n }));
    expect(error).toMatchObject({ code: "UNSAFE_INTEGER", column: "n" });
    expect(await rawRead(databases.path, "SELECT count(*) AS n FROM t")).toEqual([{ n: 5 }]);
    const after = await database.exec(INSERT, { n: 7 });
    expect(after.rows).toEqual([{ id: 6, n: 7 }]);
    expect(after).toMatchObject({ changes: 1, lastInsertRowid: 6 });
    expect(await rawRead(databases.path, "SELECT n FROM t WHERE id = 6")).toEqual([{ n: 7 }]);
  });

  test("inside a session the refusal rolls it back unless it is caught", async () => {
    const session = database.session((session) => session.exec(INSERT, { n: 2n ** 62n }));
    expect(await rejection(session)).toBeInstanceOf(UnsafeIntegerError);
    expect(await rawRead(databases.path, "SELECT count(*) AS n FROM t")).toEqual([{ n: 5 }]);
  });

  test("a constraint is told as ever", async () => {
    const again = database.exec("INSERT INTO t (id) VALUES (1) RETURNING id");
    expect(await rejection(again)).toMatchObject({ kind: "primaryKey", table: "t", columns: ["id"] });
    expect((await database.exec("DELETE FROM t RETURNING id")).changes).toBe(5);
  });
});

test("a stream ends with the refusal, after the rows before it", async () => {
  const read = async (sql: string): Promise<unknown[]> => {
    const rows: unknown[] = [];
    for await (const row of database.stream(sql)) rows.push(row);
    return rows;
  };
  expect(await read("SELECT n FROM t WHERE id > 2")).toHaveLength(3);
  for (const sql of [
    "SELECT n FROM t",
    "SELECT n FROM t ORDER BY label, n",
    "SELECT n FROM t LIMIT 3 OFFSET 1",
  ]) {
    expect(await rejection(read(sql))).toMatchObject({ code: "UNSAFE_INTEGER", column: "n" });
  }
  const late =
    "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 5000) SELECT i, i = 4999 AS last, CASE i WHEN 4999 THEN 9007199254740993 ELSE 1e16 END AS n FROM c";
  const seen: unknown[] = [];
  const reading = (async () => {
    for await (const row of database.stream<{ i: number }>(late)) seen.push(row.i);
  })();
  expect(await rejection(reading)).toMatchObject({ code: "UNSAFE_INTEGER", column: "n" });
  expect(seen.length).toBeGreaterThan(100);
  expect(seen.length).toBeLessThan(4999);
  expect((await database.exec("SELECT 1")).scalar()).toBe(1);
});

describe("TypeORM's own queries", () => {
  const query = (sql: string) => database.manager.query(sql);

  test("hand out what a number holds exactly, also beyond 2^53", async () => {
    expect(await query("SELECT 9007199254740994 AS n, -9223372036854775807 - 1 AS least")).toEqual([
      { n: 2 ** 53 + 2, least: -(2 ** 63) },
    ]);
    expect(await query("SELECT n FROM t WHERE id > 2")).toHaveLength(3);
  });

  test.each(["SELECT n FROM t", "SELECT 9223372036854775807 AS n", "SELECT -9007199254740993 AS n"])(
    "refuse what would be rounded: %s",
    async (sql) => {
      const error = await rejection(query(sql));
      expect(error).toMatchObject({ code: "UNSAFE_INTEGER", column: "n" });
      expect(error.message).toContain("an entity keeps such values in a column of text");
    },
  );
});
