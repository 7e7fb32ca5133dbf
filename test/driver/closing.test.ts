import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { SqliteDataSource } from "../../src/driver/sqlite-data-source";
import { DatabaseClosedError } from "../../src/errors";
import { runScript } from "../support/child-process";
import { dataSources, rejection } from "../support/data-sources";
import { deferred, isPending, until } from "../support/deferred";
import { openFiles } from "../support/open-files";
import { RawDatabase, rawRead } from "../support/raw-database";
import { temporaryFolder } from "../support/temporary-folder";

const open = dataSources();
const folder = temporaryFolder();
const path = () => folder.file("app.db");
// So long that no test waits for its end.
const ENDLESS =
  "WITH RECURSIVE n AS (SELECT 1 UNION ALL SELECT 1 FROM n LIMIT 1000000000) SELECT count(*) FROM n";

async function openTable(
  options: { closeTimeout?: number; poolSize?: number } = {},
): Promise<SqliteDataSource> {
  const dataSource = await open({ database: path(), ...options });
  await dataSource.query("CREATE TABLE IF NOT EXISTS t (n INTEGER)");
  return dataSource;
}

const rows = async () => (await rawRead(path(), "SELECT n FROM t ORDER BY n")).map(({ n }) => n);

const onLinux = process.platform === "linux" ? test : test.skip;

describe("destroy() lets work in flight end:", () => {
  test("single statements that run or wait", async () => {
    const dataSource = await openTable({ poolSize: 2 });
    const work = Array.from({ length: 30 }, (_, n) => [
      dataSource.query("INSERT INTO t VALUES (?)", [n]),
      dataSource.query("SELECT ? AS n", [n]),
    ]).flat();
    await until(() => dataSource.driver.lender.pool.writerStats.waiting > 0);
    await dataSource.destroy();
    const results = await Promise.all(work);
    expect(results.filter(Array.isArray).map(([{ n }]) => n)).toEqual(
      Array.from({ length: 30 }, (_, n) => n),
    );
    expect(await rows()).toEqual(Array.from({ length: 30 }, (_, n) => n));
  });

  test("a transaction, with all the statements that it still has to run", async () => {
    const dataSource = await openTable();
    const entered = deferred();
    const leave = deferred();
    const work = dataSource.transaction(async (manager) => {
      await manager.query("INSERT INTO t VALUES (1)");
      entered.resolve();
      await leave.promise;
      await manager.query("INSERT INTO t VALUES (2)");
      await manager.transaction((inner) => inner.query("INSERT INTO t VALUES (3)"));
    });
    await entered.promise;
    const destroyed = dataSource.destroy();
    expect(await isPending(destroyed)).toBe(true);
    expect(await rejection(dataSource.query("SELECT 1"))).toBeInstanceOf(DatabaseClosedError);
    leave.resolve();
    await Promise.all([work, destroyed]);
    expect(await rows()).toEqual([1, 2, 3]);
  });

  test("transactions that wait for the writer", async () => {
    const dataSource = await openTable();
    const work = Array.from({ length: 20 }, (_, n) =>
      dataSource.transaction((manager) => manager.query("INSERT INTO t VALUES (?)", [n])),
    );
    await until(() => dataSource.driver.lender.pool.writerStats.waiting === 19);
    await Promise.all([dataSource.destroy(), ...work]);
    expect(await rows()).toHaveLength(20);
  });

  test("a runner that has the writer for itself", async () => {
    const dataSource = await openTable();
    const runner = dataSource.createQueryRunner();
    await runner.query("CREATE TEMP TABLE mine (n)");
    const destroyed = dataSource.destroy();
    expect(await isPending(destroyed)).toBe(true);
    await runner.query("INSERT INTO mine VALUES (1)");
    await runner.query("INSERT INTO t SELECT n FROM mine");
    await runner.release();
    await destroyed;
    expect(await rows()).toEqual([1]);
  });
});

describe("destroy() ends after closeTimeout:", () => {
  test("what runs is interrupted, and rolled back", async () => {
    const dataSource = await openTable({ closeTimeout: 0.05 });
    const work = rejection(
      dataSource.transaction(async (manager) => {
        await manager.query("INSERT INTO t VALUES (1)");
        await manager.query(ENDLESS);
      }),
    );
    const read = rejection(dataSource.query(ENDLESS));
    await until(() => dataSource.driver.lender.pool.readerStats.active === 1);
    await dataSource.destroy();
    expect(await work).toMatchObject({ code: "DATABASE_CLOSED" });
    expect(await read).toMatchObject({ code: "DATABASE_CLOSED" });
    expect(await rows()).toEqual([]);
  });

  test("more endless statements than threads are all interrupted", async () => {
    const dataSource = await openTable({ closeTimeout: 0.05 });
    const reads = Array.from({ length: 10 }, (_, n) =>
      rejection(dataSource.query(`${ENDLESS} WHERE ${n} < 99`)),
    );
    // More of them than run: the others wait for a thread.
    await until(() => dataSource.driver.lender.pool.readerStats.active > 2);
    await dataSource.destroy();
    for (const read of reads) expect((await read).message).toMatch(/INTERRUPT|clos/);
  });

  test("a transaction that does nothing is rolled back, and what it tries later is refused", async () => {
    const dataSource = await openTable({ closeTimeout: 0.05 });
    const leave = deferred();
    const entered = deferred();
    const work = rejection(
      dataSource.transaction(async (manager) => {
        await manager.query("INSERT INTO t VALUES (1)");
        entered.resolve();
        await leave.promise;
        await manager.query("INSERT INTO t VALUES (2)");
      }),
    );
    await entered.promise;
    await dataSource.destroy();
    leave.resolve();
    expect(await work).toBeInstanceOf(DatabaseClosedError);
    expect(await rows()).toEqual([]);
  });

  test("who waits is sent away", async () => {
    const dataSource = await openTable({ closeTimeout: 0.05 });
    const holder = dataSource.createQueryRunner();
    await holder.startTransaction();
    const waiting = rejection(dataSource.query("INSERT INTO t VALUES (1)"));
    await until(() => dataSource.driver.lender.pool.writerStats.waiting === 1);
    await dataSource.destroy();
    expect(await waiting).toBeInstanceOf(DatabaseClosedError);
    await holder.release().catch(() => {});
    expect(await rows()).toEqual([]);
  });
});

describe("after destroy()", () => {
  test("no -wal and no -shm are left behind", async () => {
    const dataSource = await openTable();
    await Promise.all(Array.from({ length: 20 }, () => dataSource.query("INSERT INTO t VALUES (1)")));
    await Promise.all(Array.from({ length: 20 }, () => dataSource.query("SELECT * FROM t")));
    // More texts than are kept prepared, on readers and on the writer.
    for (let n = 0; n < 250; n++) await dataSource.query(`SELECT ${n}`);
    expect(existsSync(`${path()}-wal`)).toBe(true);
    await dataSource.destroy();
    expect(readdirSync(folder.path)).toEqual(["app.db"]);
  });

  test("the WAL is empty even if another process has the file open", async () => {
    const dataSource = await openTable();
    const raw = await RawDatabase.open(path());
    await raw.all("SELECT * FROM t");
    await dataSource.query("INSERT INTO t VALUES (1)");
    await dataSource.destroy();
    // Nothing is left to copy from it to the file: https://sqlite.org/pragma.html#pragma_wal_checkpoint
    expect(await raw.all("PRAGMA wal_checkpoint(PASSIVE)")).toEqual([{ busy: 0, log: 0, checkpointed: 0 }]);
    await raw.close();
  });

  test("everything is refused with DatabaseClosedError", async () => {
    const dataSource = await openTable();
    const runner = dataSource.createQueryRunner();
    await dataSource.destroy();
    expect(await rejection(runner.query("SELECT 1"))).toBeInstanceOf(DatabaseClosedError);
    expect(await rejection(runner.startTransaction())).toBeInstanceOf(DatabaseClosedError);
    expect(await rejection(dataSource.transaction(async () => {}))).toBeInstanceOf(DatabaseClosedError);
    await runner.release();
  });

  test("initialize() opens it again", async () => {
    const dataSource = await openTable();
    await dataSource.query("INSERT INTO t VALUES (1)");
    for (let times = 0; times < 3; times++) {
      await dataSource.destroy();
      await dataSource.initialize();
      expect(await dataSource.query("SELECT n FROM t")).toEqual([{ n: 1 }]);
    }
  });

  onLinux("50 times no file descriptor is left", async () => {
    const dataSource = await openTable({ poolSize: 3 });
    expect(openFiles(folder.path)).not.toEqual([]);
    await dataSource.destroy();
    for (let cycle = 0; cycle < 50; cycle++) {
      await dataSource.initialize();
      await dataSource.transaction((manager) => manager.query("INSERT INTO t VALUES (1)"));
      await Promise.all(Array.from({ length: 4 }, () => dataSource.query("SELECT * FROM t")));
      await dataSource.destroy();
    }
    expect(openFiles(folder.path)).toEqual([]);
    expect(await rows()).toHaveLength(50);
  });
});

test("a process that opened and closed a database ends by itself", async () => {
  const script = join(__dirname, "open-and-close.ts");
  expect(await runScript(script, [path()], 20_000)).toEqual({ code: 0, signal: null, output: "done\n" });
  expect(await rows()).toHaveLength(20);
  expect(readdirSync(folder.path)).toEqual(["app.db"]);
});
