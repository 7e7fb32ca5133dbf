import { rmSync } from "node:fs";
import sqlite3 from "sqlite3";
import { ConfigurationError, type PragmaValue, type SqliteDatabase } from "../../src";
import { beforeCreation } from "../support/before-creation";
import { rejection } from "../support/data-sources";
import { testDatabases } from "../support/databases";
import { openFiles } from "../support/open-files";
import { rawExec, rawRead } from "../support/raw-database";
import { schemaOf } from "../support/schema-of";
import { NOTES, Note } from "../support/small-entities";

const databases = testDatabases();

afterEach(() => jest.restoreAllMocks());

/** What the writer has, which created the tables. */
async function settingsOf(database: SqliteDatabase): Promise<unknown[]> {
  return await database.session(async (session) => [
    await session.exec("PRAGMA synchronous").then((result) => result.scalar()),
    await session.exec("PRAGMA wal_autocheckpoint").then((result) => result.scalar()),
  ]);
}

/** Those texts with which tables were created. */
function creations(): () => string[] {
  const { mock } = jest.spyOn(sqlite3.Database.prototype, "exec");
  return () => mock.calls.map(([sql]) => sql).filter((sql) => sql.includes("CREATE TABLE"));
}

describe("the tables of a new file", () => {
  test.each<[string, Record<string, PragmaValue>, number[]]>([
    ["by default", {}, [1, 1000]],
    ["with a limit of its own", { wal_autocheckpoint: 10 }, [1, 10]],
    ["in small letters", { synchronous: "normal", journal_mode: "wal" }, [1, 1000]],
  ])(
    "are created without waiting for the disk, and what follows is as it is asked for: %s",
    async (_, pragmas, left) => {
      const created = creations();
      const database = await databases.open({ entities: [Note], pragmas });
      expect(created()).toEqual([expect.stringContaining("PRAGMA synchronous = OFF")]);
      expect(await settingsOf(database)).toEqual(left);
      expect(await schemaOf(databases.path)).toHaveProperty(["table notes"]);
    },
  );

  test.each<[string, Record<string, PragmaValue>, number]>([
    ["FULL", { synchronous: "FULL" }, 2],
    ["EXTRA, as a number", { synchronous: 3 }, 3],
    ["no WAL", { journal_mode: "DELETE" }, 1],
  ])("are waited for where every commit is: %s", async (_, pragmas, left) => {
    const created = creations();
    const database = await databases.open({ entities: [Note], pragmas });
    expect(created()).toEqual([expect.stringMatching(/^BEGIN IMMEDIATE/)]);
    expect(await settingsOf(database)).toEqual([left, 1000]);
  });

  test("are not created where a pragma is not taken", async () => {
    const pragmas = { synchronous: 7 };
    const refused = await rejection(databases.open({ entities: [Note], pragmas }));
    expect(refused).toBeInstanceOf(ConfigurationError);
    expect(refused.message).toContain("PRAGMA synchronous = 7 was not taken");
    expect(await schemaOf(databases.path)).toEqual({});
  });

  test.each<[string, PragmaValue]>([
    ["cache_spill", 100],
    ["encoding", "UTF-16"],
    ["mmap_size", 4096],
  ])("are created where a pragma reads back in words of its own: %s", async (name, value) => {
    await databases.open({ entities: [Note], pragmas: { [name]: value } });
    expect(await schemaOf(databases.path)).toHaveProperty(["table notes"]);
  });

  test("come after those of somebody who was faster, on a connection that waits for the disk as ever", async () => {
    beforeCreation(() =>
      rawExec(
        databases.path,
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT); INSERT INTO notes (text) VALUES ('theirs')",
      ),
    );
    const database = await databases.open({ entities: [Note] });
    expect(await settingsOf(database)).toEqual([1, 1000]);
    expect(await rawRead(databases.path, NOTES)).toEqual([{ text: "theirs" }]);
  });

  test.each([
    ["replaced", () => rawExec(databases.path, "CREATE TABLE theirs (n)")],
    ["moved or deleted", () => {}],
  ])("are not taken for created where the file was %s meanwhile", async (happened, replace) => {
    beforeCreation(async () => {
      for (const suffix of ["", "-wal", "-shm"]) rmSync(databases.path + suffix);
      await replace();
    });
    const database = databases.make({ entities: [Note] });
    expect(await rejection(database.init())).toMatchObject({
      code: "FILE_REPLACED",
      message: expect.stringContaining(`was ${happened} while it was open`),
    });
    expect(openFiles(databases.folder.path)).toEqual([]);
    jest.restoreAllMocks();
    await database.init();
    expect(await schemaOf(databases.path)).toHaveProperty(["table notes"]);
  });

  test("are not those of the run before, where something else is to come first now", async () => {
    const database = await databases.open({ entities: [Note] });
    await database.close();
    rmSync(databases.path);
    database.dataSource.setOptions({ synchronize: true });
    const created = creations();
    await database.init();
    expect(created()).toEqual([]);
    expect(await schemaOf(databases.path)).toHaveProperty(["table notes"]);
  });

  test("keep no one waiting where something else fails before they are known", async () => {
    const failed = new Error("no cache today");
    const provider = () => ({ connect: () => Promise.reject(failed) }) as never;
    const database = databases.make({ entities: [Note], cache: { provider } });
    await expect(database.init()).rejects.toBe(failed);
    await databases.open({ entities: [Note] });
    expect(await schemaOf(databases.path)).toHaveProperty(["table notes"]);
  });
});
