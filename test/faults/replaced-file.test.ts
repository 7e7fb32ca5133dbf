import { existsSync, renameSync, rmSync } from "node:fs";
import type { SqliteDatabase } from "../../src/sqlite-database";
import { rejection } from "../support/data-sources";
import { testDatabases } from "../support/databases";
import { openFiles } from "../support/open-files";
import { rawExec, rawRead } from "../support/raw-database";
import { NOTES, Note } from "../support/small-entities";

const databases = testDatabases();

async function replaceFile(): Promise<void> {
  const other = databases.folder.file("other.db");
  await rawExec(
    other,
    "CREATE TABLE notes (id integer PRIMARY KEY, text); INSERT INTO notes VALUES (1, 'from the backup')",
  );
  for (const suffix of ["-wal", "-shm"]) rmSync(databases.path + suffix);
  renameSync(other, databases.path);
}

const texts = async () => (await rawRead(databases.path, NOTES)).map(({ text }) => text);

type Write = (database: SqliteDatabase, text: string) => Promise<unknown>;

const WRITES: [string, Write][] = [
  ["exec", (database, text) => database.exec("INSERT INTO notes (text) VALUES (:text)", { text })],
  [
    "exec with RETURNING",
    (database, text) => database.exec("INSERT INTO notes (text) VALUES (:text) RETURNING id", { text }),
  ],
  ["a repository", (database, text) => database.getRepository(Note).insert({ text })],
  ["a session", (database, text) => database.session(({ manager }) => manager.insert(Note, { text }))],
  [
    "a manual session",
    async (database, text) => {
      await using session = await database.openSession();
      await session.manager.insert(Note, { text });
      await session.commit();
    },
  ],
  [
    "dataSource.transaction",
    (database, text) => database.dataSource.transaction((manager) => manager.insert(Note, { text })),
  ],
  [
    "a runner's transaction",
    async (database, text) => {
      const runner = database.dataSource.createQueryRunner();
      try {
        await runner.startTransaction();
        await runner.manager.insert(Note, { text });
        await runner.commitTransaction();
      } finally {
        await runner.release();
      }
    },
  ],
  ["insertMany", (database, text) => database.insertMany(Note, [{ text }])],
  ["a script", (database, text) => database.execScript(`INSERT INTO notes (text) VALUES ('${text}')`)],
];

describe.each(WRITES)("a write by %s", (_, write) => {
  test("to a file that was just replaced is not acknowledged, and the next one is in the new file", async () => {
    const database = await databases.open({ entities: [Note] });
    await write(database, "before");
    await replaceFile();
    expect(await rejection(write(database, "vanished"))).toMatchObject({
      code: "FILE_REPLACED",
      message: expect.stringMatching(/was replaced while it was open.*write it again/s),
    });
    await write(database, "written again");
    expect(await texts()).toEqual(["from the backup", "written again"]);
    expect((await database.exec(NOTES)).scalars()).toEqual(["from the backup", "written again"]);
    expect(await database.ping()).toBe(true);
    expect(openFiles(databases.folder.path).filter((file) => file.endsWith("(deleted)"))).toEqual([]);
  });
});

test("a write to a file that was deleted is not acknowledged, and makes no new file", async () => {
  const database = await databases.open({ entities: [Note] });
  await database.getRepository(Note).insert({ text: "before" });
  for (const suffix of ["", "-wal", "-shm"]) rmSync(databases.path + suffix);
  const refused = await rejection(database.getRepository(Note).insert({ text: "vanished" }));
  expect(refused).toMatchObject({
    code: "FILE_REPLACED",
    message: expect.stringContaining("moved or deleted"),
  });
  expect(await rejection(database.exec("DELETE FROM notes"))).toMatchObject({ code: "SQLITE_CANTOPEN" });
  expect(existsSync(databases.path)).toBe(false);
});

test("a session that began before the replacement is not acknowledged either", async () => {
  const database = await databases.open({ entities: [Note] });
  const session = database.session(async ({ manager }) => {
    await manager.insert(Note, { text: "vanished" });
    await replaceFile();
  });
  expect(await rejection(session)).toMatchObject({ code: "FILE_REPLACED" });
  expect(await texts()).toEqual(["from the backup"]);
  expect(database.stats()).toMatchObject({ writer: { busy: false }, readers: { active: 0 } });
});

test("a runner that has the connection for itself is not told that it has written either", async () => {
  const database = await databases.open({ entities: [Note] });
  const runner = database.dataSource.createQueryRunner();
  await runner.query("CREATE TEMP TABLE mine (n)");
  await replaceFile();
  const refused = await rejection(runner.manager.insert(Note, { text: "vanished" }));
  await runner.release();
  expect(refused).toMatchObject({ code: "FILE_REPLACED" });
  await database.getRepository(Note).insert({ text: "written again" });
  expect(await texts()).toEqual(["from the backup", "written again"]);
});
