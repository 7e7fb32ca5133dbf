import { existsSync } from "node:fs";
import { type Connection, openConnection } from "../../src/driver/connection";
import type { BindValue } from "../../src/sql/bind-value";
import { rejection } from "../support/data-sources";
import { settleNative } from "../support/deferred";
import { rawExec, rawRead } from "../support/raw-database";
import { temporaryFolder } from "../support/temporary-folder";

let connection: Connection;
afterEach(() => connection.close());
const folder = temporaryFolder();
const open = async (role: "reader" | "writer" = "writer"): Promise<Connection> => {
  connection = await openConnection({ path: folder.file("app.db"), mode: "rwc", role });
  return connection;
};

/** How SQLite stores a bound value. */
async function stored(value: BindValue): Promise<unknown[]> {
  const [row] = await connection.all("SELECT typeof(?1) AS type, quote(?1) AS text", [value]);
  return Object.values(row!);
}

describe("calls", () => {
  test("run one at a time in the order they were made, not awaited", async () => {
    await open();
    await connection.run("CREATE TABLE t (n INTEGER)");
    const calls = [connection.run("BEGIN")];
    // Each text is a statement of its own, and sqlite3 orders only the calls of one statement.
    for (let n = 0; n < 50; n++) calls.push(connection.run(`INSERT INTO t VALUES (${n}) -- ${n}`));
    calls.push(connection.run("COMMIT"));
    await Promise.all(calls);
    const rows = await rawRead(folder.file("app.db"), "SELECT n FROM t ORDER BY rowid");
    expect(rows.map(({ n }) => n)).toEqual(Array.from({ length: 50 }, (_, n) => n));
  });

  test("go on after one that failed", async () => {
    await open();
    const outcomes = await Promise.allSettled([
      connection.all("SELECT nonsense"),
      connection.run("NO SQL AT ALL"),
      connection.all("SELECT 1 AS one"),
      connection.all("SELECT abs(-9223372036854775808)"),
      connection.all("SELECT 2 AS two"),
    ]);
    expect(outcomes).toMatchObject([
      { reason: { code: "SQLITE_ERROR", message: expect.stringContaining("nonsense") } },
      { reason: { code: "SQLITE_ERROR", message: expect.stringContaining("NO") } },
      { value: [{ one: 1 }] },
      { reason: { code: "SQLITE_ERROR", message: expect.stringContaining("overflow") } },
      { value: [{ two: 2 }] },
    ]);
  });

  test("that write tell what they changed", async () => {
    await open();
    await connection.run("CREATE TABLE t (n INTEGER)");
    expect(await connection.run("INSERT INTO t VALUES (1), (2)")).toEqual({ changes: 2, lastInsertRowid: 2 });
    expect(await connection.run("UPDATE t SET n = 0")).toMatchObject({ changes: 2 });
  });

  test("lastStatement is the text that was run last", async () => {
    await open();
    expect(connection.lastStatement).toBeUndefined();
    await connection.all("SELECT 1");
    await connection.run("PRAGMA user_version").catch(() => {});
    expect(connection.lastStatement).toBe("PRAGMA user_version");
  });

  test("with a NUL character in the text are refused, since SQLite would run only what is before it", async () => {
    await open();
    await expect(connection.run("SELECT 1 \0; DROP TABLE t")).rejects.toThrow("NUL character");
  });
});

describe("values", () => {
  test.each<[BindValue, string, string]>([
    [2 ** 31 - 1, "integer", "2147483647"],
    [2 ** 31, "integer", "2147483648"],
    [-(2 ** 31), "integer", "-2147483648"],
    [-(2 ** 31) - 1, "integer", "-2147483649"],
    [Number.MAX_SAFE_INTEGER, "integer", "9007199254740991"],
    [Number.MIN_SAFE_INTEGER, "integer", "-9007199254740991"],
    [1n, "integer", "1"],
    [9223372036854775807n, "integer", "9223372036854775807"],
    [-9223372036854775808n, "integer", "-9223372036854775808"],
    [0.5, "real", "0.5"],
    [2 ** 31 + 0.5, "real", "2147483648.5"],
    [Number.POSITIVE_INFINITY, "real", "9.0e+999"],
    ["ä\u{1F600}", "text", "'ä\u{1F600}'"],
    ["", "text", "''"],
    [null, "null", "NULL"],
    [Buffer.from([0, 255]), "blob", "X'00FF'"],
    [new Uint8Array([1, 2, 3, 4]).subarray(1, 3), "blob", "X'0203'"],
    [new Uint8Array(0), "blob", "X''"],
  ])("%p arrives as %s %s", async (value, type, text) => {
    await open();
    expect(await stored(value)).toEqual([type, text]);
  });

  test("a text keeps its NUL characters", async () => {
    await open();
    expect(await connection.all("SELECT length(CAST(?1 AS BLOB)) AS bytes, ?1 AS text", ["a\0b"])).toEqual([
      { bytes: 3, text: "a\0b" },
    ]);
  });

  test.each([
    ["SELECT typeof(?2) AS a, typeof(?1) AS b, typeof(?2) AS c", ["integer", "text", "integer"]],
    ["SELECT typeof(?) AS a, typeof(?) AS b, typeof(?1) AS c", ["text", "integer", "text"]],
    ["SELECT typeof(:x) AS a, typeof(@y) AS b, typeof(:x) AS c", ["text", "integer", "text"]],
    ["SELECT typeof(?2) AS a, typeof(?) AS b, '?' AS c /* ? */ -- ?", ["integer", "null", "?"]],
  ])("wide integers find their place in %s", async (sql, expected) => {
    await open();
    const [row] = await connection.all(sql, ["text", 9007199254740993n]);
    expect(Object.values(row!)).toEqual(expected);
  });

  test("a wide integer compares as a number, with an index and with text", async () => {
    await open();
    await connection.run("CREATE TABLE t (id INTEGER PRIMARY KEY, label TEXT)");
    await connection.run("INSERT INTO t VALUES (?, ?)", [2 ** 40, "1099511627776"]);
    expect(await connection.all("SELECT id FROM t WHERE id = ?", [2n ** 40n])).toHaveLength(1);
    // As for a bound integer, the affinity of the column decides: https://sqlite.org/datatype3.html#comparison_expressions
    expect(await connection.all("SELECT id FROM t WHERE label = ?", [2 ** 40])).toHaveLength(1);
    expect(await connection.all("SELECT ? = '1099511627776' AS equal", [2 ** 40])).toMatchObject([
      { equal: 0 },
    ]);
    const plan = await connection.all("EXPLAIN QUERY PLAN SELECT * FROM t WHERE id = ?", [2 ** 40]);
    expect(plan).toMatchObject([{ detail: expect.stringContaining("USING INTEGER PRIMARY KEY") }]);
  });
});

describe("prepared statements", () => {
  test("are kept, and the least recently used ones finalized, so that the connection can be closed", async () => {
    await open();
    await connection.all("PRAGMA journal_mode = WAL");
    await connection.run("CREATE TABLE t (n INTEGER)");
    await connection.run("BEGIN");
    for (let n = 0; n < 450; n++) await connection.run(`INSERT INTO t VALUES (${n})`);
    await connection.run("COMMIT");
    for (let n = 0; n < 450; n += 50) {
      expect(await connection.all(`SELECT n FROM t WHERE n = ${n}`)).toEqual([{ n }]);
    }
    expect(existsSync(folder.file("app.db-wal"))).toBe(true);
    await connection.close();
    // SQLite does not close a connection with unfinalized statements, and then leaves the WAL.
    expect(existsSync(folder.file("app.db-wal"))).toBe(false);
  });

  test("that are too long to keep work like any other", async () => {
    await open();
    const list = Array.from({ length: 5000 }, (_, n) => n);
    const sql = `SELECT count(*) AS n FROM json_each('[${list}]') WHERE value IN (${list})`;
    expect(sql.length).toBeGreaterThan(40_000);
    for (let times = 0; times < 3; times++) expect(await connection.all(sql)).toEqual([{ n: 5000 }]);
  });

  test("forget the values of the call before", async () => {
    await open();
    const sql = "SELECT ? AS a, ? AS b";
    expect(await connection.all(sql, [1, 2])).toEqual([{ a: 1, b: 2 }]);
    expect(await connection.all(sql, [3])).toEqual([{ a: 3, b: null }]);
  });

  test("can be used again after they have failed", async () => {
    await open();
    await connection.run("CREATE TABLE t (id INTEGER PRIMARY KEY)");
    const sql = "INSERT INTO t VALUES (?)";
    await connection.run(sql, [1]);
    await expect(connection.run(sql, [1])).rejects.toThrow("UNIQUE constraint failed");
    expect(await connection.run(sql, [2])).toMatchObject({ changes: 1, lastInsertRowid: 2 });
  });

  test("hold no lock between calls", async () => {
    await open("reader");
    await rawExec(folder.file("app.db"), "CREATE TABLE t (n INTEGER); INSERT INTO t VALUES (1), (2)");
    await connection.all("SELECT n FROM t");
    // Without WAL a reader that has not finished would keep every writer out.
    await rawExec(folder.file("app.db"), "INSERT INTO t VALUES (3)");
  });

  test("see the columns that another connection has added", async () => {
    await open();
    await connection.run("CREATE TABLE t (a)");
    await connection.run("INSERT INTO t VALUES (1)");
    expect(await connection.all("SELECT * FROM t")).toEqual([{ a: 1 }]);
    await rawExec(folder.file("app.db"), "ALTER TABLE t ADD COLUMN b DEFAULT 2");
    expect(await connection.all("SELECT * FROM t")).toEqual([{ a: 1, b: 2 }]);
  });

  // An EXPLAIN shows the program that was made when it was prepared, and never compares the schema again.
  test.each([
    "EXPLAIN QUERY PLAN SELECT a FROM t WHERE a = 1",
    "/* plan */ explain SELECT a FROM t WHERE a = 1",
  ])("do not repeat what they knew when they were prepared: %j", async (sql) => {
    await open();
    await connection.run("CREATE TABLE t (a, b)");
    const before = await connection.all(sql);
    await rawExec(folder.file("app.db"), "CREATE INDEX t_a ON t (a)");
    await connection.all("SELECT 1 FROM sqlite_schema");
    expect(await connection.all(sql)).not.toEqual(before);
  });
});

describe("interrupting and closing", () => {
  // So long that no test waits for its end.
  const ENDLESS =
    "WITH RECURSIVE n AS (SELECT 1 UNION ALL SELECT 1 FROM n LIMIT 1000000000) SELECT count(*) FROM n";

  test("an aborted statement is interrupted and fails with the signal's reason, and the connection goes on", async () => {
    await open();
    const controller = new AbortController();
    const reason = new Error("no longer wanted");
    const endless = rejection(connection.all(ENDLESS, [], controller.signal));
    await settleNative();
    controller.abort(reason);
    expect(await endless).toBe(reason);
    expect(await connection.all("SELECT 1 AS one", [], new AbortController().signal)).toEqual([{ one: 1 }]);
  });

  test("a signal that comes just when a statement starts interrupts it too", async () => {
    await open();
    const controller = new AbortController();
    const reason = new Error("no longer wanted");
    const endless = rejection(connection.all(ENDLESS, [], controller.signal));
    // It has been handed to SQLite, but no thread runs it yet, and a single interrupt would be lost.
    controller.abort(reason);
    expect(await endless).toBe(reason);
  });

  test("a signal keeps what waits behind another call from starting", async () => {
    await open();
    await connection.run("CREATE TABLE t (n)");
    const controller = new AbortController();
    const reason = new Error("no longer wanted");
    const first = connection.run("INSERT INTO t VALUES (1)");
    const second = rejection(connection.run("INSERT INTO t VALUES (2)", [], controller.signal));
    controller.abort(reason);
    await first;
    expect(await second).toBe(reason);
    expect(await connection.all("SELECT n FROM t")).toEqual([{ n: 1 }]);
  });

  test("a signal that comes after the end changes nothing", async () => {
    await open();
    const controller = new AbortController();
    expect(await connection.all("SELECT 1 AS one", [], controller.signal)).toEqual([{ one: 1 }]);
    const next = connection.all("WITH n AS (SELECT 1 AS one) SELECT * FROM n");
    controller.abort();
    expect(await next).toEqual([{ one: 1 }]);
  });

  test("terminating interrupts what runs, refuses what waits, and closes", async () => {
    await open();
    const calls = [rejection(connection.all(ENDLESS)), rejection(connection.run("CREATE TABLE t (n)"))];
    await connection.terminate();
    for (const call of calls) expect(await call).toMatchObject({ code: "DATABASE_CLOSED" });
    expect(await rejection(connection.all("SELECT 1"))).toMatchObject({ code: "DATABASE_CLOSED" });
    await connection.terminate();
    expect(await rawRead(folder.file("app.db"), "SELECT name FROM sqlite_schema")).toEqual([]);
  });

  test("closing lets the calls that were made end, and refuses further ones", async () => {
    await open();
    await connection.all("PRAGMA journal_mode = WAL");
    const calls = [connection.run("CREATE TABLE t (n)")];
    for (let n = 0; n < 20; n++) calls.push(connection.run(`INSERT INTO t VALUES (${n})`));
    const order: string[] = [];
    const closed = connection.close().then(() => order.push("closed"));
    const last = calls.at(-1)!.then(() => order.push("last call"));
    await expect(connection.all("SELECT 1")).rejects.toThrow("closed");
    await Promise.all([...calls, last, closed, connection.close()]);
    expect(order).toEqual(["last call", "closed"]);
    expect(existsSync(folder.file("app.db-wal"))).toBe(false);
    expect(await rawRead(folder.file("app.db"), "SELECT count(*) AS n FROM t")).toEqual([{ n: 20 }]);
  });
});

test("it waits for no lock natively: BUSY comes back at once", async () => {
  await open();
  await connection.run("CREATE TABLE t (n)");
  expect(await connection.all("PRAGMA busy_timeout")).toEqual([{ timeout: 0 }]);
});

test("an open that fails rejects with SQLite's error", async () => {
  await open();
  const path = folder.file("missing.db");
  expect(await rejection(openConnection({ path, mode: "rw", role: "writer" }))).toMatchObject({
    code: "SQLITE_CANTOPEN",
  });
});
