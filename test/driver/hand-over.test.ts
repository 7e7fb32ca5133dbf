import { renameSync } from "node:fs";
import { setImmediate as immediate } from "node:timers/promises";
import type { SqliteDataSource } from "../../src/driver/sqlite-data-source";
import type { SqliteDatabase } from "../../src/sqlite-database";
import { movableClock } from "../support/clock";
import { rejection } from "../support/data-sources";
import { testDatabases } from "../support/databases";
import { deferred, until } from "../support/deferred";
import { OtherProcess } from "../support/other-process";
import { randomTest } from "../support/random";
import { rawExec, rawRead } from "../support/raw-database";
import { StatementLog } from "../support/statement-log";

const databases = testDatabases();
const rows = async () => (await rawRead(databases.path, "SELECT n FROM t ORDER BY rowid")).map(({ n }) => n);

const clock = movableClock();
const log = new StatementLog();
afterEach(() => {
  log.heard = undefined;
});

async function open(options = {}): Promise<SqliteDatabase> {
  const database = await databases.open({ echo: log, ...options });
  await database.exec("CREATE TABLE t (n)");
  await database.exec("CREATE TABLE p (id INTEGER PRIMARY KEY)");
  await database.exec("CREATE TABLE c (p REFERENCES p DEFERRABLE INITIALLY DEFERRED)");
  log.take();
  return database;
}

const poolOf = (database: SqliteDatabase) => (database.dataSource as SqliteDataSource).driver.lender.pool;

const insert = (database: SqliteDatabase, n: number, signal?: AbortSignal) =>
  database.session((session) => session.exec("INSERT INTO t VALUES (?)", [n]), { signal });

/** A session that has the writer, until it is told to commit. */
async function holding(database: SqliteDatabase, sql = "INSERT INTO t VALUES (1)") {
  const [begun, end] = [deferred(), deferred()];
  const committed = database.session(async (session) => {
    await session.exec(sql);
    begun.resolve();
    await end.promise;
  });
  await begun.promise;
  const queued = (count: number) => until(() => poolOf(database).writerStats.waiting === count);
  return { committed, queued, commit: () => end.resolve() };
}

/** Calls `act` while the next commit is on its way. */
function duringCommit(act: () => void): void {
  log.heard = (query) => {
    if (query !== "COMMIT") return;
    log.heard = undefined;
    queueMicrotask(act);
  };
}

test("sessions that wait for each other are logged as if each began by itself", async () => {
  const database = await open();
  await Promise.all([1, 2, 3].map((n) => insert(database, n)));
  const each = ["BEGIN IMMEDIATE", "COMMIT"];
  expect(log.take().filter((sql) => !sql.startsWith("INSERT"))).toEqual([...each, ...each, ...each]);
  expect(await rows()).toEqual([1, 2, 3]);
});

test("the next transaction begins in the call that commits, a session as well as one of TypeORM's", async () => {
  const database = await open();
  const pool = poolOf(database);
  const writer = await pool.acquire("writer", { label: "test" });
  await pool.release(writer);
  const run = jest.spyOn(writer, "run");
  const commitAndBegin = jest.spyOn(writer, "commitAndBegin");
  const first = await holding(database);
  const second = database.dataSource.transaction((manager) => manager.query("INSERT INTO t VALUES (2)"));
  await first.queued(1);
  const third = insert(database, 3);
  await first.queued(2);
  first.commit();
  await Promise.all([first.committed, second, third]);
  expect(commitAndBegin).toHaveBeenCalledTimes(2);
  expect(run.mock.calls.map(([sql]) => sql).filter((sql) => !sql.startsWith("INSERT"))).toEqual([
    "BEGIN IMMEDIATE",
    "COMMIT",
  ]);
  expect(await rows()).toEqual([1, 2, 3]);
});

test("other processes get their chance after half a second, and until nobody waits any more", async () => {
  const database = await open();
  const pool = poolOf(database);
  const writer = await pool.acquire("writer", { label: "test" });
  await pool.release(writer);
  const commitAndBegin = jest.spyOn(writer, "commitAndBegin");
  for (const _ of [1, 2]) {
    commitAndBegin.mockClear();
    const first = await holding(database);
    const others = Promise.all([
      insert(database, 2),
      insert(database, 3).then(() => clock.advance(500)),
      insert(database, 4),
      insert(database, 5),
      insert(database, 6),
    ]);
    await first.queued(5);
    first.commit();
    await others;
    // 1 for 2, 2 for 3, and 3 for 4 before the clock moved.
    expect(commitAndBegin).toHaveBeenCalledTimes(3);
  }
});

test("a commit that fails is the failure of its own session, and the next one begins for itself", async () => {
  const database = await open();
  const first = await holding(database, "INSERT INTO c VALUES (7)");
  const second = insert(database, 2);
  await first.queued(1);
  first.commit();
  expect(await rejection(first.committed)).toMatchObject({ code: "SQLITE_CONSTRAINT", query: "COMMIT" });
  await second;
  expect(await rows()).toEqual([2]);
  expect(await rawRead(databases.path, "SELECT * FROM c")).toEqual([]);
});

test("a transaction whose commit failed is still open, and can be committed after all", async () => {
  const database = await open();
  const runner = database.dataSource.createQueryRunner();
  await runner.startTransaction();
  await runner.query("INSERT INTO c VALUES (7)");
  const second = insert(database, 2);
  await until(() => poolOf(database).writerStats.waiting === 1);
  expect(await rejection(runner.commitTransaction())).toMatchObject({ code: "SQLITE_CONSTRAINT" });
  await runner.query("INSERT INTO p VALUES (7)");
  await runner.commitTransaction();
  await runner.release();
  await second;
  expect(await rawRead(databases.path, "SELECT * FROM c")).toEqual([{ p: 7 }]);
  expect(await rows()).toEqual([2]);
});

test("a commit that another process keeps busy is tried again, and nobody goes before it", async () => {
  const database = await open({ pragmas: { journal_mode: "DELETE" } });
  await using other = new OtherProcess(databases.path);
  const first = await holding(database);
  const second = insert(database, 2);
  await first.queued(1);
  // A reader keeps a writer from committing where there is no WAL.
  await other.run("BEGIN");
  await other.run("SELECT * FROM t");
  first.commit();
  await until(() => log.take().includes("COMMIT"));
  expect(poolOf(database).writerStats.waiting).toBe(1);
  await other.run("COMMIT");
  await Promise.all([first.committed, second]);
  expect(await rows()).toEqual([1, 2]);
});

test("two processes that write in turns lose nothing", async () => {
  const database = await open({ busyTimeout: 60 });
  await using other = new OtherProcess(databases.path);
  await other.run("PRAGMA busy_timeout = 60000");
  const theirs = async () => {
    for (let n = 0; n < 100; n++) await other.run("INSERT INTO p DEFAULT VALUES");
  };
  const ours = Promise.all(Array.from({ length: 500 }, (_, n) => insert(database, n)));
  await Promise.all([ours, theirs()]);
  expect(await rows()).toEqual(Array.from({ length: 500 }, (_, n) => n));
  expect(await rawRead(databases.path, "SELECT count(*) AS n FROM p")).toEqual([{ n: 100 }]);
});

describe("where the next one gives up while it is begun", () => {
  type Work = (database: SqliteDatabase) => Promise<unknown>;
  const statement: Work = (database) => database.exec("INSERT INTO t VALUES (4)");

  async function abortDuringCommit(behind: Work, after = statement): Promise<void> {
    const database = await open();
    const controller = new AbortController();
    const first = await holding(database);
    const second = rejection(insert(database, 2, controller.signal));
    await first.queued(1);
    const third = behind(database);
    const reason = new Error("enough");
    duringCommit(() => controller.abort(reason));
    first.commit();
    await first.committed;
    expect(await second).toBe(reason);
    await third;
    await after(database);
    expect(await rows()).toContain(4);
  }

  test("a statement after it is committed at once", async () => {
    await abortDuringCommit(async () => {});
    expect(await rows()).toEqual([1, 4]);
  });

  test("a session after it begins for itself", async () => {
    await abortDuringCommit(
      async () => {},
      (database) => insert(database, 4),
    );
    expect(await rows()).toEqual([1, 4]);
  });

  test("a statement that waits behind it is committed at once", async () => {
    await abortDuringCommit(async (database) => {
      await database.exec("INSERT INTO t VALUES (3)");
      expect(await rows()).toEqual([1, 3]);
    });
  });

  test("the session behind it gets its place", async () => {
    await abortDuringCommit(async (database) => {
      await insert(database, 3);
      expect(await rows()).toEqual([1, 3]);
    });
  });
});

test("a statement that waits between two sessions keeps its place, and is a transaction of its own", async () => {
  const database = await open();
  const first = await holding(database);
  const second = database.exec("INSERT INTO t VALUES (2)").then(rows);
  await first.queued(1);
  const third = insert(database, 3);
  await first.queued(2);
  first.commit();
  expect((await second).slice(0, 2)).toEqual([1, 2]);
  await Promise.all([first.committed, third]);
  expect(await rows()).toEqual([1, 2, 3]);
});

test("a transaction on a connection that its runner keeps hands nothing over", async () => {
  const database = await open();
  const runner = database.dataSource.createQueryRunner();
  await runner.beforeMigration();
  await runner.startTransaction();
  await runner.query("INSERT INTO t VALUES (1)");
  const second = insert(database, 3);
  await until(() => poolOf(database).writerStats.waiting === 1);
  await runner.commitTransaction();
  await runner.query("INSERT INTO t VALUES (2)");
  expect(await rows()).toEqual([1, 2]);
  await runner.afterMigration();
  await runner.release();
  await second;
  expect(await rows()).toEqual([1, 2, 3]);
});

test("closing while a session waits lets both of them end", async () => {
  const database = await open();
  const first = await holding(database);
  const second = insert(database, 2);
  await first.queued(1);
  let closed: Promise<void> | undefined;
  duringCommit(() => {
    closed = database.close();
  });
  first.commit();
  await Promise.all([first.committed, second]);
  await closed;
  expect(await rows()).toEqual([1, 2]);
});

test("the next session writes to the file that is there, where that was replaced", async () => {
  const database = await open();
  const first = await holding(database);
  const second = rejection(insert(database, 2));
  await first.queued(1);
  duringCommit(() => renameSync(databases.path, `${databases.path}.old`));
  first.commit();
  expect(await rejection(first.committed)).toMatchObject({ code: "FILE_REPLACED" });
  expect(await second).toMatchObject({ code: "SQLITE_CANTOPEN" });
});

test("a connection with a changed setting is not handed over", async () => {
  const database = await open();
  const first = await holding(database, "PRAGMA cache_size = 5");
  const second = database.session(async (session) => {
    await session.exec("INSERT INTO t VALUES (2)");
    return (await session.exec("PRAGMA cache_size")).scalar();
  });
  await first.queued(1);
  first.commit();
  await first.committed;
  expect(await second).toBe(-16_000);
  expect(await rows()).toEqual([2]);
});

test("in memory, where settings are put back between two sessions, nothing is handed over", async () => {
  const database = await databases.open({}, ":memory:");
  await database.exec("CREATE TABLE t (n)");
  const first = database.session(async (session) => {
    await session.exec("INSERT INTO t VALUES (1)");
    // SQLite refuses it inside of a transaction, and would refuse to put it back inside of the next one.
    expect((await rejection(session.exec("PRAGMA synchronous = OFF"))).message).toContain(
      "inside a transaction",
    );
  });
  await Promise.all([first, insert(database, 2)]);
  expect((await database.exec("SELECT count(*) FROM t")).scalar()).toBe(2);
});

const TABLES = `
  CREATE TABLE p (id INTEGER PRIMARY KEY);
  CREATE TABLE t (n, p REFERENCES p DEFERRABLE INITIALLY DEFERRED)`;

randomTest("however each ends, it is in the file if that was told, and else not", async (random) => {
  const endings = new Set<string>();
  for (let round = 0; round < 40; round++) {
    const path = databases.folder.file(`${round}.db`);
    // Opening a connection may take longer than some of these times.
    await rawExec(path, TABLES);
    const database = await databases.open(
      {
        closeTimeout: 0,
        poolTimeout: random.pick([0.001, 0.003, 20]),
        poolRecycle: random.pick([0.001, 3600]),
        poolPrePing: random.chance(0.5),
      },
      path,
    );
    const writes = Array.from({ length: 12 }, (_, n) => {
      const signal = random.chance(0.5) ? AbortSignal.timeout(1 + random.below(8)) : undefined;
      // Nobody has the key 7, which the commit will find out.
      const sql = `INSERT INTO t VALUES (${n}, ${random.pick([null, null, 7])})`;
      return random.chance(0.3)
        ? database.exec(sql, {}, { signal })
        : database.session((session) => session.exec(sql), { signal });
    });
    const settled = Promise.allSettled(writes);
    if (random.chance(0.5)) {
      for (let turns = random.below(60); turns > 0; turns--) await immediate();
      await database.close();
    }
    const outcomes = await settled;
    await database.close();
    const committed = [...outcomes.keys()].filter((n) => outcomes[n]!.status === "fulfilled");
    const found = await rawRead(path, "SELECT n FROM t ORDER BY n");
    expect(found.map(({ n }) => n)).toEqual(committed);
    for (const outcome of outcomes)
      endings.add(outcome.status === "fulfilled" ? "committed" : outcome.reason.name);
  }
  const all = ["DatabaseClosedError", "ConstraintError", "PoolTimeoutError", "TimeoutError", "committed"];
  expect([...endings]).toEqual(expect.arrayContaining(all));
});
