import {
  DataSource,
  type DataSourceOptions,
  type EntityManager,
  type EntityTarget,
  type Migration,
  type ObjectLiteral,
  type QueryRunner,
  type ReplicationMode,
  type SelectQueryBuilder,
} from "typeorm";
import type { BetterSqlite3DataSourceOptions } from "typeorm/driver/better-sqlite3/BetterSqlite3DataSourceOptions.js";
import { ConfigurationError, NotInitializedError } from "../errors";
import { describe } from "../options/describe";
import { type Location, parseLocation } from "../options/location";
import { mergePragmas } from "../options/pragmas";
import {
  type ResolvedOptions,
  resolveOptions,
  type SqliteDatabaseOptions,
} from "../options/sqlite-database-options";
import type { DriverSettings } from "./driver-settings";
import { LazyRelations } from "./lazy-relations";
import { OnceMigrationExecutor } from "./once-migration-executor";
import { SqliteDriver } from "./sqlite-driver";
import { SqliteEntityManager } from "./sqlite-entity-manager";
import { createQueryBuilder } from "./sqlite-query-builder";
import { SqliteQueryRunner } from "./sqlite-query-runner";
import type { TransactionScope } from "./transaction-scope";

type MigrationOptions = NonNullable<Parameters<DataSource["runMigrations"]>[0]>;

const TRANSACTION_MODES: readonly OnceMigrationExecutor["transaction"][] = ["all", "none", "each"];

/** What better-sqlite3 has and a pool of sqlite3 connections has not. */
type BetterSqlite3Only =
  | "type"
  | "driver"
  | "key"
  | "nativeBinding"
  | "verbose"
  | "prepareDatabase"
  | "poolSize";

const POOL_OPTIONS = [
  "poolSize",
  "maxOverflow",
  "poolTimeout",
  "poolRecycle",
  "poolPrePing",
  "busyTimeout",
  "closeTimeout",
  "pragmas",
] as const;

type PoolOptions = Pick<SqliteDatabaseOptions, (typeof POOL_OPTIONS)[number]>;

/** TypeORM's options for a SQLite data source, and those of the pool, as {@link SqliteDatabaseOptions} has them. */
export interface SqliteDataSourceOptions
  extends Omit<BetterSqlite3DataSourceOptions, BetterSqlite3Only>,
    PoolOptions {
  readonly type?: "better-sqlite3";
  /** A path, a `sqlite:` or `file:` URL, or `:memory:`. */
  readonly database: string;
  /** Better-sqlite3's name for `busyTimeout`, and in milliseconds. */
  readonly timeout?: number;
}

/**
 * A TypeORM `DataSource` in which every query runner has a connection of its own for as long as its transaction lasts.
 *
 * It takes the place of `new DataSource({ type: "better-sqlite3", … })`. `options.type` stays `"better-sqlite3"`,
 * by which TypeORM knows SQLite; the better-sqlite3 package is not used.
 *
 * @throws ConfigurationError for a location or a pool option that cannot be used
 * @example
 * const dataSource = await new SqliteDataSource({ database: "app.db", entities: [User] }).initialize();
 */
export class SqliteDataSource extends DataSource {
  declare driver: SqliteDriver;

  constructor(options: SqliteDataSourceOptions);
  /** @internal with what {@link driverSettings} makes of options that were checked before */
  constructor(options: SqliteDataSourceOptions, settings: DriverSettings);
  constructor(options: SqliteDataSourceOptions, settings = toSettings(options)) {
    const resolved = { ...options, type: "better-sqlite3", database: settings.location.path, driver: {} };
    // The stub keeps TypeORM from loading better-sqlite3 for a driver that is replaced at once.
    super(resolved as unknown as DataSourceOptions);
    delete (this.options as { driver?: unknown }).driver;
    this.driver = new SqliteDriver(this, settings);
    (this as { relationLoader: LazyRelations }).relationLoader = new LazyRelations(this);
  }

  override async initialize(): Promise<this> {
    try {
      return await super.initialize();
    } catch (error) {
      // TypeORM cleans up only after some of its steps.
      if (!this.isInitialized) await this.driver.disconnect();
      throw error;
    }
  }

  override async destroy(): Promise<void> {
    try {
      await super.destroy();
    } finally {
      // TypeORM disconnects its cache last, and would never be initialized again where that fails.
      Object.assign(this, { isInitialized: false });
    }
  }

  override createEntityManager(queryRunner?: QueryRunner): EntityManager {
    return new SqliteEntityManager(this, queryRunner);
  }

  override createQueryBuilder<Entity extends ObjectLiteral>(
    entityClass: EntityTarget<Entity>,
    alias: string,
    queryRunner?: QueryRunner,
  ): SelectQueryBuilder<Entity>;
  override createQueryBuilder(queryRunner?: QueryRunner): SelectQueryBuilder<any>;
  override createQueryBuilder(
    entityOrRunner?: EntityTarget<any> | QueryRunner,
    alias?: string,
    queryRunner?: QueryRunner,
  ): SelectQueryBuilder<any> {
    return createQueryBuilder(this, entityOrRunner, alias, queryRunner);
  }

  override createQueryRunner(
    mode: ReplicationMode = "master",
  ): SqliteQueryRunner & { manager: EntityManager } {
    return this.driver.createQueryRunner(mode);
  }

  /** A query runner, with a manager, whose statements run in `scope`. */
  createScopedQueryRunner(scope: TransactionScope): SqliteQueryRunner & { manager: EntityManager } {
    return new SqliteQueryRunner(this.driver, "master", scope) as SqliteQueryRunner & {
      manager: EntityManager;
    };
  }

  /** @throws DatabaseError where rows would be left that refer to nothing; a transaction is rolled back then */
  override async runMigrations(options: MigrationOptions = {}): Promise<Migration[]> {
    return await this.#migrate(options, (executor) => executor.executePendingMigrations());
  }

  /** @throws DatabaseError where rows would be left that refer to nothing; a transaction is rolled back then */
  override async undoLastMigration(options: MigrationOptions = {}): Promise<void> {
    await this.#migrate(options, (executor) => executor.undoLastMigration());
  }

  override async showMigrations(): Promise<boolean> {
    if (!this.isInitialized) throw new NotInitializedError("show migrations");
    return await new OnceMigrationExecutor(this).showMigrations();
  }

  /**
   * Foreign keys are off for all of it. TypeORM would leave them on without a transaction, and would switch them off
   * too late, inside the transaction, when it reverts.
   */
  async #migrate<T>(
    options: MigrationOptions,
    work: (executor: OnceMigrationExecutor) => Promise<T>,
  ): Promise<T> {
    if (!this.isInitialized) throw new NotInitializedError("run migrations");
    const transaction = options.transaction ?? this.options.migrationsTransactionMode ?? "all";
    // TypeORM would run them without a transaction.
    if (!TRANSACTION_MODES.includes(transaction)) {
      throw new ConfigurationError(
        `There is no transaction mode ${describe(transaction)} of migrations; there are ${TRANSACTION_MODES.join(", ")}.`,
      );
    }
    const runner = this.createQueryRunner();
    try {
      await runner.beforeMigration();
      const executor = new OnceMigrationExecutor(this, runner);
      executor.transaction = transaction;
      executor.fake = options.fake ?? false;
      const result = await work(executor);
      await runner.afterMigration();
      return result;
    } finally {
      await runner.release();
    }
  }
}

/** What nobody should believe to have an effect, and what to do instead. */
const UNSUPPORTED: ReadonlyMap<string, string> = new Map([
  ["key", "the SQLite of sqlite3 cannot encrypt. Encrypt the disk, or the values"],
  ["prepareDatabase", "there is no better-sqlite3 database to prepare. Set pragmas by the option pragmas"],
  ["verbose", "use logging"],
]);

/** Those of better-sqlite3 that are made into others here, where a text would be taken for one of them. */
const BETTER_SQLITE3_TYPES = [
  ["timeout", "number"],
  ["readonly", "boolean"],
  ["fileMustExist", "boolean"],
] as const;

function assertSupported(options: SqliteDataSourceOptions): void {
  if (typeof options !== "object" || options === null) {
    throw new ConfigurationError(
      `The options of SqliteDataSource must be an object such as { database: "app.db" } (got ${describe(options)}).`,
    );
  }
  const { type = "better-sqlite3" } = options;
  if (type !== "better-sqlite3") {
    throw new ConfigurationError(
      `SqliteDataSource opens SQLite only: its type is "better-sqlite3", or is left out (got ${describe(type)}).`,
    );
  }
  for (const [key, wanted] of BETTER_SQLITE3_TYPES) {
    const value = options[key];
    if (value === undefined || typeof value === wanted) continue;
    throw new ConfigurationError(
      `The option ${key} of SqliteDataSource must be a ${wanted} (got ${describe(value)}).`,
    );
  }
  for (const [key, value] of Object.entries(options)) {
    const remedy = value === undefined ? undefined : UNSUPPORTED.get(key);
    if (remedy !== undefined)
      throw new ConfigurationError(`SqliteDataSource has no option ${key}: ${remedy}.`);
    const meant = POOL_OPTIONS.find((option) => option.toLowerCase() === key.replace(/_/g, "").toLowerCase());
    if (meant !== undefined && meant !== key) {
      throw new ConfigurationError(`SqliteDataSource has no option ${key}; did you mean ${meant}?`);
    }
  }
}

function toSettings(options: SqliteDataSourceOptions): DriverSettings {
  assertSupported(options);
  const given = Object.fromEntries(POOL_OPTIONS.map((key) => [key, options[key]]));
  // In milliseconds, as better-sqlite3 has it.
  if (options.timeout !== undefined) given.busyTimeout ??= options.timeout / 1000;
  const location = parseLocation(options.database);
  const mode = options.readonly
    ? "ro"
    : options.fileMustExist && location.mode === "rwc"
      ? "rw"
      : location.mode;
  return driverSettings({ ...location, mode }, resolveOptions(given));
}

/** What the driver needs to know of options that have been checked. */
export function driverSettings(
  location: Location,
  options: Pick<ResolvedOptions, (typeof POOL_OPTIONS)[number]>,
): DriverSettings {
  const { poolSize, maxOverflow, poolTimeout, poolRecycle, poolPrePing, busyTimeout, closeTimeout, pragmas } =
    options;
  return {
    location,
    pragmas: mergePragmas(pragmas),
    poolSize,
    maxOverflow: maxOverflow === -1 ? Number.POSITIVE_INFINITY : maxOverflow,
    poolPrePing,
    poolTimeout: poolTimeout * 1000,
    poolRecycle: poolRecycle === -1 ? Number.POSITIVE_INFINITY : poolRecycle * 1000,
    busyTimeout: busyTimeout * 1000,
    closeTimeout: closeTimeout * 1000,
  };
}
