import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { ConfigurationError, QueryError, ReadonlyDatabaseError } from "../../src/errors";
import type { SqliteDatabase } from "../../src/sqlite-database";
import { testDatabases } from "../support/databases";
import { isPending, until } from "../support/deferred";
import { rawExec, rawRead } from "../support/raw-database";
import { NOTES, Note } from "../support/small-entities";

const databases = testDatabases();

const size = () => statSync(databases.path).size;

/** Half a megabyte of rows that were deleted again, and one that was not. */
async function openWithGaps(): Promise<SqliteDatabase> {
  const database = await databases.open({ entities: [Note] });
  await database.exec(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
     INSERT INTO notes (text) SELECT i || hex(zeroblob(500)) FROM n`,
  );
  await database.exec("DELETE FROM notes WHERE id > 1");
  await database.exec("UPDATE notes SET text = 'kept'");
  await database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  return database;
}

test("shrinks the file at once, and keeps what is in it", async () => {
  const database = await openWithGaps();
  await Promise.all(Array.from({ length: 4 }, () => database.exec(NOTES)));
  const before = size();
  expect(before).toBeGreaterThan(500_000);
  await database.vacuum();
  expect(size()).toBeLessThan(before / 10);
  expect(await rawRead(databases.path, NOTES)).toEqual([{ text: "kept" }]);
  expect((await database.exec(NOTES)).scalars()).toEqual(["kept"]);
  await database.getRepository(Note).insert({ text: "after" });
  expect((await database.exec("PRAGMA journal_mode")).scalar()).toBe("wal");
});

test("waits for the writers before it", async () => {
  const database = await openWithGaps();
  await using writer = await database.openSession();
  await writer.exec("INSERT INTO notes (text) VALUES ('before')");
  const vacuumed = database.vacuum();
  await until(() => database.stats().writer.waiting === 1);
  const written = database.exec("INSERT INTO notes (text) VALUES ('after')");
  expect(await isPending(Promise.race([vacuumed, written]))).toBe(true);
  await writer.commit();
  await Promise.all([vacuumed, written]);
  expect(await rawRead(databases.path, NOTES)).toEqual([
    { text: "kept" },
    { text: "before" },
    { text: "after" },
  ]);
  expect(size()).toBeLessThan(100_000);
});

test("beside a reader with a snapshot does its work, and the reader goes on", async () => {
  const database = await openWithGaps();
  await database.session(
    async (session) => {
      expect((await session.exec(NOTES)).scalars()).toEqual(["kept"]);
      await database.detach(() => database.vacuum());
      expect((await session.exec(NOTES)).scalars()).toEqual(["kept"]);
    },
    { readonly: true },
  );
  await database.close();
  expect(size()).toBeLessThan(100_000);
});

test("with `into` writes a compact copy, and leaves the file as it is", async () => {
  const database = await openWithGaps();
  const before = size();
  const into = databases.folder.file("a 'copy'.db");
  await database.vacuum({ into });
  expect(statSync(into).size).toBeLessThan(before / 10);
  expect(await rawRead(into, NOTES)).toEqual([{ text: "kept" }]);
  expect(size()).toBe(before);
});

test("with `into` writes a copy of a database that is opened with ?mode=ro, which stays as it is", async () => {
  await (await openWithGaps()).close();
  const database = await databases.open({ entities: [Note] }, `${databases.path}?mode=ro`);
  const into = databases.folder.file("copy.db");
  await database.vacuum({ into });
  expect(await rawRead(into, NOTES)).toEqual([{ text: "kept" }]);
  await expect(database.getRepository(Note).insert({ text: "new" })).rejects.toThrow(ReadonlyDatabaseError);
  await expect(database.exec("PRAGMA query_only").then((result) => result.scalar())).resolves.toBe(1);
});

test("with `into` never overwrites a file", async () => {
  const database = await openWithGaps();
  const other = databases.folder.file("other.db");
  await rawExec(other, "CREATE TABLE precious (x)");
  await expect(database.vacuum({ into: other })).rejects.toThrow(/already exists/);
  expect(await rawRead(other, "SELECT name FROM sqlite_schema")).toEqual([{ name: "precious" }]);
  const text = databases.folder.file("precious.txt");
  writeFileSync(text, "precious");
  await expect(database.vacuum({ into: text })).rejects.toThrow(QueryError);
  expect(readFileSync(text, "utf8")).toBe("precious");
  await expect(database.vacuum({ into: databases.folder.file("missing/copy.db") })).rejects.toThrow(
    QueryError,
  );
  expect(existsSync(databases.folder.file("missing"))).toBe(false);
});

test.each([[""], [5], [null], [":memory:"], ["sqlite://"]])(
  "refuses to write a copy into %j",
  async (into) => {
    const database = await openWithGaps();
    const before = size();
    await expect(database.vacuum({ into: into as string })).rejects.toThrow(ConfigurationError);
    expect(size()).toBe(before);
  },
);

test("inside a session touches nothing", async () => {
  const database = await openWithGaps();
  const before = size();
  const into = databases.folder.file("copy.db");
  await database.session(async ({ manager }) => {
    await manager.insert(Note, { text: "session" });
    for (const options of [{}, { into }]) {
      await expect(database.vacuum(options)).rejects.toMatchObject({ code: "INSIDE_SESSION" });
    }
  });
  expect(existsSync(into)).toBe(false);
  await database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  expect(size()).toBe(before);
  expect(await rawRead(databases.path, NOTES)).toEqual([{ text: "kept" }, { text: "session" }]);
});

test("works in memory", async () => {
  const database = await databases.open({ entities: [Note] }, ":memory:");
  await database.getRepository(Note).insert({ text: "kept" });
  await database.vacuum();
  const into = databases.folder.file("copy.db");
  await database.vacuum({ into });
  expect(await rawRead(into, NOTES)).toEqual([{ text: "kept" }]);
});
