import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Country, entities } from "../entities";
import { Database } from "../src/database";
import {
  ConfigurationError,
  DatabaseClosedError,
  NotInitializedError,
  ReadonlyDatabaseError,
} from "../src/errors";
import { SqliteDatabase } from "../src/sqlite-database";
import { testDatabases } from "./support/databases";
import { deferred, isPending, until } from "./support/deferred";
import { rawExec, rawRead } from "./support/raw-database";
import { SilentLogger } from "./support/silent-logger";
import { NOTES, Note } from "./support/small-entities";

const databases = testDatabases();

describe("the constructor", () => {
  test.each([
    ["an unknown key", { poolsize: 5 }, /poolsize.*poolSize/],
    ["a wrong type", { poolSize: "5" }, /poolSize/],
    ["a number out of range", { poolSize: 0 }, /poolSize/],
    ["milliseconds", { poolTimeout: 30_000 }, /poolTimeout.*seconds/s],
    ["no list of entities", { entities: "User" }, /entities/],
    ["an echo that is no logger", { echo: { log: () => {} } }, /echo.*logQuery/],
    ["no object at all", 5, /object/],
  ])("refuses %s among the options", (_, options, message) => {
    const construct = () => new SqliteDatabase(databases.path, options as object);
    expect(construct).toThrow(ConfigurationError);
    expect(construct).toThrow(message);
  });

  test.each([
    ["another scheme", "postgres://user:hunter2@host/db"],
    ["an empty string", ""],
    ["two slashes", "sqlite://app.db"],
    ["an unknown query key", "sqlite:///app.db?cache=shared"],
    ["an unknown mode", "sqlite:///app.db?mode=rwx"],
    ["no text at all", undefined],
  ])("refuses %s as a location, and tells no password", (_, location) => {
    let error: unknown;
    try {
      new SqliteDatabase(location as string);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(String((error as Error).stack)).not.toContain("hunter2");
  });

  test("refuses a folder", () => {
    expect(() => new SqliteDatabase(databases.folder.path)).toThrow(/folder/);
  });

  test("makes a Database, which knows no engine", () => {
    expect(new SqliteDatabase(databases.path)).toBeInstanceOf(Database);
    const text = readFileSync(join(__dirname, "../src/database.ts"), "utf8");
    const imported = [...text.matchAll(/ from "(.+)"/g)].map(([, from]) => from);
    expect(imported).toEqual(["./sql/parameters", "./sql/result"]);
  });

  test("touches no file", () => {
    new SqliteDatabase(databases.folder.file("new/app.db"), { entities });
    expect(readdirSync(databases.folder.path)).toEqual([]);
  });

  test.each([
    ["a path", (path: string) => path],
    ["a SQLAlchemy URI", (path: string) => `sqlite+aiosqlite:///${path}`],
    ["a file URL", (path: string) => pathToFileURL(path).href],
    ["a URL object", (path: string) => pathToFileURL(path)],
  ])("opens the same file by %s", async (_, locate) => {
    await rawExec(databases.path, "CREATE TABLE here (x)");
    await using database = await new SqliteDatabase(locate(databases.path)).init();
    expect((await database.exec("SELECT name FROM sqlite_schema")).scalar()).toBe("here");
  });
});

/** Every call of the contract that needs an open database. */
const CALLS: Record<string, (database: SqliteDatabase) => unknown> = {
  manager: (database) => database.manager,
  getRepository: (database) => database.getRepository(Note),
  session: (database) => database.session(async () => {}),
  openSession: (database) => database.openSession(),
  exec: (database) => database.exec("SELECT 1"),
  stream: (database) => database.stream("SELECT 1").next(),
  insertMany: (database) => database.insertMany(Note, [{ text: "by insertMany" }]),
  execScript: (database) => database.execScript("SELECT 1"),
  createAll: (database) => database.createAll(),
  dropAll: (database) => database.dropAll(),
  synchronize: (database) => database.synchronize(),
  runMigrations: (database) => database.runMigrations(),
  undoLastMigration: (database) => database.undoLastMigration(),
  showMigrations: (database) => database.showMigrations(),
  vacuum: (database) => database.vacuum(),
  backup: (database) => database.backup(databases.folder.file("backup.db")),
  checkIntegrity: (database) => database.checkIntegrity(),
  optimize: (database) => database.optimize(),
  checkpoint: (database) => database.checkpoint(),
  detach: (database) => database.detach(() => {}),
};

const ALWAYS_ALLOWED = ["constructor", "dataSource", "isInitialized", "stats", "ping", "init", "close"];

test("the calls that are tested are all that there are", () => {
  const members = Object.getOwnPropertyNames(SqliteDatabase.prototype);
  expect(Object.keys(CALLS).sort()).toEqual(members.filter((name) => !ALWAYS_ALLOWED.includes(name)).sort());
});

describe.each(Object.entries(CALLS))("%s", (_, use) => {
  const call = async (database: SqliteDatabase) => await use(database);

  test("before init rejects with NotInitializedError", async () => {
    const database = databases.make({ entities: [Note] });
    await expect(call(database)).rejects.toThrow(NotInitializedError);
    await expect(call(database)).rejects.toThrow("Call init() first");
    expect(readdirSync(databases.folder.path)).toEqual([]);
  });

  test("while closing and after it rejects with DatabaseClosedError", async () => {
    const database = await databases.open({ entities: [Note] });
    const inFlight = deferred();
    const session = database.session(() => inFlight.promise);
    const closed = database.close();
    await until(() => !database.isInitialized);
    await expect(call(database)).rejects.toThrow(DatabaseClosedError);
    inFlight.resolve();
    await Promise.all([session, closed]);
    await expect(call(database)).rejects.toThrow(DatabaseClosedError);
    expect(await rawRead(databases.path, NOTES)).toEqual([]);
  });
});

test("the data source answers like the database before init and after close", async () => {
  const database = databases.make({ entities: [Note] });
  const { dataSource } = database;
  await expect(dataSource.query("SELECT 1")).rejects.toThrow(NotInitializedError);
  await database.init();
  const repository = database.getRepository(Note);
  await database.close();
  await expect(dataSource.query("SELECT 1")).rejects.toThrow(DatabaseClosedError);
  await expect(dataSource.transaction(async () => {})).rejects.toThrow(DatabaseClosedError);
  await expect(repository.count()).rejects.toThrow(DatabaseClosedError);
});

test("dataSource, manager and getRepository are TypeORM's own, and the same each time", async () => {
  const database = databases.make({ entities: [Note] });
  const { dataSource } = database;
  await database.init();
  expect(database.dataSource).toBe(dataSource);
  expect(database.manager).toBe(dataSource.manager);
  expect(database.getRepository(Note)).toBe(dataSource.getRepository(Note));
  await database.getRepository(Note).insert({ text: "by repository" });
  expect(await rawRead(databases.path, NOTES)).toEqual([{ text: "by repository" }]);
});

describe("stats", () => {
  test("of a database that is not open are zero, with the limit of the options", async () => {
    const database = databases.make({ poolSize: 3, maxOverflow: 4 });
    const nothing = {
      readers: { total: 0, idle: 0, active: 0, waiting: 0, limit: 7 },
      writer: { busy: false, waiting: 0 },
      holders: [],
    };
    expect(database.stats()).toEqual(nothing);
    await database.init();
    await database.exec("SELECT 1");
    await database.close();
    expect(database.stats()).toEqual(nothing);
  });

  test("name those who hold connections oldest first, whatever they hold and however they are called", async () => {
    const database = await databases.open();
    await database.session(
      async () => {
        await database.exec("CREATE TABLE t (n)");
        await database.detach(() =>
          database.session(
            async () => {
              await database.exec("SELECT 1");
              expect(database.stats().holders.map(({ label }) => label)).toEqual(["", "reader"]);
            },
            { readonly: true, label: "reader" },
          ),
        );
      },
      { label: "" },
    );
  });

  test("name the sessions that have a connection, their age and their last statement", async () => {
    const database = await databases.open();
    await using session = await database.openSession({ label: "report", readonly: true });
    expect(database.stats().holders).toEqual([]);
    await session.exec("SELECT 1 AS one");
    const [holder, ...others] = database.stats().holders;
    expect(holder).toEqual({ label: "report", age: expect.any(Number), statement: "SELECT 1 AS one" });
    expect(others).toEqual([]);
    await session.close();
    expect(database.stats().holders).toEqual([]);
  });

  test("tell who reads and who waits for a reader", async () => {
    const database = await databases.open({ poolSize: 1, maxOverflow: 1 });
    const readers = await Promise.all([1, 2, 3].map(() => database.openSession({ readonly: true })));
    const [first, second, third] = readers as [(typeof readers)[0], (typeof readers)[0], (typeof readers)[0]];
    await first.exec("SELECT 1");
    await second.exec("SELECT 1");
    const waiting = third.exec("SELECT 1");
    expect(await isPending(waiting)).toBe(true);
    expect(database.stats().readers).toEqual({ total: 2, idle: 0, active: 2, waiting: 1, limit: 2 });
    await first.close();
    await waiting;
    expect(database.stats().readers).toMatchObject({ active: 2, waiting: 0 });
    await second.close();
    await third.close();
    expect(database.stats().readers).toEqual({ total: 1, idle: 1, active: 0, waiting: 0, limit: 2 });
  });

  test("tell whether someone writes and how many wait for that", async () => {
    const database = await databases.open({ entities: [Note] });
    expect(database.stats().writer).toEqual({ busy: false, waiting: 0 });
    const session = await database.openSession();
    await session.manager.insert(Note, { text: "first" });
    expect(database.stats().writer).toEqual({ busy: true, waiting: 0 });
    const others = ["second", "third"].map((text) => database.getRepository(Note).insert({ text }));
    await until(() => database.stats().writer.waiting === 2);
    await session.commit();
    await Promise.all(others);
    expect(database.stats().writer).toEqual({ busy: false, waiting: 0 });
  });

  test("name those whom close() waits for, until it has closed", async () => {
    const database = await databases.open({ entities: [Note] });
    const session = await database.openSession({ label: "last" });
    await session.manager.insert(Note, { text: "in flight" });
    const closed = database.close();
    expect(database.stats()).toMatchObject({
      writer: { busy: true, waiting: 0 },
      holders: [{ label: "last" }],
    });
    await session.commit();
    await session.close();
    await closed;
    expect(database.stats()).toMatchObject({ readers: { total: 0 }, writer: { busy: false }, holders: [] });
  });

  test("have no limit where maxOverflow is -1", async () => {
    const database = await databases.open({ maxOverflow: -1 });
    expect(database.stats().readers.limit).toBe(Number.POSITIVE_INFINITY);
  });

  test("of a read-only database know no writer", async () => {
    await rawExec(databases.path, "CREATE TABLE t (x)");
    const database = await databases.open({}, `${databases.path}?mode=ro`);
    await using session = await database.openSession({ readonly: true });
    await session.exec("SELECT * FROM t");
    expect(database.stats()).toMatchObject({ readers: { active: 1 }, writer: { busy: false, waiting: 0 } });
  });
});

describe("echo", () => {
  test("true prints every statement with its parameters and duration", async () => {
    const print = jest.spyOn(console, "log").mockImplementation(() => {});
    try {
      const database = await databases.open({ entities: [Note], echo: true });
      print.mockClear();
      await database.exec("SELECT :age + 0 AS age", { age: 21 });
      await database.session((session) => session.manager.insert(Note, { text: "echoed" }));
      await expect(database.exec("SELECT * FROM nowhere")).rejects.toThrow("no such table");
      const lines = print.mock.calls.map(([line]) => String(line));
      expect(lines).toEqual([
        expect.stringMatching(/\d\.\d+ ms +SELECT :age \+ 0 AS age.*\[ ?21 ?\]/),
        expect.stringMatching(/\d\.\d+ ms +BEGIN IMMEDIATE/),
        expect.stringMatching(/\d\.\d+ ms +INSERT INTO "notes".*'echoed'/),
        expect.stringMatching(/\d\.\d+ ms +COMMIT/),
        expect.stringMatching(/\d\.\d+ ms +SELECT \* FROM nowhere.*failed: .*no such table/),
      ]);
    } finally {
      print.mockRestore();
    }
  });

  test("false prints nothing", async () => {
    const print = jest.spyOn(console, "log").mockImplementation(() => {});
    try {
      const database = await databases.open({ entities: [Note] });
      await database.session((session) => session.manager.insert(Note, { text: "silent" }));
      expect(print).not.toHaveBeenCalled();
    } finally {
      print.mockRestore();
    }
  });

  test("with a TypeORM logger tells that one", async () => {
    const queries: unknown[] = [];
    const failures: unknown[] = [];
    class Recorder extends SilentLogger {
      override logQuery(query: string, parameters?: unknown[]): void {
        queries.push([query, parameters]);
      }
      override logQueryError(error: string | Error, query: string): void {
        failures.push([String(error), query]);
      }
    }
    const echo = new Recorder();
    const database = await databases.open({ echo });
    queries.length = 0;
    await database.exec("SELECT :age + 0", { age: 21 });
    expect(queries).toEqual([["SELECT :age + 0", [21]]]);
    await expect(database.exec("SELECT * FROM nowhere")).rejects.toThrow();
    expect(failures).toEqual([[expect.stringContaining("no such table"), "SELECT * FROM nowhere"]]);
  });
});

describe("a ?mode=ro database", () => {
  let database: SqliteDatabase;
  beforeEach(async () => {
    const filling = new SqliteDatabase(databases.path, { entities: [Note] });
    await filling.init();
    await filling.getRepository(Note).insert({ text: "kept" });
    await filling.close();
    database = await databases.open({ entities: [Note, ...entities] }, `${databases.path}?mode=ro`);
  });

  test("reads, and createAll leaves it alone on init", async () => {
    expect(await database.getRepository(Note).findBy({})).toMatchObject([{ text: "kept" }]);
    expect((await database.exec(NOTES)).scalars()).toEqual(["kept"]);
    const texts = await database.session(async (session) => (await session.exec(NOTES)).scalars(), {
      readonly: true,
    });
    expect(texts).toEqual(["kept"]);
    const tables = await rawRead(databases.path, "SELECT name FROM sqlite_schema WHERE type = 'table'");
    expect(tables).not.toContainEqual({ name: database.dataSource.getMetadata(Country).tableName });
  });

  test.each<[string, () => Promise<unknown>]>([
    ["exec", () => database.exec("INSERT INTO notes (text) VALUES ('new')")],
    ["a repository", () => database.getRepository(Note).insert({ text: "new" })],
    ["a session", () => database.session((session) => session.exec("DELETE FROM notes"))],
    ["dataSource.transaction", () => database.dataSource.transaction((manager) => manager.clear(Note))],
    ["createAll", () => database.createAll()],
    ["dropAll", () => database.dropAll()],
    ["vacuum", () => database.vacuum()],
  ])("refuses a write by %s", async (_, write) => {
    await expect(write()).rejects.toThrow(ReadonlyDatabaseError);
    expect(await rawRead(databases.path, NOTES)).toEqual([{ text: "kept" }]);
    expect((await database.exec(NOTES)).scalars()).toEqual(["kept"]);
  });

  test("must exist", async () => {
    const missing = databases.make({}, `${databases.folder.file("missing/none.db")}?mode=ro`);
    await expect(missing.init()).rejects.toThrow(ConfigurationError);
    expect(readdirSync(databases.folder.path)).not.toContain("missing");
    mkdirSync(databases.folder.file("missing"));
    await expect(missing.init()).rejects.toThrow(/none\.db/);
    expect(readdirSync(databases.folder.file("missing"))).toEqual([]);
  });
});
