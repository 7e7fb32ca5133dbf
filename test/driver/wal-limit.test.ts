import { statSync } from "node:fs";
import type { SqliteDatabase } from "../../src/sqlite-database";
import { testDatabases } from "../support/databases";
import { deferred } from "../support/deferred";
import { rawRead } from "../support/raw-database";

const databases = testDatabases();
const MEBIBYTE = 1024 * 1024;

/** Reads that overlap without an end: each begins before the one before it ends. */
function endlessReaders(database: SqliteDatabase, chains: number): () => Promise<void> {
  let isOver = false;
  const read = async (begun: () => void): Promise<void> => {
    const next = deferred();
    let following: Promise<void> | undefined;
    await database.session(
      async (session) => {
        await session.exec("SELECT count(*) FROM log");
        begun();
        if (isOver) return;
        following = database.detach(() => read(() => next.resolve()));
        await next.promise;
      },
      { readonly: true },
    );
    await following;
  };
  const running = Promise.all(Array.from({ length: chains }, () => read(() => {})));
  return async () => {
    isOver = true;
    await running;
  };
}

const INSERT = "INSERT INTO log (data) VALUES (randomblob(6000))";

test.each([
  ["statements", (database: SqliteDatabase) => database.exec(INSERT)],
  ["sessions", (database: SqliteDatabase) => database.session((session) => session.exec(INSERT))],
])("the WAL stays bounded under endless readers and %s that write", async (_, insert) => {
  const database = await databases.open({ pragmas: { journal_size_limit: MEBIBYTE } });
  await database.exec("CREATE TABLE log (id INTEGER PRIMARY KEY, data)");
  const stop = endlessReaders(database, 3);
  let largest = 0;
  const write = async () => {
    for (let times = 0; times < 250; times++) {
      await insert(database);
      largest = Math.max(largest, statSync(`${databases.path}-wal`).size);
    }
  };
  await Promise.all([write(), write(), write(), write()]);
  await stop();
  expect(await rawRead(databases.path, "SELECT count(*) AS n FROM log")).toEqual([{ n: 1000 }]);
  // Twelve were written, and without the limit they would all be in it.
  expect(largest).toBeLessThan(3 * MEBIBYTE);
});

test("a reader that does not end lets the WAL grow, and makes nobody wait for long", async () => {
  const database = await databases.open({ pragmas: { journal_size_limit: MEBIBYTE }, poolTimeout: 5 });
  await database.exec("CREATE TABLE log (id INTEGER PRIMARY KEY, data)");
  await using reader = await database.openSession({ readonly: true });
  await reader.exec("SELECT count(*) FROM log");
  for (let times = 0; times < 600; times++) {
    await database.exec("INSERT INTO log (data) VALUES (randomblob(6000))");
  }
  expect(statSync(`${databases.path}-wal`).size).toBeGreaterThan(3 * MEBIBYTE);
  expect((await reader.exec("SELECT count(*) FROM log")).scalar()).toBe(0);
  await reader.close();
  for (let times = 0; times < 300; times++) await database.exec("INSERT INTO log (data) VALUES (1)");
  expect((await database.checkpoint("truncate")).busy).toBe(false);
  expect(await rawRead(databases.path, "SELECT count(*) AS n FROM log")).toEqual([{ n: 900 }]);
});
