import { chmodSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sqlite3 from "sqlite3";
import { Column, Entity, PrimaryGeneratedColumn } from "typeorm";
import { SqliteDataSource } from "../../src/driver/sqlite-data-source";
import { ConfigurationError, CorruptDatabaseError, ReadonlyDatabaseError } from "../../src/errors";
import { runScript } from "../support/child-process";
import { dataSources, rejection, SILENT } from "../support/data-sources";
import { openFiles } from "../support/open-files";
import { rawExec, rawRead } from "../support/raw-database";
import { temporaryFolder } from "../support/temporary-folder";

@Entity()
class Note {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  text!: string;
}

afterEach(() => jest.restoreAllMocks());

const open = dataSources();
const folder = temporaryFolder();
const path = () => folder.file("app.db");

describe("opening", () => {
  test.each([
    ["a path", (file: string) => file],
    ["a sqlite: URL", (file: string) => `sqlite:///${file}`],
    ["a file: URL", (file: string) => `file://${file}`],
  ])("takes %s, and makes the folders that are missing", async (_, location) => {
    const file = folder.file("deep/deeper/app.db");
    const dataSource = await open({ database: location(file) });
    await dataSource.query("CREATE TABLE t (n)");
    await dataSource.destroy();
    expect(existsSync(file)).toBe(true);
  });

  test("keeps options that TypeORM can read: type, database, and nothing of the stub", async () => {
    const dataSource = await open({ database: path(), poolSize: 3 });
    expect(dataSource.options.type).toBe("better-sqlite3");
    expect(dataSource.options).not.toHaveProperty("driver");
    expect(dataSource.options.database).toBe(path());
    // Such as they are, they make another data source.
    const copy = await open({ ...dataSource.options, database: folder.file("copy.db") } as never);
    await copy.query("CREATE TABLE t (n)");
    expect(existsSync(folder.file("copy.db"))).toBe(true);
  });

  test("refuses pool options that cannot be meant", () => {
    expect(() => new SqliteDataSource({ database: path(), poolTimeout: 30_000 })).toThrow("did you mean 30?");
    expect(() => new SqliteDataSource({ database: "" })).toThrow(ConfigurationError);
    expect(() => new SqliteDataSource({ database: folder.path })).toThrow("folder");
  });

  test("has a thread set up the first connection while TypeORM builds its metadata", async () => {
    const happened: string[] = [];
    const { exec } = sqlite3.Database.prototype;
    jest.spyOn(sqlite3.Database.prototype, "exec").mockImplementation(function (
      this: sqlite3.Database,
      sql,
      done,
    ) {
      happened.push("set-up begins");
      return exec.call(this, sql, function (this: sqlite3.Statement, error) {
        happened.push("set-up ends");
        done?.call(this, error);
      });
    });
    class Watched extends SqliteDataSource {
      protected override async buildMetadatas(): Promise<void> {
        happened.push("metadata begins");
        await super.buildMetadatas();
        happened.push("metadata ends");
      }
    }
    const dataSource = new Watched({ database: path(), entities: [Note] });
    await dataSource.initialize();
    expect(happened).toEqual(["set-up begins", "metadata begins", "metadata ends", "set-up ends"]);
    await dataSource.destroy();
  });

  test("before it, and on a data source that was never opened, queries say what to do", async () => {
    const dataSource = new SqliteDataSource({ database: path() });
    expect(await rejection(dataSource.createQueryRunner().query("SELECT 1"))).toMatchObject({
      code: "NOT_INITIALIZED",
    });
  });
});

describe("what cannot be opened is an error that names the place:", () => {
  test.each(["", "?mode=rw", "?mode=ro"])("a file that is no database, opened with %j", async (mode) => {
    writeFileSync(
      path(),
      "this is a letter and no database, and it is long enough to be told apart".repeat(20),
    );
    const refused = await rejection(open({ database: path() + mode }));
    expect(refused).toBeInstanceOf(CorruptDatabaseError);
    expect(refused).toMatchObject({ code: "SQLITE_NOTADB" });
    expect(refused.message).toContain("app.db");
    expect(refused.message).toContain("file is not a database");
  });

  test("a missing file with mode=rw", async () => {
    const refused = await rejection(open({ database: `${path()}?mode=rw` }));
    expect(refused).toBeInstanceOf(ConfigurationError);
    expect(refused.message).toMatch(/app\.db.*unable to open database file/);
    expect(refused.cause).toMatchObject({ code: "SQLITE_CANTOPEN" });
    expect(readdirSync(folder.path)).toEqual([]);
  });

  test("a missing file with mode=ro, and with fileMustExist", async () => {
    expect(await rejection(open({ database: `${path()}?mode=ro` }))).toBeInstanceOf(ConfigurationError);
    expect(await rejection(open({ database: path(), fileMustExist: true }))).toBeInstanceOf(
      ConfigurationError,
    );
    expect(readdirSync(folder.path)).toEqual([]);
  });

  test("a folder that cannot be made, because a file is in its place", async () => {
    writeFileSync(folder.file("taken"), "");
    const refused = await rejection(open({ database: folder.file("taken/app.db") }));
    expect(refused).toBeInstanceOf(ConfigurationError);
    expect(refused.message).toContain("taken");
  });

  test("a folder that has taken the place of the file meanwhile", async () => {
    const dataSource = new SqliteDataSource({ database: path() });
    mkdirSync(path());
    const refused = await rejection(dataSource.initialize());
    expect(refused).toBeInstanceOf(ConfigurationError);
    expect(refused.message).toContain("app.db");
  });

  test("a file that may not be written", async () => {
    await rawExec(path(), "CREATE TABLE t (n)");
    chmodSync(path(), 0o444);
    chmodSync(folder.path, 0o755);
    // Root may write whatever it likes, so someone else has to try.
    const nobody = process.getuid?.() === 0 && { uid: 65_534 };
    const { code, output } = await runScript(join(__dirname, "open-and-close.ts"), [path()], 20_000, {
      ...nobody,
    });
    expect(output).toMatch(/^ReadonlyDatabaseError SQLITE_READONLY Cannot open ".*app\.db"/);
    expect(code).toBe(0);
  });
});

describe("an initialize() that failed", () => {
  test("leaves nothing open, and can be repeated on the same data source", async () => {
    writeFileSync(path(), "this is no database".repeat(100));
    const dataSource = new SqliteDataSource({ database: path(), entities: [Note], synchronize: true });
    await expect(dataSource.initialize()).rejects.toBeInstanceOf(CorruptDatabaseError);
    expect(dataSource.isInitialized).toBe(false);
    if (process.platform === "linux") expect(openFiles(folder.path)).toEqual([]);
    writeFileSync(path(), "");
    await dataSource.initialize();
    await dataSource.manager.insert(Note, { text: "one" });
    await dataSource.destroy();
    expect(await rawRead(path(), "SELECT text FROM note")).toEqual([{ text: "one" }]);
    expect(readdirSync(folder.path)).toEqual(["app.db"]);
  });

  test("after the connection was made leaves nothing open either", async () => {
    class Failing1700000000000 {
      async up(): Promise<void> {
        if (broken) throw new Error("deliberate");
      }
      async down(): Promise<void> {}
    }
    let broken = true;
    const dataSource = new SqliteDataSource({
      database: path(),
      entities: [Note],
      synchronize: true,
      migrations: [Failing1700000000000],
      migrationsRun: true,
      logger: SILENT,
    });
    await expect(dataSource.initialize()).rejects.toThrow("deliberate");
    expect(dataSource.isInitialized).toBe(false);
    // The last connection is closed, or the WAL would be there.
    expect(readdirSync(folder.path)).toEqual(["app.db"]);
    broken = false;
    await dataSource.initialize();
    await dataSource.manager.insert(Note, { text: "one" });
    await dataSource.destroy();
  });

  test("because of the entities leaves nothing open either", async () => {
    const dataSource = new SqliteDataSource({ database: path(), entities: [class NoEntity {}, Note] });
    @Entity()
    class Broken {
      @PrimaryGeneratedColumn()
      id!: number;

      @Column({ type: "no such type" as never })
      text!: string;
    }
    const failing = new SqliteDataSource({ database: path(), entities: [Broken] });
    await expect(failing.initialize()).rejects.toThrow("no such type");
    expect(failing.isInitialized).toBe(false);
    expect(readdirSync(folder.path)).toEqual(["app.db"]);
    await dataSource.initialize();
    await dataSource.destroy();
  });
});

describe("mode=ro", () => {
  beforeEach(async () => {
    await rawExec(
      path(),
      "PRAGMA journal_mode = WAL; CREATE TABLE note (id INTEGER PRIMARY KEY, text); INSERT INTO note VALUES (1, 'one')",
    );
  });

  test.each([
    ["?mode=ro", () => ({ database: `${path()}?mode=ro` })],
    ["the option readonly", () => ({ database: path(), readonly: true })],
  ])("by %s reads, and refuses to write", async (_, options) => {
    const dataSource = await open({ ...options(), entities: [Note] });
    expect(await dataSource.manager.find(Note)).toEqual([{ id: 1, text: "one" }]);
    const refused = await rejection(dataSource.manager.insert(Note, { text: "two" }));
    expect(refused).toBeInstanceOf(ReadonlyDatabaseError);
    expect(refused).toMatchObject({ code: "SQLITE_READONLY", query: expect.stringContaining("INSERT") });
    expect(await rejection(dataSource.query("CREATE TABLE t (n)"))).toBeInstanceOf(ReadonlyDatabaseError);
    expect(await rawRead(path(), "SELECT count(*) AS n FROM note")).toEqual([{ n: 1 }]);
  });

  test("has transactions that read, side by side, and see what others have committed", async () => {
    const dataSource = await open({ database: `${path()}?mode=ro`, entities: [Note] });
    const counts = await Promise.all(
      Array.from({ length: 10 }, () => dataSource.transaction((manager) => manager.count(Note))),
    );
    expect(counts).toEqual(Array.from({ length: 10 }, () => 1));
    await rawExec(path(), "INSERT INTO note VALUES (2, 'two')");
    expect(await dataSource.manager.count(Note)).toBe(2);
    const failing = dataSource.transaction((manager) => manager.insert(Note, { text: "three" }));
    expect(await rejection(failing)).toMatchObject({ code: expect.stringContaining("READONLY") });
  });

  test("opens through a symbolic link", async () => {
    symlinkSync(path(), folder.file("link.db"));
    const dataSource = await open({ database: `${folder.file("link.db")}?mode=ro`, entities: [Note] });
    expect(await dataSource.manager.count(Note)).toBe(1);
  });
});
