import { once } from "node:events";
import { watch, writeFileSync } from "node:fs";
import { basename } from "node:path";
import sqlite3 from "sqlite3";
import { SqliteQueryRunner } from "../../src/driver/sqlite-query-runner";
import { testDatabases } from "../support/databases";
import { RawDatabase, rawExec, rawRead } from "../support/raw-database";
import { Note } from "../support/small-entities";

const databases = testDatabases();

afterEach(() => jest.restoreAllMocks());

/** Does something around each script that SQLite is sent. */
function aroundScripts(before: (sql: string) => Promise<unknown>, after: () => void = () => {}): void {
  const { exec } = sqlite3.Database.prototype;
  jest.spyOn(sqlite3.Database.prototype, "exec").mockImplementation(function (
    this: sqlite3.Database,
    sql,
    done,
  ) {
    const run = () =>
      exec.call(this, sql, function (this: sqlite3.Statement, error) {
        after();
        done?.call(this, error);
      });
    void before(sql).then(run);
    return this;
  });
}

const tableNames = async () =>
  (await rawRead(databases.path, "SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite%'")).map(
    ({ name }) => name,
  );

describe("a file that is new", () => {
  test("is begun without a journal", async () => {
    const seen = new Set<string | null>();
    const watcher = watch(databases.folder.path, (_, name) => seen.add(name));
    await databases.open({ entities: [Note] });
    // What was before it has been told of before it.
    const last = databases.folder.file("last");
    writeFileSync(last, "");
    while (!seen.has(basename(last))) await once(watcher, "change");
    watcher.close();
    expect(seen).toContain(`${basename(databases.path)}-wal`);
    expect(seen).not.toContain(`${basename(databases.path)}-journal`);
  });

  test.each([
    ["is in WAL mode", {}, "wal"],
    ["has the journal that was asked for", { journal_mode: "TRUNCATE" }, "truncate"],
  ])("%s, also on the connection that began it", async (_, pragmas, mode) => {
    const database = await databases.open({ entities: [Note], pragmas });
    await database.session(async (session) => {
      expect((await session.exec("PRAGMA journal_mode")).first()).toEqual({ journal_mode: mode });
    });
  });

  test("may be one of 0 bytes", async () => {
    writeFileSync(databases.path, "");
    await databases.open({ entities: [Note] });
    expect(await rawRead(databases.path, "PRAGMA journal_mode")).toEqual([{ journal_mode: "wal" }]);
    expect(await tableNames()).toEqual(["notes"]);
  });

  test("may have been begun by someone who reads it since it was looked for", async () => {
    let other: RawDatabase | undefined;
    aroundScripts(async (sql) => {
      if (other || !sql.includes("journal_mode")) return;
      other = await RawDatabase.open(databases.path);
      await other.all("PRAGMA journal_mode = WAL");
      await other.all("CREATE TABLE theirs (n)");
      await other.all("BEGIN");
      await other.all("SELECT * FROM theirs");
    });
    await databases.open({ entities: [Note], busyTimeout: 1 });
    await other!.close();
    expect(await rawRead(databases.path, "PRAGMA journal_mode")).toEqual([{ journal_mode: "wal" }]);
    expect((await tableNames()).sort()).toEqual(["notes", "theirs"]);
  });

  test("has the text of its tables ready before it is there itself", async () => {
    const happened: string[] = [];
    const { createTable } = SqliteQueryRunner.prototype;
    jest.spyOn(SqliteQueryRunner.prototype, "createTable").mockImplementation(function (
      this: SqliteQueryRunner,
      ...given
    ) {
      happened.push("text");
      return createTable.apply(this, given);
    });
    aroundScripts(
      async () => {},
      () => happened.push("script"),
    );
    await databases.open({ entities: [Note] });
    expect(happened).toEqual(["text", "script", "script"]);
  });

  test("has nothing written for it that an old one would not use", async () => {
    await rawExec(databases.path, "CREATE TABLE notes (id, text)");
    const createTable = jest.spyOn(SqliteQueryRunner.prototype, "createTable");
    await databases.open({ entities: [Note] });
    expect(createTable).not.toHaveBeenCalled();
  });
});
