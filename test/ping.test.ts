import { existsSync, renameSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { testDatabases } from "./support/databases";
import { RawDatabase, rawExec, rawRead } from "./support/raw-database";
import { NOTES, Note } from "./support/small-entities";
import { within } from "./support/within";

const ENDLESS = "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";

const databases = testDatabases();

/** As a deployment or a restored backup does it. */
async function replace(): Promise<void> {
  const other = databases.folder.file("other.db");
  await rawExec(
    other,
    "CREATE TABLE notes (id integer PRIMARY KEY, text); INSERT INTO notes VALUES (1, 'other')",
  );
  for (const suffix of ["-wal", "-shm"]) rmSync(databases.path + suffix);
  renameSync(other, databases.path);
}

test("is true as long as the database is open, and no longer", async () => {
  const database = databases.make({ entities: [Note] });
  expect(await database.ping()).toBe(false);
  await database.init();
  expect(await database.ping()).toBe(true);
  await database.close();
  expect(await database.ping()).toBe(false);
  await database.init();
  expect(await database.ping()).toBe(true);
});

test("is true in memory, and keeps what is there", async () => {
  const database = await databases.open({ entities: [Note] }, ":memory:");
  await database.getRepository(Note).insert({ text: "kept" });
  expect(await database.ping()).toBe(true);
  expect((await database.exec(NOTES)).scalars()).toEqual(["kept"]);
});

test("is true while someone writes", async () => {
  const database = await databases.open({ entities: [Note] });
  const other = await RawDatabase.open(databases.path);
  try {
    await other.exec("BEGIN IMMEDIATE; INSERT INTO notes (text) VALUES ('elsewhere')");
    await using session = await database.openSession({ readonly: true });
    await session.exec(NOTES);
    expect(await database.ping()).toBe(true);
    await other.exec("ROLLBACK");
    await database.session(async ({ manager }) => {
      await manager.insert(Note, { text: "here" });
      expect(await database.ping()).toBe(true);
    });
  } finally {
    await other.close();
  }
});

describe.each([
  [
    "deleted",
    () => {
      for (const suffix of ["", "-wal", "-shm"]) rmSync(databases.path + suffix);
    },
  ],
  ["moved away", () => renameSync(databases.path, databases.folder.file("elsewhere.db"))],
  ["truncated", () => truncateSync(databases.path, 0)],
  ["cut off in the middle of its first page", () => truncateSync(databases.path, 50)],
  [
    "overwritten with something else",
    () => writeFileSync(databases.path, "no database at all, ".repeat(1000)),
  ],
])("a file that was %s", (_, spoil) => {
  test("makes it false, and it says so without an error each time", async () => {
    const database = await databases.open({ entities: [Note] });
    await database.getRepository(Note).insert({ text: "kept" });
    await rawExec(databases.path, "PRAGMA wal_checkpoint(TRUNCATE)");
    expect(await database.ping()).toBe(true);
    await spoil();
    expect(await database.ping()).toBe(false);
    expect(await database.ping()).toBe(false);
    expect(database.stats().readers.active).toBe(0);
  });
});

test.each([
  ["read-only", {}, "?mode=ro"],
  ["without a WAL", { createAll: false, pragmas: { journal_mode: "DELETE" } }, ""],
])("an empty file is a database, opened %s", async (_, options, query) => {
  writeFileSync(databases.path, "");
  const database = await databases.open(options, databases.path + query);
  expect(await database.ping()).toBe(true);
  expect(statSync(databases.path).size).toBe(0);
  await rawExec(databases.path, "CREATE TABLE notes (id integer PRIMARY KEY, text)");
  expect(await database.ping()).toBe(true);
  truncateSync(databases.path, 0);
  expect(await database.ping()).toBe(false);
});

test("a file that came back makes it true again", async () => {
  const database = await databases.open({ entities: [Note] });
  await database.getRepository(Note).insert({ text: "kept" });
  const elsewhere = databases.folder.file("elsewhere.db");
  renameSync(databases.path, elsewhere);
  expect(await database.ping()).toBe(false);
  renameSync(elsewhere, databases.path);
  expect(await database.ping()).toBe(true);
  expect((await database.exec(NOTES)).scalars()).toEqual(["kept"]);
});

test("a file that was replaced by another database makes it false", async () => {
  const database = await databases.open({ entities: [Note] });
  await replace();
  expect(await database.ping()).toBe(false);
});

test("is not true while writes still go to a file that was replaced", async () => {
  const database = await databases.open({ entities: [Note] });
  await replace();
  for (let time = 0; time < 5; time++) {
    if (!(await database.ping())) continue;
    await database.getRepository(Note).insert({ text: "written after a ping that was true" });
    expect((await rawRead(databases.path, NOTES)).map(({ text }) => text)).toContain(
      "written after a ping that was true",
    );
  }
});

test("of a deleted file makes no new one", async () => {
  const database = await databases.open({ entities: [Note] });
  for (const suffix of ["", "-wal", "-shm"]) rmSync(databases.path + suffix);
  expect(await database.ping()).toBe(false);
  expect(await database.ping()).toBe(false);
  expect(existsSync(databases.path)).toBe(false);
});

test("is true where all readers are in use", async () => {
  const database = await databases.open({ entities: [Note], poolSize: 1, maxOverflow: 0, poolTimeout: 1 });
  await database.session(
    async ({ manager }) => {
      await manager.count(Note);
      expect(await database.ping()).toBe(true);
    },
    { readonly: true },
  );
});

test("is true at once beside reads that take all the threads for reading", async () => {
  const database = await databases.open({ entities: [Note], poolSize: 4, maxOverflow: 0 });
  const end = new AbortController();
  const reads = [1, 2, 3].map(() => database.exec(ENDLESS, {}, { readonly: true, signal: end.signal }));
  try {
    expect(await within(10, database.ping())).toBe(true);
  } finally {
    end.abort();
    await Promise.allSettled(reads);
  }
});
