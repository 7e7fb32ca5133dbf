import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from "node:fs";
import { dirname } from "node:path";
import { testDatabases } from "../support/databases";
import { OtherProcess } from "../support/other-process";
import { rawRead } from "../support/raw-database";
import { NOTES, Note } from "../support/small-entities";

const databases = testDatabases();
const openReadonly = () => databases.open({ entities: [Note] }, `${databases.path}?mode=ro`);
const files = () => readdirSync(databases.folder.path).sort();
const ALL = ["test.db", "test.db-shm", "test.db-wal"];

/** The bytes of the file, and when they were written. */
const state = () => ({ bytes: readFileSync(databases.path), written: statSync(databases.path).mtimeMs });

/** A closed WAL database with one row. */
async function makeFile(): Promise<void> {
  const database = await databases.open({ entities: [Note] });
  await database.getRepository(Note).insert({ text: "kept" });
  await database.close();
}

test("closing a read-only database leaves the file alone, as it was", async () => {
  await makeFile();
  const before = state();
  const database = await openReadonly();
  expect(await database.getRepository(Note).count()).toBe(1);
  expect(files()).toEqual(ALL);
  await database.close();
  expect(files()).toEqual(["test.db"]);
  expect(state()).toEqual(before);
});

test("closing one that was opened through a link leaves nothing beside the file, nor beside the link", async () => {
  await makeFile();
  const link = databases.folder.file("links/link.db");
  mkdirSync(dirname(link));
  symlinkSync(databases.path, link);
  const database = await databases.open({ entities: [Note] }, `${link}?mode=ro`);
  expect(await database.getRepository(Note).count()).toBe(1);
  expect(files()).toContain("test.db-wal");
  await database.close();
  expect(files()).toEqual(["links", "test.db"]);
  expect(readdirSync(dirname(link))).toEqual(["link.db"]);
});

test("the -wal and -shm stay as long as another connection of this process reads", async () => {
  await makeFile();
  const other = await openReadonly();
  await other.getRepository(Note).count();
  const database = await openReadonly();
  await database.close();
  expect(files()).toEqual(ALL);
  expect(await other.getRepository(Note).count()).toBe(1);
  await other.close();
  expect(files()).toEqual(["test.db"]);
});

test("the -wal and -shm stay as long as another process has the file open", async () => {
  await makeFile();
  await using other = new OtherProcess(databases.path);
  await other.run(NOTES);
  const database = await openReadonly();
  await database.close();
  expect(files()).toEqual(ALL);
  await other.run("INSERT INTO notes (text) VALUES ('from elsewhere')");
  expect(await other.run(NOTES)).toEqual([{ text: "kept" }, { text: "from elsewhere" }]);
});

test("a -wal with something in it stays, and is recovered by the next who writes", async () => {
  await makeFile();
  const other = new OtherProcess(databases.path);
  await other.run("INSERT INTO notes (text) VALUES ('only in the -wal')");
  await other.kill();
  const before = state();
  const database = await openReadonly();
  expect(await database.getRepository(Note).count()).toBe(2);
  await database.close();
  expect(files()).toContain("test.db-wal");
  expect(state()).toEqual(before);
  expect(await rawRead(databases.path, NOTES)).toHaveLength(2);
});

test("what cannot be opened for writing is left as it is", async () => {
  await makeFile();
  const database = await openReadonly();
  rmSync(databases.path);
  mkdirSync(databases.path);
  await database.close();
  expect(files()).toEqual(ALL);
});
