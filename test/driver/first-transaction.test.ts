import sqlite3 from "sqlite3";
import { ConfigurationError, type PragmaValue } from "../../src";
import { rejection } from "../support/data-sources";
import { testDatabases } from "../support/databases";
import { rawExec, rawRead } from "../support/raw-database";
import { schemaOf } from "../support/schema-of";
import { NOTES, Note } from "../support/small-entities";

const databases = testDatabases();

afterEach(() => jest.restoreAllMocks());

describe("the tables of a new file", () => {
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

  test("come after those of somebody who was faster", async () => {
    const { exec } = sqlite3.Database.prototype;
    jest.spyOn(sqlite3.Database.prototype, "exec").mockImplementation(function (
      this: sqlite3.Database,
      sql,
      done,
    ) {
      if (!sql.includes('CREATE TABLE "notes"')) return exec.call(this, sql, done);
      const theirs =
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT); INSERT INTO notes (text) VALUES ('theirs')";
      void rawExec(databases.path, theirs).then(() => exec.call(this, sql, done));
      return this;
    });
    await databases.open({ entities: [Note] });
    expect(await rawRead(databases.path, NOTES)).toEqual([{ text: "theirs" }]);
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
