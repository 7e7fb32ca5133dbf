import { readdirSync } from "node:fs";
import { DatabaseClosedError } from "../../src/errors";
import type { SqliteDatabase } from "../../src/sqlite-database";
import { rejection } from "../support/data-sources";
import { testDatabases } from "../support/databases";
import { deferred, isPending, until } from "../support/deferred";
import { openFiles } from "../support/open-files";
import { RawDatabase, rawRead } from "../support/raw-database";
import { LONG_READ, NOTES, Note } from "../support/small-entities";
import { within } from "../support/within";

const databases = testDatabases();
const texts = async () => (await rawRead(databases.path, NOTES)).map(({ text }) => text);
/** What hangs, hangs for ever. */
const SOON = 10;

afterEach(() => {
  expect(openFiles(databases.folder.path)).toEqual([]);
});

async function openNotes(closeTimeout: number): Promise<SqliteDatabase> {
  const database = await databases.open({ entities: [Note], closeTimeout });
  const rows = Array.from({ length: 5000 }, (_, n) => ({ text: `note ${n} ${"x".repeat(100)}` }));
  await database.insertMany(Note, rows);
  return database;
}

test("close() lets a stream be read to its end", async () => {
  const database = await openNotes(60);
  let rows = 0;
  let closed: Promise<void> | undefined;
  for await (const _ of database.stream(NOTES)) {
    if (++rows === 10) {
      closed = database.close();
      expect(await isPending(closed)).toBe(true);
    }
  }
  await closed;
  expect(rows).toBe(5000);
});

test("close() ends a stream that nobody goes on to read, after closeTimeout", async () => {
  const database = await openNotes(0.1);
  const stream = database.stream(NOTES);
  await stream.next();
  await within(SOON, database.close());
  const readOn = async () => {
    for await (const _ of stream);
  };
  expect(await rejection(readOn())).toBeInstanceOf(DatabaseClosedError);
});

test("close() ends an insertMany() whose rows do not come, and nothing of it is there", async () => {
  const database = await databases.open({ entities: [Note], closeTimeout: 0.1 });
  const begun = deferred();
  async function* rows() {
    for (let n = 0; n < 20_000; n++) yield { text: `note ${n}` };
    begun.resolve();
    await goOn.promise;
    yield { text: "the last" };
  }
  const goOn = deferred();
  const inserted = rejection(database.insertMany(Note, rows()));
  await begun.promise;
  await within(SOON, database.close());
  goOn.resolve();
  expect(await inserted).toBeInstanceOf(DatabaseClosedError);
  expect(await texts()).toEqual([]);
});

test("close() waits for a vacuum, and for the statement that waits behind it", async () => {
  const database = await openNotes(60);
  const work = Promise.all([database.vacuum(), database.getRepository(Note).insert({ text: "behind" })]);
  await until(() => database.stats().writer.busy);
  await Promise.all([database.close(), database.close()]);
  await work;
  expect(await texts()).toHaveLength(5001);
});

test("close() while another process holds the lock rolls back what waits for it, and leaves the file as it is", async () => {
  const database = await databases.open({ entities: [Note], closeTimeout: 0.1, busyTimeout: 60 });
  const other = await RawDatabase.open(databases.path);
  try {
    await other.exec("BEGIN IMMEDIATE; INSERT INTO notes (text) VALUES ('elsewhere')");
    const waiting = rejection(database.session(({ manager }) => manager.insert(Note, { text: "here" })));
    await until(() => database.stats().writer.busy);
    await within(SOON, database.close());
    expect(await within(SOON, waiting)).toBeInstanceOf(DatabaseClosedError);
    await other.exec("COMMIT");
  } finally {
    await other.close();
  }
  expect(await texts()).toEqual(["elsewhere"]);
});

test("whatever has failed, close() leaves no handle and no companion of the file", async () => {
  const database = await databases.open({
    entities: [Note],
    busyTimeout: 0.02,
    poolTimeout: 0.05,
    poolSize: 2,
    maxOverflow: 1,
  });
  await database.getRepository(Note).insert({ text: "there" });
  const failures: (() => Promise<unknown>)[] = [
    () => database.exec("no SQL at all"),
    () => database.exec("SELECT * FROM nowhere"),
    () => database.getRepository(Note).insert({ text: "there" }),
    () => database.insertMany(Note, [{ text: "new" }, { text: "there" }]),
    () => database.execScript("INSERT INTO notes (text) VALUES ('x'); nonsense"),
    () => database.session(() => Promise.reject(new Error("the work's own"))),
    () => database.session((session) => session.exec(LONG_READ), { timeout: 0.02 }),
    () => database.exec(LONG_READ, {}, { timeout: 0.02 }),
    () => database.exec("SELECT 1", {}, { signal: AbortSignal.abort() }),
    () => database.exec("DELETE FROM notes", {}, { readonly: true }),
    () => database.backup(databases.path),
    () => database.vacuum({ into: databases.path }),
    async () => {
      for await (const _ of database.stream("SELECT text FROM notes")) throw new Error("the reader's own");
    },
    async () => {
      await using session = await database.openSession();
      await session.exec("INSERT INTO notes (text) VALUES ('held')");
      await database.exec("INSERT INTO notes (text) VALUES ('waits')");
    },
    async () => {
      const runner = database.dataSource.createQueryRunner();
      await runner.query("CREATE TEMP TABLE t (n)");
      await runner.query("ATTACH '/nowhere/at/all.db' AS elsewhere").finally(() => runner.release());
    },
  ];
  for (let round = 0; round < 2; round++) {
    for (const fail of failures) await rejection(fail());
  }
  await Promise.all(failures.map((fail) => rejection(fail())));
  // Readers may still be opening for those who have gone away.
  await until(() => database.stats().readers.active === 0);
  expect(database.stats().writer).toMatchObject({ busy: false, waiting: 0 });
  await database.close();
  expect(readdirSync(databases.folder.path)).toEqual(["test.db"]);
  expect(await texts()).toEqual(["there"]);
});
