import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  Column,
  Entity,
  EntitySchema,
  Index,
  type MigrationInterface,
  PrimaryColumn,
  type QueryRunner,
} from "typeorm";
import type { QueryResultCache } from "typeorm/cache/QueryResultCache.js";
import { ConfigurationError, CorruptDatabaseError, NotInitializedError } from "../src/errors";
import type { SqliteDatabaseOptions } from "../src/options/sqlite-database-options";
import { testDatabases } from "./support/databases";
import { deferred, isPending } from "./support/deferred";
import { openFiles } from "./support/open-files";
import { RawDatabase, rawExec, rawRead } from "./support/raw-database";
import { SilentLogger } from "./support/silent-logger";
import { NOTES, Note } from "./support/small-entities";

const databases = testDatabases();

@Entity("tagged")
@Index("taken", ["name"])
class Tagged {
  @PrimaryColumn()
  name!: string;
}

@Entity("keyless")
class Keyless {
  @Column()
  name!: string;
}

/** Fails, or waits, for as long as the test wants it to. */
let beforeMigrating: () => Promise<void>;
class Migration1700000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query("CREATE TABLE migrated (x)");
    await beforeMigrating();
  }
  async down(runner: QueryRunner): Promise<void> {
    await runner.query("DROP TABLE migrated");
  }
}
const migrating: SqliteDatabaseOptions = {
  migrations: [Migration1700000000000],
  migrationsRun: true,
  echo: new SilentLogger(),
};

/** A cache of the application's own, such as one in Redis. */
let connectCache: () => Promise<void>;
let disconnectCache: () => Promise<void>;
const cacheProvider = (): QueryResultCache => ({
  connect: () => connectCache(),
  disconnect: () => disconnectCache(),
  synchronize: async () => {},
  getFromCache: async () => undefined,
  storeInCache: async () => {},
  isExpired: () => true,
  clear: async () => {},
  remove: async () => {},
});

beforeEach(() => {
  beforeMigrating = async () => {};
  connectCache = async () => {};
  disconnectCache = async () => {};
});

test("makes the missing folders, the file in WAL mode and the missing tables", async () => {
  const path = databases.folder.file("new/folder/app.db");
  const database = databases.make({ entities: [Note] }, path);
  expect(await database.init()).toBe(database);
  expect(database.isInitialized).toBe(true);
  expect(database.dataSource.isInitialized).toBe(true);
  expect(await rawRead(path, "PRAGMA journal_mode")).toEqual([{ journal_mode: "wal" }]);
  expect(await rawRead(path, NOTES)).toEqual([]);
});

test("takes entities as classes, as EntitySchemas and as glob strings, and makes the tables of all", async () => {
  const schema = new EntitySchema({ name: "plain", columns: { id: { type: "integer", primary: true } } });
  await databases.open({ entities: [Tagged, schema, join(__dirname, "support/small-*.ts")] });
  const tables = await rawRead(
    databases.path,
    "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name",
  );
  expect(tables.map(({ name }) => name)).toEqual(
    expect.arrayContaining(["accounts", "notes", "plain", "tagged"]),
  );
});

test("creates no table where createAll is false", async () => {
  await databases.open({ entities: [Note], createAll: false });
  expect(await rawRead(databases.path, "SELECT name FROM sqlite_schema")).toEqual([]);
});

test("waits for nobody, so that a poolTimeout of 0 does not keep the file from being opened", async () => {
  const database = await databases.open({ entities: [Note], poolTimeout: 0 });
  await database.session(({ manager }) => manager.insert(Note, { text: "written" }));
  expect(await rawRead(databases.path, NOTES)).toMatchObject([{ text: "written" }]);
});

test("creates the tables after TypeORM's dropSchema, which only setOptions() can set", async () => {
  const database = databases.make({ entities: [Note] });
  database.dataSource.setOptions({ dropSchema: true });
  await database.init();
  await database.getRepository(Note).insert({ text: "kept" });
  expect((await database.exec(NOTES)).scalars()).toEqual(["kept"]);
});

test("synchronizes where synchronize is true", async () => {
  await rawExec(databases.path, "CREATE TABLE notes (id integer PRIMARY KEY AUTOINCREMENT NOT NULL)");
  await databases.open({ entities: [Note], synchronize: true });
  expect(await rawRead(databases.path, NOTES)).toEqual([]);
});

test("calls at the same time share one run", async () => {
  const gate = deferred();
  let runs = 0;
  beforeMigrating = () => {
    runs++;
    return gate.promise;
  };
  const database = databases.make(migrating);
  const calls = [database.init(), database.init(), database.dataSource.initialize()];
  expect(await isPending(Promise.race(calls))).toBe(true);
  expect(database.isInitialized).toBe(false);
  gate.resolve();
  expect(await Promise.all(calls)).toEqual([database, database, database.dataSource]);
  expect(runs).toBe(1);
});

test("of an open database does nothing", async () => {
  const database = await databases.open({ entities: [Note] });
  await rawExec(databases.path, "DROP TABLE notes");
  await database.init();
  await database.dataSource.initialize();
  expect(await rawRead(databases.path, "SELECT name FROM sqlite_schema WHERE name = 'notes'")).toEqual([]);
});

test("through the data source is the same", async () => {
  const database = databases.make({ entities: [Note] });
  expect(await database.dataSource.initialize()).toBe(database.dataSource);
  expect(database.isInitialized).toBe(true);
  await database.getRepository(Note).insert({ text: "by createAll" });
});

test("does not let anyone in before it is done", async () => {
  const gate = deferred();
  beforeMigrating = () => gate.promise;
  const database = databases.make(migrating);
  const opened = database.init();
  expect(await isPending(opened)).toBe(true);
  await expect(database.exec("SELECT 1")).rejects.toThrow(NotInitializedError);
  gate.resolve();
  await opened;
  expect((await database.exec("SELECT * FROM migrated")).rows).toEqual([]);
});

interface Failure {
  readonly options?: SqliteDatabaseOptions;
  readonly location?: () => string;
  /** Makes it fail. */
  readonly spoil: (path: string) => void | Promise<void>;
  readonly error: new (...args: never[]) => Error;
  readonly message: RegExp;
  readonly repair: (path: string) => void | Promise<void>;
}

const boom = new Error("this does not work");

const FAILURES: Record<string, Failure> = {
  "a file that is no database": {
    spoil: (path) => writeFileSync(path, "this is no database, ".repeat(100)),
    error: CorruptDatabaseError,
    message: /test\.db.*not a database/s,
    repair: (path) => rmSync(path),
  },
  "a folder that cannot be made": {
    location: () => databases.folder.file("file/app.db"),
    spoil: () => writeFileSync(databases.folder.file("file"), ""),
    error: ConfigurationError,
    message: /file\/app\.db.*folder/s,
    repair: () => rmSync(databases.folder.file("file")),
  },
  "a missing file with ?mode=rw": {
    location: () => `${databases.path}?mode=rw`,
    spoil: () => {},
    error: ConfigurationError,
    message: /test\.db/,
    repair: (path) => rawExec(path, "CREATE TABLE t (x)"),
  },
  "a pragma that is not taken": {
    options: { pragmas: { page_size: 8192 } },
    spoil: (path) => rawExec(path, "PRAGMA journal_mode = WAL; CREATE TABLE t (x)"),
    error: ConfigurationError,
    message: /page_size/,
    repair: (path) => rmSync(path),
  },
  "a migration that throws": {
    options: migrating,
    spoil: () => {
      beforeMigrating = () => Promise.reject(boom);
    },
    error: Error,
    message: /^this does not work$/,
    repair: () => {
      beforeMigrating = async () => {};
    },
  },
  "a cache of query results that cannot be connected": {
    options: { cache: { provider: () => cacheProvider() } },
    spoil: () => {
      connectCache = () => Promise.reject(boom);
    },
    error: Error,
    message: /^this does not work$/,
    repair: () => {
      connectCache = async () => {};
    },
  },
  "a table that cannot be created": {
    options: { entities: [Note, Tagged] },
    spoil: (path) => rawExec(path, "CREATE TABLE foreign_table (x); CREATE INDEX taken ON foreign_table (x)"),
    error: Error,
    message: /index taken already exists/,
    repair: (path) => rawExec(path, "DROP INDEX taken"),
  },
  "a schema that cannot be synchronized": {
    options: { entities: [Note], synchronize: true },
    spoil: (path) =>
      rawExec(
        path,
        `CREATE TABLE notes (id integer PRIMARY KEY AUTOINCREMENT NOT NULL, text varchar NOT NULL);
         INSERT INTO notes (text) VALUES ('twice'), ('twice')`,
      ),
    error: Error,
    message: /UNIQUE constraint failed/,
    repair: (path) => rawExec(path, "DELETE FROM notes"),
  },
};

describe.each(Object.entries(FAILURES))("%s", (_, { options, location, spoil, error, message, repair }) => {
  test("fails init, leaves no open handle, and can be opened by the same object once it is repaired", async () => {
    await spoil(databases.path);
    const database = databases.make(options, location?.());
    for (const attempt of [database.init(), database.init()]) {
      await expect(attempt).rejects.toThrow(error);
      await expect(attempt).rejects.toThrow(message);
    }
    expect(openFiles(databases.folder.path)).toEqual([]);
    expect(database.isInitialized).toBe(false);
    expect(database.dataSource.isInitialized).toBe(false);
    expect(await database.ping()).toBe(false);
    await expect(database.exec("SELECT 1")).rejects.toThrow(NotInitializedError);

    await repair(databases.path);
    await database.init();
    expect((await database.exec("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
  });
});

test("a failed init rejects with the migration's own error, and has rolled it back", async () => {
  beforeMigrating = () => Promise.reject(boom);
  const database = databases.make(migrating);
  await expect(database.init()).rejects.toBe(boom);
  expect(await rawRead(databases.path, "SELECT name FROM sqlite_schema WHERE name = 'migrated'")).toEqual([]);
});

test.each<[string, SqliteDatabaseOptions]>([
  ["of an entity", { entities: [Keyless] }],
  ["of a migration", migrating],
  ["of a table", { entities: [Note, Tagged] }],
])("the error %s is not lost behind that of a cache that cannot be disconnected", async (_, options) => {
  await rawExec(databases.path, "CREATE TABLE foreign_table (x); CREATE INDEX taken ON foreign_table (x)");
  beforeMigrating = () => Promise.reject(new Error("the migration's own"));
  disconnectCache = () => Promise.reject(boom);
  const database = databases.make({ ...options, cache: { provider: () => cacheProvider() } });
  for (const _attempt of ["the first", "the next"]) {
    await expect(database.init()).rejects.toThrow(/primary column|the migration's own|index taken/);
  }
  expect(openFiles(databases.folder.path)).toEqual([]);
});

test("what was closed although its cache could not be disconnected can be opened again", async () => {
  const database = await databases.open({ cache: { provider: () => cacheProvider() } });
  disconnectCache = () => Promise.reject(boom);
  await expect(database.close()).rejects.toBe(boom);
  expect(openFiles(databases.folder.path)).toEqual([]);
  disconnectCache = async () => {};
  await database.init();
  expect((await database.exec("SELECT 1 AS one")).scalar()).toBe(1);
});

test("a createAll that fails has created nothing", async () => {
  await rawExec(databases.path, "CREATE TABLE foreign_table (x); CREATE INDEX taken ON foreign_table (x)");
  await expect(databases.make({ entities: [Note, Tagged] }).init()).rejects.toThrow("taken");
  expect(await rawRead(databases.path, "SELECT name FROM sqlite_schema ORDER BY name")).toEqual([
    { name: "foreign_table" },
    { name: "taken" },
  ]);
});

test("an entity that TypeORM refuses leaves no open handle", async () => {
  const database = databases.make({ entities: [Keyless] });
  await expect(database.init()).rejects.toThrow(/primary column/);
  expect(openFiles(databases.folder.path)).toEqual([]);
  await database.close();
});

test("a file that is no database is left as it was", async () => {
  const text = "this is no database, ".repeat(100);
  writeFileSync(databases.path, text);
  await expect(databases.make().init()).rejects.toThrow(CorruptDatabaseError);
  expect(readFileSync(databases.path, "utf8")).toBe(text);
  expect(readdirSync(databases.folder.path)).toEqual(["test.db"]);
});

test("a database that is locked by someone else fails after busyTimeout, and not after twice that", async () => {
  await rawExec(databases.path, "CREATE TABLE t (x)");
  const other = await RawDatabase.open(databases.path);
  try {
    // Not yet in WAL mode, so that even reading is refused.
    await other.exec("BEGIN EXCLUSIVE");
    const database = databases.make({ busyTimeout: 0.6 });
    const started = performance.now();
    await expect(database.init()).rejects.toThrow(/test\.db.*locked/s);
    expect(performance.now() - started).toBeLessThan(1150);
    await other.exec("ROLLBACK");
    await database.init();
  } finally {
    await other.close();
  }
});

test.each(["init", "close"] as const)(
  "%s in a migration that init runs fails at once, and says why",
  async (call) => {
    const database = databases.make(migrating);
    beforeMigrating = async () => void (await database[call]());
    await expect(database.init()).rejects.toMatchObject({ code: "INSIDE_INIT" });
    beforeMigrating = async () => {};
    await database.init();
    await database.close();
  },
);

test("close during init waits for it, and then closes", async () => {
  const gate = deferred();
  beforeMigrating = () => gate.promise;
  const database = databases.make(migrating);
  const opened = database.init();
  const closed = database.close();
  expect(await isPending(Promise.race([opened, closed]))).toBe(true);
  gate.resolve();
  await opened;
  await closed;
  expect(database.isInitialized).toBe(false);
  expect(openFiles(databases.folder.path)).toEqual([]);
  expect(existsSync(`${databases.path}-wal`)).toBe(false);
});

test("dataSource.destroy() during init waits for it, as close() does", async () => {
  const gate = deferred();
  beforeMigrating = () => gate.promise;
  const database = databases.make(migrating);
  const opened = database.init();
  expect(await isPending(opened)).toBe(true);
  const destroyed = database.dataSource.destroy();
  const finished = Promise.allSettled([opened, destroyed]);
  expect(await isPending(destroyed)).toBe(true);
  gate.resolve();
  expect(await finished).toMatchObject([{ status: "fulfilled" }, { status: "fulfilled" }]);
  expect(openFiles(databases.folder.path)).toEqual([]);
});

test("close during an init that fails is harmless", async () => {
  beforeMigrating = () => Promise.reject(boom);
  const database = databases.make(migrating);
  const opened = database.init();
  const closed = database.close();
  await expect(opened).rejects.toBe(boom);
  await closed;
  expect(openFiles(databases.folder.path)).toEqual([]);
});

test("init after close opens again, as often as one likes", async () => {
  const database = databases.make({ entities: [Note] });
  for (const round of [1, 2, 3]) {
    await database.init();
    await database.getRepository(Note).insert({ text: `round ${round}` });
    await database.close();
  }
  await database.init();
  expect((await database.exec(NOTES)).scalars()).toEqual(["round 1", "round 2", "round 3"]);
});

test("init called while closing opens again once that is done", async () => {
  const database = await databases.open({ entities: [Note] });
  const inFlight = deferred();
  const session = database.session(async ({ manager }) => {
    await inFlight.promise;
    await manager.insert(Note, { text: "in flight" });
  });
  const closed = database.close();
  const reopened = database.init();
  expect(await isPending(closed)).toBe(true);
  inFlight.resolve();
  await Promise.all([session, closed, reopened]);
  expect(database.isInitialized).toBe(true);
  expect((await database.exec(NOTES)).scalars()).toEqual(["in flight"]);
});

test("the last of several calls to close and init decides", async () => {
  const database = await databases.open();
  await Promise.all([database.close(), database.init(), database.close()]);
  expect(database.isInitialized).toBe(false);
  expect(openFiles(databases.folder.path)).toEqual([]);
  await Promise.all([database.init(), database.close(), database.init()]);
  expect(database.isInitialized).toBe(true);
  expect((await database.exec("SELECT 1 AS one")).scalar()).toBe(1);
});
