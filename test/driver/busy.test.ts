import { readFile, writeFile } from "node:fs/promises";
import { runInNewContext } from "node:vm";
import { retryWhileBusy } from "../../src/driver/busy-retry";
import { BusyError } from "../../src/errors";
import { dataSources, rejection } from "../support/data-sources";
import { isPending, settle } from "../support/deferred";
import { RawDatabase, rawExec, rawRead } from "../support/raw-database";
import { temporaryFolder } from "../support/temporary-folder";

// A raw connection stands for another process that holds a lock.

const open = dataSources();
let other: RawDatabase;
beforeEach(async () => {
  await rawExec(path(), "PRAGMA journal_mode = WAL; CREATE TABLE t (n INTEGER)");
  other = await RawDatabase.open(path());
});
afterEach(() => other.close());
const folder = temporaryFolder();
const path = () => folder.file("app.db");
const rows = async () => (await rawRead(path(), "SELECT n FROM t ORDER BY n")).map(({ n }) => n);

describe("while another process holds the lock", () => {
  test("statements, transactions and raw BEGINs wait for it and then succeed", async () => {
    const dataSource = await open({ database: path() });
    await other.exec("BEGIN IMMEDIATE; INSERT INTO t VALUES (0)");
    const rawTransaction = async (): Promise<void> => {
      const runner = dataSource.createQueryRunner();
      await runner.query("BEGIN");
      await runner.query("INSERT INTO t VALUES (3)");
      await runner.query("COMMIT");
      await runner.release();
    };
    const waiting = Promise.all([
      dataSource.query("INSERT INTO t VALUES (1)"),
      dataSource.transaction((manager) => manager.query("INSERT INTO t VALUES (2)")),
      rawTransaction(),
    ]);
    expect(await isPending(waiting)).toBe(true);
    await other.exec("COMMIT");
    await waiting;
    expect(await rows()).toEqual([0, 1, 2, 3]);
  });

  test("reads go on as if nothing were", async () => {
    const dataSource = await open({ database: path() });
    await other.exec("BEGIN IMMEDIATE; INSERT INTO t VALUES (0)");
    expect(await dataSource.query("SELECT n FROM t")).toEqual([]);
    await other.exec("COMMIT");
    expect(await dataSource.query("SELECT n FROM t")).toEqual([{ n: 0 }]);
  });

  test("no thread of the pool waits: files are read and the event loop turns", async () => {
    await writeFile(folder.file("note.txt"), "a note");
    // As many writers as libuv has threads, which a native wait would all hold.
    const sources = await Promise.all(Array.from({ length: 4 }, () => open({ database: path() })));
    await other.exec("BEGIN IMMEDIATE");
    const waiting = Promise.all(sources.map((source, n) => source.query("INSERT INTO t VALUES (?)", [n])));
    for (let times = 0; times < 20; times++) {
      await settle();
      expect(await readFile(folder.file("note.txt"), "utf8")).toBe("a note");
    }
    expect(await isPending(waiting)).toBe(true);
    await other.exec("COMMIT");
    await waiting;
    expect(await rows()).toEqual([0, 1, 2, 3]);
  });

  test("for longer than busyTimeout a statement fails with a BusyError, and nothing is held", async () => {
    const dataSource = await open({ database: path(), busyTimeout: 0.05 });
    await other.exec("BEGIN IMMEDIATE");
    const busy = await rejection(dataSource.query("INSERT INTO t VALUES (?)", [1]));
    expect(busy).toBeInstanceOf(BusyError);
    expect(busy).toMatchObject({ code: "SQLITE_BUSY", query: "INSERT INTO t VALUES (?)", parameters: [1] });
    expect(busy.message).toContain("raise busyTimeout");
    await other.exec("COMMIT");
    await dataSource.query("INSERT INTO t VALUES (2)");
    expect(await rows()).toEqual([2]);
  });

  test("for longer than busyTimeout a transaction fails with a BusyError, and nothing is held", async () => {
    const dataSource = await open({ database: path(), busyTimeout: 0.05 });
    await other.exec("BEGIN IMMEDIATE");
    let entered = false;
    const busy = await rejection(
      dataSource.transaction(async () => {
        entered = true;
      }),
    );
    expect(entered).toBe(false);
    expect(dataSource.driver.lender.pool.writerStats).toMatchObject({ active: 0 });
    await other.exec("COMMIT");
    await dataSource.transaction((manager) => manager.query("INSERT INTO t VALUES (2)"));
    expect(await rows()).toEqual([2]);
    expect(busy).toBeInstanceOf(BusyError);
    expect(busy).toMatchObject({ code: "SQLITE_BUSY", query: expect.stringContaining("BEGIN") });
  });

  test("with busyTimeout 0 nothing waits", async () => {
    const dataSource = await open({ database: path(), busyTimeout: 0 });
    await other.exec("BEGIN IMMEDIATE");
    expect(await rejection(dataSource.query("DELETE FROM t"))).toMatchObject({ code: "SQLITE_BUSY" });
    await other.exec("COMMIT");
  });
});

test("several processes that write to one file lose nothing", async () => {
  const sources = await Promise.all(
    Array.from({ length: 4 }, () => open({ database: path(), busyTimeout: 60 })),
  );
  await rawExec(path(), "INSERT INTO t VALUES (0)");
  await Promise.all(
    sources.flatMap((source) =>
      Array.from({ length: 15 }, () =>
        source.transaction(async (manager) => {
          const [{ n }] = await manager.query("SELECT n FROM t");
          await manager.query("UPDATE t SET n = ?", [n + 1]);
        }),
      ),
    ),
  );
  expect(await rows()).toEqual([60]);
});

describe("without WAL", () => {
  const openRollback = (busyTimeout: number) =>
    open({ database: path(), busyTimeout, pragmas: { journal_mode: "DELETE" } });

  test("a COMMIT waits for another process that reads, and then succeeds", async () => {
    const dataSource = await openRollback(60);
    await other.exec("BEGIN; SELECT count(*) FROM t");
    const committed = dataSource.transaction((manager) => manager.query("INSERT INTO t VALUES (1)"));
    expect(await isPending(committed)).toBe(true);
    await other.exec("COMMIT");
    await committed;
    expect(await rows()).toEqual([1]);
  });

  test("a COMMIT that waits in vain rolls back", async () => {
    const dataSource = await openRollback(0.05);
    await other.exec("BEGIN; SELECT count(*) FROM t");
    const committed = dataSource.transaction((manager) => manager.query("INSERT INTO t VALUES (1)"));
    expect(await rejection(committed)).toMatchObject({ code: "SQLITE_BUSY" });
    await other.exec("COMMIT");
    expect(await rows()).toEqual([]);
    await dataSource.transaction((manager) => manager.query("INSERT INTO t VALUES (2)"));
    expect(await rows()).toEqual([2]);
  });

  test("a read waits for another process that is writing, whatever kind of read it is", async () => {
    const dataSource = await openRollback(60);
    for (const sql of ["SELECT n FROM t", "PRAGMA table_info(t)"]) {
      await other.exec("BEGIN EXCLUSIVE");
      const read = dataSource.query(sql);
      expect(await isPending(read)).toBe(true);
      await other.exec("COMMIT");
      await read;
    }
  });
});

describe("opening", () => {
  test("waits while another process has locked the whole file", async () => {
    await other.exec("PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE");
    const opened = open({ database: path(), pragmas: { journal_mode: "DELETE" } });
    expect(await isPending(opened)).toBe(true);
    await other.exec("COMMIT");
    await opened;
  });

  test("fails with a BusyError that names the file when that takes too long, and can be tried again", async () => {
    await other.exec("PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE");
    const refused = await rejection(open({ database: path(), busyTimeout: 0.05 }));
    expect(refused).toBeInstanceOf(BusyError);
    expect(refused.message).toContain("app.db");
    await other.exec("COMMIT");
    await open({ database: path() });
  });
});

describe("retryWhileBusy", () => {
  // Jest runs tests in a realm of their own, and sqlite3 may make its errors in another.
  const busy = (): Error =>
    runInNewContext("Object.assign(new Error('SQLITE_BUSY: locked'), { errno: 5, code: 'SQLITE_BUSY' })");

  test("knows an engine's error of whichever realm", async () => {
    let attempts = 0;
    const outcome = await retryWhileBusy(
      async () => {
        if (++attempts < 3) throw busy();
        return "done";
      },
      { busyTimeout: 60_000 },
    );
    expect([outcome, attempts]).toEqual(["done", 3]);
  });

  test("tries nothing again that failed for another reason", async () => {
    let attempts = 0;
    const failure = new Error("something else");
    const attempt = retryWhileBusy(
      async () => {
        attempts++;
        throw failure;
      },
      { busyTimeout: 60_000 },
    );
    await expect(attempt).rejects.toBe(failure);
    expect(attempts).toBe(1);
  });

  test("ends when its signal is aborted", async () => {
    const controller = new AbortController();
    const attempt = retryWhileBusy(
      async () => {
        controller.abort();
        throw busy();
      },
      { busyTimeout: 60_000, signal: controller.signal },
    );
    await expect(attempt).rejects.toMatchObject({ name: "AbortError" });
  });
});
