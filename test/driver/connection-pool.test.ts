import { existsSync, renameSync, rmSync } from "node:fs";
import { type Connection, openConnection } from "../../src/driver/connection";
import { setPragmas } from "../../src/driver/connection-setup";
import type { SqliteDataSource } from "../../src/driver/sqlite-data-source";
import { PoolTimeoutError } from "../../src/errors";
import { SqliteDatabase } from "../../src/sqlite-database";
import { movableClock } from "../support/clock";
import { dataSources, rejection } from "../support/data-sources";
import { deferred, until } from "../support/deferred";
import { rawExec, rawRead } from "../support/raw-database";
import { temporaryFolder } from "../support/temporary-folder";

const open = dataSources();
const folder = temporaryFolder();
const clock = movableClock();
const path = () => folder.file("app.db");

const poolOf = (dataSource: SqliteDataSource) => dataSource.driver.lender.pool;

function take(dataSource: SqliteDataSource, count: number): Promise<Connection[]> {
  return Promise.all(Array.from({ length: count }, () => dataSource.driver.lender.acquire("reader", "test")));
}

async function giveBack(dataSource: SqliteDataSource, connections: Connection[]): Promise<void> {
  for (const connection of connections) await poolOf(dataSource).release(connection);
}

describe("pragmas", () => {
  const EXPECTED = {
    foreign_keys: 1,
    journal_mode: "wal",
    synchronous: 1,
    busy_timeout: 0,
    cache_size: -16_000,
    journal_size_limit: 67_108_864,
    trusted_schema: 0,
    mmap_size: 0,
  };

  async function pragmasOf(
    connection: Connection,
    names: readonly string[],
  ): Promise<Record<string, unknown>> {
    const read: Record<string, unknown> = {};
    for (const name of names) {
      const [row] = await connection.all(`PRAGMA ${name}`);
      read[name] = Object.values(row ?? {})[0];
    }
    return read;
  }

  test("are the same on the writer, on every reader and on those beyond the pool size", async () => {
    const dataSource = await open({ database: path(), poolSize: 2, maxOverflow: 2 });
    const writer = await dataSource.driver.lender.acquire("writer", "test");
    const readers = await take(dataSource, 4);
    const names = [...Object.keys(EXPECTED), "query_only"];
    expect(await pragmasOf(writer, names)).toEqual({ ...EXPECTED, query_only: 0 });
    for (const reader of readers) {
      expect(await pragmasOf(reader, names)).toEqual({ ...EXPECTED, query_only: 1 });
    }
    await giveBack(dataSource, [writer, ...readers]);
  });

  test("are set again on what replaces a connection", async () => {
    const dataSource = await open({ database: path(), poolRecycle: 60 });
    const before = await dataSource.driver.lender.acquire("writer", "test");
    await giveBack(dataSource, [before]);
    clock.advance(60_000);
    const after = await dataSource.driver.lender.acquire("writer", "test");
    expect(after).not.toBe(before);
    expect(await pragmasOf(after, Object.keys(EXPECTED))).toEqual(EXPECTED);
    await giveBack(dataSource, [after]);
  });

  test("that are given come beside the others or take their place", async () => {
    const pragmas = { synchronous: "FULL", cache_size: -4000, recursive_triggers: true, user_version: 7 };
    const dataSource = await open({ database: path(), pragmas });
    const writer = await dataSource.driver.lender.acquire("writer", "test");
    const readers = await take(dataSource, 1);
    for (const connection of [writer, ...readers]) {
      const names = [...Object.keys(EXPECTED), "recursive_triggers", "user_version"];
      expect(await pragmasOf(connection, names)).toEqual({
        ...EXPECTED,
        synchronous: 2,
        cache_size: -4000,
        recursive_triggers: 1,
        user_version: 7,
      });
    }
    await giveBack(dataSource, [writer, ...readers]);
  });

  test("of the file are there before the first table: page size and encoding", async () => {
    const dataSource = await open({ database: path(), pragmas: { page_size: 8192, encoding: "UTF-16le" } });
    await dataSource.query("CREATE TABLE t (n)");
    expect(await rawRead(path(), "PRAGMA page_size")).toEqual([{ page_size: 8192 }]);
    expect(await rawRead(path(), "PRAGMA encoding")).toEqual([{ encoding: "UTF-16le" }]);
  });

  test("may choose another journal mode, with which everything works", async () => {
    const dataSource = await open({ database: path(), pragmas: { journal_mode: "DELETE" } });
    await dataSource.query("CREATE TABLE t (n INTEGER)");
    await Promise.all(
      Array.from({ length: 20 }, async (_, n) => {
        await dataSource.transaction((manager) => manager.query("INSERT INTO t VALUES (?)", [n]));
        await dataSource.query("SELECT * FROM t");
      }),
    );
    expect(await rawRead(path(), "PRAGMA journal_mode")).toEqual([{ journal_mode: "delete" }]);
    expect(await dataSource.query("SELECT count(*) AS n FROM t")).toEqual([{ n: 20 }]);
    expect(existsSync(`${path()}-wal`)).toBe(false);
  });

  test("that SQLite does not take are an error that names them", async () => {
    await rawExec(path(), "PRAGMA page_size = 4096; CREATE TABLE t (n)");
    const refused = await rejection(open({ database: path(), pragmas: { page_size: 8192 } }));
    expect(refused).toMatchObject({ name: "ConfigurationError", code: "CONFIGURATION" });
    expect(refused.message).toMatch(/PRAGMA page_size = 8192 was not taken, it is 4096/);
  });

  test("a place without WAL is an error that names the remedy", async () => {
    const dataSource = await open({ database: path() });
    // SQLite's own temporary database, of which it makes no WAL: https://sqlite.org/inmemorydb.html#temp_db
    const connection = await openConnection({ path: "", mode: "rwc", role: "writer" });
    const refused = await rejection(setPragmas(connection, dataSource.driver.settings));
    await connection.close();
    expect(refused).toMatchObject({ name: "ConfigurationError" });
    expect(refused.message).toMatch(/journal_mode = WAL was not taken, it is delete/);
    expect(refused.message).toMatch(/use another folder, or pragmas: \{ journal_mode: "DELETE" \}/);
  });
});

describe("size and overflow", () => {
  test("readers beyond poolSize are opened while needed and closed when given back", async () => {
    const dataSource = await open({ database: path(), poolSize: 2, maxOverflow: 1 });
    expect(poolOf(dataSource).readerStats).toMatchObject({ total: 0, limit: 3 });
    const readers = await take(dataSource, 3);
    expect(poolOf(dataSource).readerStats).toMatchObject({ total: 3, active: 3, idle: 0 });
    await giveBack(dataSource, readers);
    expect(poolOf(dataSource).readerStats).toMatchObject({ total: 2, active: 0, idle: 2 });
    await expect(readers[0]!.all("SELECT 1")).rejects.toThrow("closed");
  });

  test("maxOverflow: -1 is no limit", async () => {
    const dataSource = await open({ database: path(), poolSize: 1, maxOverflow: -1 });
    const readers = await take(dataSource, 40);
    expect(poolOf(dataSource).readerStats).toMatchObject({ active: 40, limit: Number.POSITIVE_INFINITY });
    await giveBack(dataSource, readers);
    expect(poolOf(dataSource).readerStats).toMatchObject({ total: 1 });
  });

  test("no more than poolSize and maxOverflow readers run at once, and everyone is served", async () => {
    const dataSource = await open({ database: path(), poolSize: 2, maxOverflow: 1 });
    const rows = await Promise.all(
      Array.from({ length: 50 }, (_, n) => {
        expect(poolOf(dataSource).readerStats.total).toBeLessThanOrEqual(3);
        return dataSource.query("SELECT ? AS n", [n]);
      }),
    );
    expect(rows.map(([{ n }]) => n)).toEqual(Array.from({ length: 50 }, (_, n) => n));
    await until(() => poolOf(dataSource).readerStats.total <= 2);
  });
});

describe("poolTimeout", () => {
  test("names who holds the writer, for how long, and what ran last", async () => {
    const dataSource = await open({ database: path(), poolTimeout: 0.5 });
    await dataSource.query("CREATE TABLE t (n INTEGER)");
    const holder = dataSource.createQueryRunner();
    await holder.startTransaction();
    await holder.query("INSERT   INTO t\nVALUES (1)");
    clock.advance(12_300);
    const refused = await rejection(dataSource.query("DELETE FROM t"));
    expect(refused).toBeInstanceOf(PoolTimeoutError);
    const { holders, message } = refused as PoolTimeoutError;
    expect(holders).toEqual([
      { label: "transaction", age: expect.any(Number), statement: "INSERT   INTO t\nVALUES (1)" },
    ]);
    expect(holders[0]!.age).toBeGreaterThan(12);
    expect(holders[0]!.age).toBeLessThan(30);
    expect(message).toMatch(/writer's turn/);
    expect(message).toMatch(/poolTimeout \(0\.5 s\)/);
    expect(message).toMatch(/"transaction" for 1\d\.\d s, last: INSERT INTO t VALUES \(1\)/);
    await holder.release();
    await dataSource.query("DELETE FROM t");
  });

  test.each([
    ["an INSERT that failed", "INSERT INTO t VALUES (1)", {}],
    ["an INSERT that returns rows", "INSERT INTO t VALUES (2) RETURNING n", {}],
    ["a query without rows", "SELECT n FROM t WHERE n = -1", {}],
    ["a query that must not write", "SELECT 43", { readonly: true }],
    ["columns named by numbers", 'SELECT 1 AS n, 2 AS "0"', {}],
  ])("what ran last is what was asked for: %s", async (_, sql, options) => {
    const database = await new SqliteDatabase(path(), { poolTimeout: 0.05 }).init();
    await database.execScript("CREATE TABLE t (n INTEGER UNIQUE); INSERT INTO t VALUES (1)");
    const session = await database.openSession();
    await session.exec("UPDATE t SET n = 1");
    await session.exec(sql, {}, options).catch(() => {});
    const refused = (await rejection(database.exec("DELETE FROM t"))) as PoolTimeoutError;
    expect(refused.holders.map(({ statement }) => statement)).toEqual([sql]);
    await session.close();
    await database.close();
  });

  test("of zero is for others only, and not for a connection that has to be opened", async () => {
    const database = await new SqliteDatabase(path(), { poolTimeout: 0 }).init();
    expect((await database.exec("SELECT 1")).scalar()).toBe(1);
    await database.exec("CREATE TABLE t (n)");
    const session = await database.openSession();
    await session.exec("INSERT INTO t VALUES (1)");
    await expect(database.exec("INSERT INTO t VALUES (2)")).rejects.toThrow(PoolTimeoutError);
    await session.close();
    await database.close();
  });

  test("names all who hold readers, and the one who waited", async () => {
    const dataSource = await open({ database: path(), poolSize: 1, maxOverflow: 1, poolTimeout: 0.5 });
    const first = await dataSource.driver.lender.acquire("reader", "first");
    const second = await dataSource.driver.lender.acquire("reader", "second");
    await second.all("SELECT 2");
    const refused = (await rejection(
      dataSource.driver.lender.acquire("reader", "third"),
    )) as PoolTimeoutError;
    expect(refused).toBeInstanceOf(PoolTimeoutError);
    expect(refused.holders.map(({ label }) => label)).toEqual(["first", "second"]);
    expect(refused.holders[1]!.statement).toBe("SELECT 2");
    expect(refused.message).toContain('for "third"');
    expect(poolOf(dataSource).readerStats.waiting).toBe(0);
    await giveBack(dataSource, [first, second]);
    await giveBack(dataSource, await take(dataSource, 2));
  });

  test("lets a transaction that waited too long go without a trace", async () => {
    const dataSource = await open({ database: path(), poolTimeout: 0.5, closeTimeout: 1 });
    await dataSource.query("CREATE TABLE t (n INTEGER)");
    const holder = dataSource.createQueryRunner();
    await holder.startTransaction();
    const late = dataSource.transaction((manager) => manager.query("INSERT INTO t VALUES (1)"));
    expect(await rejection(late)).toBeInstanceOf(PoolTimeoutError);
    await holder.release();
    expect(await rawRead(path(), "SELECT * FROM t")).toEqual([]);
    expect(poolOf(dataSource).writerStats).toMatchObject({ active: 0, waiting: 0 });
  });
});

describe("recycling", () => {
  test("a connection older than poolRecycle is replaced at its next use", async () => {
    const dataSource = await open({ database: path(), poolRecycle: 60, poolPrePing: false });
    const [reader] = await take(dataSource, 1);
    await giveBack(dataSource, [reader!]);
    clock.advance(59_000);
    expect(await take(dataSource, 1)).toEqual([reader]);
    await giveBack(dataSource, [reader!]);
    clock.advance(1_000);
    const [other] = await take(dataSource, 1);
    expect(other).not.toBe(reader);
    await giveBack(dataSource, [other!]);
    await expect(reader!.all("SELECT 1")).rejects.toThrow("closed");
    expect(poolOf(dataSource).readerStats.total).toBe(1);
  });

  test("poolRecycle: -1 is never", async () => {
    const dataSource = await open({ database: path(), poolRecycle: -1 });
    const [reader] = await take(dataSource, 1);
    await giveBack(dataSource, [reader!]);
    clock.advance(1_000_000_000);
    expect(await take(dataSource, 1)).toEqual([reader]);
    await giveBack(dataSource, [reader!]);
  });

  test("goes on under load, and nobody notices", async () => {
    const dataSource = await open({ database: path(), poolSize: 3, poolRecycle: 1 });
    await dataSource.query("CREATE TABLE t (n INTEGER)");
    for (let round = 0; round < 10; round++) {
      await Promise.all(
        Array.from({ length: 10 }, async () => {
          await dataSource.transaction((manager) => manager.query("INSERT INTO t VALUES (1)"));
          await dataSource.query("SELECT * FROM t");
          clock.advance(200);
        }),
      );
    }
    expect(await rawRead(path(), "SELECT count(*) AS n FROM t")).toEqual([{ n: 100 }]);
    // Those that were still being opened go when they find nobody who waits.
    await until(() => poolOf(dataSource).readerStats.total <= 3);
  });
});

describe("pre-ping", () => {
  const IDLE = 2_000;

  async function withRows(options: { poolPrePing?: boolean } = {}): Promise<SqliteDataSource> {
    const dataSource = await open({ database: path(), closeTimeout: 1, ...options });
    await dataSource.query("CREATE TABLE t (text)");
    await dataSource.query("INSERT INTO t VALUES ('old')");
    expect(await dataSource.query("SELECT text FROM t")).toEqual([{ text: "old" }]);
    return dataSource;
  }

  async function replaceFile(): Promise<void> {
    await rawExec(folder.file("new.db"), "CREATE TABLE t (text); INSERT INTO t VALUES ('new')");
    for (const suffix of ["", "-wal", "-shm"]) rmSync(path() + suffix, { force: true });
    renameSync(folder.file("new.db"), path());
  }

  test("a file that was replaced under the process is noticed, by readers and by the writer", async () => {
    const dataSource = await withRows();
    await replaceFile();
    clock.advance(IDLE);
    expect(await dataSource.query("SELECT text FROM t")).toEqual([{ text: "new" }]);
    await dataSource.query("INSERT INTO t VALUES ('newer')");
    await dataSource.destroy();
    expect(await rawRead(path(), "SELECT text FROM t")).toEqual([{ text: "new" }, { text: "newer" }]);
  });

  test("a file that was deleted is an error, and no new one is made", async () => {
    const dataSource = await withRows();
    for (const suffix of ["", "-wal", "-shm"]) rmSync(path() + suffix, { force: true });
    clock.advance(IDLE);
    const read = await rejection(dataSource.query("SELECT text FROM t"));
    expect(read).toMatchObject({ code: "SQLITE_CANTOPEN", name: "QueryError" });
    const written = await rejection(dataSource.query("INSERT INTO t VALUES ('lost')"));
    expect(written).toMatchObject({ code: "SQLITE_CANTOPEN", name: "QueryError" });
    expect(existsSync(path())).toBe(false);
  });

  test("a connection that is used all the time is not tested", async () => {
    const dataSource = await withRows();
    const [reader] = await take(dataSource, 1);
    const used = reader!.lastStatement;
    await giveBack(dataSource, [reader!]);
    clock.advance(500);
    const [again] = await take(dataSource, 1);
    expect(again!.lastStatement).toBe(used);
    await giveBack(dataSource, [again!]);
    clock.advance(IDLE);
    const [tested] = await take(dataSource, 1);
    expect(tested).toBe(reader);
    expect(tested!.lastStatement).toBe("PRAGMA schema_version");
    await giveBack(dataSource, [tested!]);
  });

  test("poolPrePing: false tests nothing", async () => {
    const dataSource = await withRows({ poolPrePing: false });
    const [reader] = await take(dataSource, 1);
    const used = reader!.lastStatement;
    await giveBack(dataSource, [reader!]);
    clock.advance(1_000_000);
    const [again] = await take(dataSource, 1);
    expect(again).toBe(reader);
    expect(again!.lastStatement).toBe(used);
    await giveBack(dataSource, [again!]);
  });

  test("ping() tells at once whether the file is still the one that is open", async () => {
    const dataSource = await withRows();
    expect(await poolOf(dataSource).ping()).toBe(true);
    await replaceFile();
    expect(await poolOf(dataSource).ping()).toBe(false);
    expect(poolOf(dataSource).readerStats.active).toBe(0);
  });
});

describe("lending", () => {
  test("a connection that is discarded is closed, and who waits gets a new one", async () => {
    const dataSource = await open({ database: path(), poolSize: 1, maxOverflow: 0 });
    const [reader] = await take(dataSource, 1);
    const waiting = take(dataSource, 1);
    await poolOf(dataSource).discard(reader!);
    const [other] = await waiting;
    expect(other).not.toBe(reader);
    await expect(reader!.all("SELECT 1")).rejects.toThrow("closed");
    await giveBack(dataSource, [other!]);
  });

  test("after the pool is closed it lends nothing", async () => {
    const dataSource = await open({ database: path() });
    const pool = poolOf(dataSource);
    await dataSource.destroy();
    for (const role of ["reader", "writer"] as const) {
      expect(pool.tryAcquire(role, "late")).toBeUndefined();
      expect(await rejection(pool.acquire(role, { label: "late" }))).toMatchObject({
        code: "DATABASE_CLOSED",
      });
    }
  });

  test("an abort ends the wait for the writer's turn", async () => {
    const dataSource = await open({ database: path() });
    const holder = await dataSource.driver.lender.acquire("writer", "holder");
    const controller = new AbortController();
    const waiting = poolOf(dataSource).acquire("writer", { label: "waiting", signal: controller.signal });
    const reason = new Error("no longer wanted");
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    const next = deferred<Connection>();
    dataSource.driver.lender.acquire("writer", "next").then(next.resolve, next.reject);
    await giveBack(dataSource, [holder]);
    expect(await next.promise).toBe(holder);
    await giveBack(dataSource, [holder]);
  });
});
