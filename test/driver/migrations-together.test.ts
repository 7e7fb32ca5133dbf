import { existsSync } from "node:fs";
import { join } from "node:path";
import { EntitySchema, type MigrationInterface, type QueryRunner } from "typeorm";
import { SqliteDataSource } from "../../src/driver/sqlite-data-source";
import { BusyError } from "../../src/errors";
import { runScript } from "../support/child-process";
import { rejection } from "../support/data-sources";
import { until } from "../support/deferred";
import { rawExec, rawRead, withRaw } from "../support/raw-database";
import { StatementLog } from "../support/statement-log";
import { temporaryFolder } from "../support/temporary-folder";
import {
  CreateAccount1760000000000,
  Double1780000000000,
  Increment1770000000000,
} from "./account-migrations";

const folder = temporaryFolder();
const path = () => folder.file("app.db");
const ALL = [CreateAccount1760000000000, Increment1770000000000, Double1780000000000];
const COUNT = 4;

/** Has TypeORM keep its text in a table of its own. */
const Total = new EntitySchema<{ total: number }>({
  name: "total",
  type: "view",
  expression: "SELECT 1 AS total",
  columns: { total: { type: Number } },
});

const opened: SqliteDataSource[] = [];
afterEach(async () => {
  for (const dataSource of opened.splice(0)) if (dataSource.isInitialized) await dataSource.destroy();
});

type Options = Partial<ConstructorParameters<typeof SqliteDataSource>[0]>;

function make(options: Options = {}, log = new StatementLog()): SqliteDataSource {
  const dataSource = new SqliteDataSource({
    database: path(),
    migrations: ALL,
    logger: log,
    logging: true,
    busyTimeout: 60,
    ...options,
  });
  opened.push(dataSource);
  return dataSource;
}

async function openAll(options?: Options): Promise<SqliteDataSource[]> {
  const dataSources = Array.from({ length: COUNT }, () => make(options));
  await Promise.all(dataSources.map((dataSource) => dataSource.initialize()));
  return dataSources;
}

/** Starts `work` on several while another connection writes, which lets all of them look before any can begin. */
async function whileLocked<T>(work: (dataSource: SqliteDataSource) => Promise<T>, options?: Options) {
  const logs = Array.from({ length: COUNT }, () => new StatementLog());
  const dataSources = logs.map((log) => make(options, log));
  await Promise.all(dataSources.map((dataSource) => dataSource.initialize()));
  return await withRaw(path(), async (raw) => {
    await raw.exec("BEGIN IMMEDIATE");
    const waiting = logs.map(
      (log) =>
        new Promise<void>((resolve) => {
          log.heard = (query) => query === "BEGIN TRANSACTION" && resolve();
        }),
    );
    const done = Promise.all(dataSources.map(work));
    await Promise.all(waiting);
    await raw.exec("COMMIT");
    return await done;
  });
}

const value = async () => (await rawRead(path(), "SELECT value FROM account")).map((row) => row.value);
const executed = async () =>
  (await rawRead(path(), "SELECT name FROM migrations ORDER BY id")).map(({ name }) => name);
const NAMES = ALL.map(({ name }) => name);

describe.each(["all", "each"] as const)("with transaction mode %s", (migrationsTransactionMode) => {
  test("each migration runs once, however many find it pending at the same time", async () => {
    await make({ migrations: [CreateAccount1760000000000], migrationsRun: true }).initialize();
    const done = await whileLocked((dataSource) => dataSource.runMigrations(), { migrationsTransactionMode });
    expect(await value()).toEqual([202]);
    expect(await executed()).toEqual(NAMES);
    expect(done.flat().map(({ name }) => name)).toEqual(NAMES.slice(1));
  });

  test("several that begin a new file together all open it, and each migration has run once", async () => {
    await openAll({ migrationsTransactionMode, migrationsRun: true, entities: [Total] });
    expect(await value()).toEqual([202]);
    expect(await executed()).toEqual(NAMES);
  });

  test("what fails in one is run by the next", async () => {
    let failures = 1;
    class Fail1790000000000 implements MigrationInterface {
      async up(runner: QueryRunner): Promise<void> {
        await runner.query("UPDATE account SET value = value + 1000");
        if (failures-- > 0) throw new Error("deliberate");
      }
      async down(): Promise<void> {}
    }
    await make({ migrationsRun: true }).initialize();
    const outcomes = await whileLocked((dataSource) => Promise.allSettled([dataSource.runMigrations()]), {
      migrations: [...ALL, Fail1790000000000],
      migrationsTransactionMode,
    });
    expect(outcomes.flat().filter(({ status }) => status === "rejected")).toHaveLength(1);
    expect(await value()).toEqual([1202]);
  });

  test("undoing one undoes another for each that asks", async () => {
    await make({ migrationsRun: true }).initialize();
    const dataSources = await openAll({ migrationsTransactionMode });
    await Promise.all(dataSources.slice(0, 2).map((dataSource) => dataSource.undoLastMigration()));
    expect(await value()).toEqual([100]);
    expect(await executed()).toEqual(NAMES.slice(0, 1));
  });
});

test("fake migrations are noted once", async () => {
  await make({ migrations: [], migrationsRun: true }).initialize();
  await whileLocked((dataSource) => dataSource.runMigrations({ fake: true }));
  expect(await executed()).toEqual(NAMES);
});

test("the migrations that have run are told as TypeORM tells them, with their instances", async () => {
  const dataSource = await make().initialize();
  const done = await dataSource.runMigrations();
  expect(done.map(({ instance }) => instance?.constructor)).toEqual(ALL);
});

test("several processes that open a file together run each migration once", async () => {
  await make({ migrations: [CreateAccount1760000000000], migrationsRun: true }).initialize();
  const script = join(__dirname, "run-migrations.ts");
  const outcomes = await withRaw(path(), async (raw) => {
    await raw.exec("BEGIN IMMEDIATE");
    const waiting = Array.from({ length: COUNT }, (_, index) => folder.file(`waiting-${index}`));
    const ended = waiting.map((file) => runScript(script, [path(), file], 60_000));
    await until(() => waiting.every((file) => existsSync(file)));
    await raw.exec("COMMIT");
    return await Promise.all(ended);
  });
  for (const outcome of outcomes) expect(outcome).toEqual({ code: 0, signal: null, output: "" });
  expect(await value()).toEqual([202]);
  expect(await executed()).toEqual(NAMES);
});

test("where nothing is pending, nobody is waited for", async () => {
  await make({ migrationsRun: true }).initialize();
  await withRaw(path(), async (raw) => {
    await raw.exec("BEGIN IMMEDIATE");
    await make({ migrationsRun: true, busyTimeout: 0 }).initialize();
  });
});

test("who holds the lock for longer than busyTimeout makes them fail, and nothing has happened", async () => {
  await make({ migrations: [CreateAccount1760000000000], migrationsRun: true }).initialize();
  await withRaw(path(), async (raw) => {
    await raw.exec("BEGIN IMMEDIATE");
    const refused = await rejection(make({ migrationsRun: true, busyTimeout: 0.1 }).initialize());
    expect(refused).toBeInstanceOf(BusyError);
  });
  expect(await executed()).toEqual(NAMES.slice(0, 1));
  await rawExec(path(), "UPDATE account SET value = 1");
  await make({ migrationsRun: true }).initialize();
  expect(await value()).toEqual([4]);
});
