import type { EntityManager, EntityTarget, Migration, ObjectLiteral, Repository } from "typeorm";
import { Database, type ExecOptions, type SessionOptions } from "./database";
import { showCaller } from "./driver/caller-stack";
import { refusedInSandbox } from "./driver/refused-in-sandbox";
import type { SqliteDataSource } from "./driver/sqlite-data-source";
import type { TransactionScope } from "./driver/transaction-scope";
import {
  ConfigurationError,
  DatabaseClosedError,
  DatabaseError,
  NotInitializedError,
  ReadonlyError,
} from "./errors";
import { Lifecycle } from "./lifecycle";
import { type BackupOptions, backup } from "./maintenance/backup";
import { type CheckpointMode, type CheckpointResult, checkpoint } from "./maintenance/checkpoint";
import { checkIntegrity, type IntegrityReport } from "./maintenance/integrity";
import { type VacuumOptions, vacuum } from "./maintenance/vacuum";
import { ManagedDataSource } from "./managed-data-source";
import { checkCallOptions } from "./options/call-options";
import { describe } from "./options/describe";
import { parseLocation } from "./options/location";
import { resolveOptions, type SqliteDatabaseOptions } from "./options/sqlite-database-options";
import { createAll } from "./schema/create-all";
import { dropAll } from "./schema/drop-all";
import { Deadline } from "./session/deadline";
import { execute } from "./session/execute";
import {
  checkInsertManyOptions,
  type InsertManyOptions,
  type InsertRow,
  type RowSource,
} from "./session/insert-many";
import { Session } from "./session/session";
import { type StreamOptions, streamRows } from "./session/stream-rows";
import { assertText, type Parameters } from "./sql/parameters";
import type { Result } from "./sql/result";
import { splitStatements } from "./sql/statement";
import { type DatabaseStats, statsOf } from "./stats";

/**
 * A SQLite database for TypeORM in which every session has a connection of its own.
 *
 * @throws ConfigurationError from the constructor, for a location or an option that cannot be used
 * @example
 * const database = new SqliteDatabase("sqlite:///./app.db", { entities: [User, Post] });
 * await database.init();
 * await database.session(async (session) => {
 *   await session.manager.insert(User, { username: "ada" });
 * });
 * await database.close();
 */
export class SqliteDatabase extends Database<Session> {
  readonly #dataSource: ManagedDataSource;
  readonly #lifecycle: Lifecycle;

  constructor(location: string | URL, options: SqliteDatabaseOptions = {}) {
    super();
    const resolved = resolveOptions(options);
    const parsed = parseLocation(location);
    this.#lifecycle = new Lifecycle({
      open: () => this.#open(resolved.createAll && parsed.mode !== "ro"),
      close: () => this.#dataSource.shut(),
    });
    this.#dataSource = new ManagedDataSource(parsed, resolved, this);
  }

  /** The TypeORM data source. Initializing or destroying it is the same as {@link init} and {@link close}. */
  get dataSource(): SqliteDataSource {
    return this.#dataSource;
  }

  get isInitialized(): boolean {
    return this.#lifecycle.state === "open";
  }

  /**
   * TypeORM's manager. What it does inside a session's `work` takes part in the session.
   *
   * @throws NotInitializedError, DatabaseClosedError
   */
  get manager(): EntityManager {
    this.#assertOpen("use the manager");
    return this.#dataSource.manager;
  }

  /**
   * TypeORM's repository. What it does inside a session's `work` takes part in the session.
   *
   * @throws NotInitializedError, DatabaseClosedError
   */
  getRepository<Entity extends ObjectLiteral>(target: EntityTarget<Entity>): Repository<Entity> {
    return this.manager.getRepository(target);
  }

  /**
   * Opens the file, applies and verifies the pragmas, runs migrations and creates missing tables, as the options say.
   * Concurrent calls share one run. One that failed leaves nothing open and may be repeated.
   *
   * @throws ConfigurationError, CorruptDatabaseError, ReadonlyDatabaseError, BusyError
   */
  async init(): Promise<this> {
    this.#assertNotOpening("init()");
    await this.#lifecycle.open();
    return this;
  }

  /**
   * Refuses new work, lets the work in flight end for up to `closeTimeout`, then interrupts it. Leaves no WAL behind.
   * Closing what is closed is harmless; `init()` may follow.
   *
   * @throws DatabaseError inside a session or a migration, which it would wait for
   */
  async close(): Promise<void> {
    this.#assertNotOpening("close()");
    this.#assertOutside("close()");
    await this.#lifecycle.close();
  }

  /**
   * Runs `work` in a session that is committed when it resolves, before this resolves with its value, and rolled back
   * when it rejects, before this rejects with the same error.
   *
   * Inside `work` everything that is done through this database takes part in the session: repositories, `exec`, and
   * further sessions, which are savepoints. Writers take turns in the order they came.
   *
   * @throws ReadonlyError for a read-write session inside a read-only one
   * @throws SessionTimeoutError after `timeout`, and the reason of `signal`; both roll back
   * @throws PoolTimeoutError naming who holds what was waited for
   * @example
   * const count = await database.session((session) => session.getRepository(User).count(), { readonly: true });
   */
  async session<T>(work: (session: Session) => Promise<T> | T, options: SessionOptions = {}): Promise<T> {
    this.#assertOpen("open a session");
    if (typeof work !== "function") {
      throw new ConfigurationError("session() takes a function first, and its options after it.");
    }
    const { ambient } = this.#dataSource.driver.context;
    const deadline = deadlineOf("session", options);
    try {
      const limited = { ...options, signal: deadline.signal };
      if (ambient) await this.#flushAmbient(deadline.signal);
      const scope = ambient ? await nested(ambient, limited) : this.#begin(limited);
      return await Session.run(this.#dataSource, scope, true, work);
    } finally {
      deadline.end();
    }
  }

  /**
   * A session under manual control, which is not ambient. What is not committed when it is closed is rolled back. One
   * that is never closed is rolled back when it is garbage, with a warning (`SESSION_LEAK`) that says where it was opened.
   *
   * @example
   * await using session = await database.openSession();
   * await session.exec("UPDATE users SET status = :status", { status: "active" });
   * await session.commit();
   */
  async openSession(options: SessionOptions = {}): Promise<Session> {
    this.#assertOpen("open a session");
    const deadline = deadlineOf("openSession", options);
    const { signal } = deadline;
    const scope = this.#begin({ ...options, signal }, () => {
      signal?.removeEventListener("abort", rollBack);
      deadline.end();
    });
    // Nobody may be waiting for a statement then.
    const rollBack = (): void => void scope.rollback().catch(() => {});
    signal?.addEventListener("abort", rollBack, { once: true });
    return Session.open(this.#dataSource, scope);
  }

  /**
   * Runs one raw statement with named (`:name`, `@name`, `$name`) or positional (`?`) parameters. One that only reads
   * goes to a reader, anything else to the writer; inside a session both run in it.
   *
   * @throws ParameterError before anything runs
   * @throws ReadonlyError if `readonly` was asked for and the statement writes
   * @throws QueryError for what SQLite refuses
   * @example
   * await database.exec("UPDATE users SET status = :status WHERE id IN (:ids)", { status: "active", ids: [1, 2] });
   */
  async exec<T = Record<string, unknown>>(
    sql: string,
    parameters?: Parameters,
    options?: ExecOptions,
  ): Promise<Result<T>> {
    this.#assertOpen("run a statement");
    const runner = this.#dataSource.createQueryRunner();
    try {
      return await execute<T>(runner, sql, parameters, options);
    } finally {
      await runner.release();
    }
  }

  /**
   * The rows of a query, read as they are asked for: however many there are, only some of them are in memory. All come
   * from one snapshot, which what is written meanwhile does not change; inside a session they come from its transaction.
   *
   * Leaving the loop, in whichever way, frees the connection. A query that sorts without an index is run once, into
   * SQLite's temporary storage, where the rows after the first 20,000 of any query are kept too, in parts of at most four
   * times what was taken. Inside a session the query is run again for every page of up to 10,000 rows.
   *
   * @throws ParameterError, ReadonlyError for what does not only read, QueryError; all when the first row is asked for
   * @throws SessionTimeoutError after `timeout` seconds, and the reason of `signal`
   * @example
   * for await (const user of database.stream<User>("SELECT * FROM users WHERE age > :age", { age: 21 })) {
   *   if (await isEnough(user)) break;
   * }
   */
  stream<T = Record<string, unknown>>(
    sql: string,
    parameters?: Parameters,
    options?: StreamOptions,
  ): AsyncIterableIterator<T> {
    const { context } = this.#dataSource.driver;
    // Where it is called decides, not where it is read.
    const { ambient } = context;
    const open = () => {
      this.#assertOpen("stream rows");
      if (ambient) return this.#dataSource.createScopedQueryRunner(ambient);
      return context.detach(() => this.#dataSource.createQueryRunner());
    };
    return streamRows<T>(open, sql, parameters, options);
  }

  /**
   * Inserts plain objects in bulk, as many as the iterable gives: all of them, or none. Only some of them are in memory
   * at a time, and the event loop is left free in between.
   *
   * Columns, embedded columns, defaults, transformers, generated keys, dates and versions are those of the entity, as
   * for `repository.insert()`; a relation is given as the value of its join column or as an object with that value.
   * Cascades, listeners and subscribers do not run, and the objects are not changed.
   *
   * @param options label, `timeout` and `signal` of the session that it is
   * @returns how many rows were inserted
   * @throws ParameterError naming the row and the property, for what is no object, or no column, or cannot be stored
   * @throws ConstraintError for what SQLite refuses, and whatever the iterable throws
   * @example
   * const count = await database.insertMany(City, parse(createReadStream("cities.csv")));
   */
  async insertMany<Entity extends ObjectLiteral>(
    target: EntityTarget<Entity>,
    rows: RowSource<InsertRow<Entity>>,
    options: InsertManyOptions = {},
  ): Promise<number> {
    const asked = new Error("asked for here");
    checkInsertManyOptions(options);
    try {
      const insert = (session: Session) => session.insertMany(target, rows);
      return await this.session(insert, { label: "insertMany", ...options });
    } catch (error) {
      showCaller(error, asked);
      throw error;
    }
  }

  /**
   * Runs several statements without parameters in one transaction: all of them, or none.
   *
   * @throws QueryError for the first that SQLite refuses; then nothing of the script has happened
   */
  async execScript(sql: string): Promise<void> {
    this.#assertOpen("run a script");
    assertText(sql);
    const statements = splitStatements(sql);
    await this.session(
      async (session) => {
        for (const statement of statements) await session.exec(statement);
      },
      { label: "execScript" },
    );
  }

  async ping(): Promise<boolean> {
    try {
      return this.isInitialized && (await this.#dataSource.driver.lender.pool.ping());
    } catch {
      return false;
    }
  }

  /** Creates the tables, junction tables and views of the entities that are missing. Never alters or drops one. */
  async createAll(): Promise<void> {
    this.#assertOpen("create tables");
    await createAll(this.#dataSource);
  }

  /**
   * Drops the tables, junction tables and views of the entities and all their rows, whatever their foreign keys, and
   * nothing else in the file: all of them, or none.
   */
  async dropAll(): Promise<void> {
    this.#assertOpen("drop tables");
    this.#assertNoTransaction("dropAll()");
    await dropAll(this.#dataSource);
  }

  /** TypeORM's schema synchronization. Rebuilding a table keeps the rows that refer to it. */
  async synchronize(): Promise<void> {
    this.#assertOpen("synchronize the schema");
    this.#assertNoTransaction("synchronize()");
    await this.#dataSource.synchronize();
  }

  /** Runs the pending migrations. Rebuilding a table keeps the rows that refer to it. */
  async runMigrations(options?: {
    transaction?: "all" | "none" | "each";
    fake?: boolean;
  }): Promise<Migration[]> {
    this.#assertOpen("run migrations");
    this.#assertNoTransaction("runMigrations()");
    checkCallOptions("runMigrations", options, ["transaction", "fake"]);
    return await this.#dataSource.runMigrations(options);
  }

  /** Reverts the migration that ran last. */
  async undoLastMigration(options?: {
    transaction?: "all" | "none" | "each";
    fake?: boolean;
  }): Promise<void> {
    this.#assertOpen("revert a migration");
    this.#assertNoTransaction("undoLastMigration()");
    checkCallOptions("undoLastMigration", options, ["transaction", "fake"]);
    await this.#dataSource.undoLastMigration(options);
  }

  /** Whether there are migrations that have not run; TypeORM logs all of them. */
  async showMigrations(): Promise<boolean> {
    this.#assertOpen("show migrations");
    return await this.#dataSource.showMigrations();
  }

  /**
   * Rebuilds the file without unused pages, after the writers before it; or, with `into`, a compact copy of it at a
   * path where there is no file yet (https://sqlite.org/lang_vacuum.html).
   *
   * @throws ConfigurationError where `into` is no path
   * @throws DatabaseError inside a session, before anything is touched
   */
  async vacuum(options: VacuumOptions = {}): Promise<void> {
    this.#assertOpen("vacuum");
    this.#assertNoTransaction("vacuum()");
    await vacuum(this.#dataSource, options);
  }

  /**
   * Copies the database to a new file while reads and writes go on. The copy is of one moment. It gets its name only
   * when it is complete, on the disk, and was opened and checked; a backup that failed leaves nothing behind.
   *
   * @param location a path or a file URL in a folder that exists, where there is no file yet
   * @throws DatabaseError with the code `BACKUP` for a target that cannot be written, or a damaged copy
   * @throws DiskFullError, CorruptDatabaseError, whatever `onProgress` throws, and the reason of `signal`
   * @example
   * await database.backup(`backups/${new Date().toISOString().slice(0, 10)}.db`, {
   *   onProgress: ({ totalPages, remainingPages }) => console.log(`${totalPages - remainingPages} of ${totalPages}`),
   * });
   */
  async backup(location: string | URL, options: BackupOptions = {}): Promise<void> {
    this.#assertOpen("back up");
    await backup(this.#dataSource, location, options);
  }

  /**
   * Reads the whole file, and tells whether it is damaged and which rows refer to nothing.
   *
   * @example
   * const { ok, integrity, foreignKeys } = await database.checkIntegrity();
   */
  async checkIntegrity(): Promise<IntegrityReport> {
    this.#assertOpen("check the integrity");
    return await checkIntegrity(this.#dataSource);
  }

  /**
   * Lets SQLite bring the statistics up to date by which it plans queries, where it thinks it worth while. `close()`
   * does so too; for a process that runs for weeks, once a day (https://sqlite.org/pragma.html#pragma_optimize).
   */
  async optimize(): Promise<void> {
    this.#assertOpen("optimize");
    this.#assertOutside("optimize()");
    await this.#dataSource.query("PRAGMA optimize");
  }

  /**
   * Copies what is in the WAL into the database file. SQLite does so by itself after every 1000 pages.
   *
   * @param mode how far it goes
   * @returns what it did; `busy` if readers or another process were in the way for `busyTimeout`
   * @example
   * const { busy } = await database.checkpoint("truncate");
   */
  async checkpoint(mode: CheckpointMode = "passive"): Promise<CheckpointResult> {
    this.#assertOpen("checkpoint");
    this.#assertNoTransaction("checkpoint()");
    return await checkpoint(this.#dataSource, mode);
  }

  /** Figures of the pool, of this moment; cheap enough for every scrape of a metrics collector. */
  stats(): DatabaseStats {
    return statsOf(this.#dataSource);
  }

  /**
   * Runs `fn` outside the ambient session, for work that goes on after it: what `fn` does has its own transactions.
   *
   * @example
   * await database.session(async (session) => {
   *   …
   *   database.detach(() => void sendMail(user));
   * });
   */
  detach<T>(fn: () => T): T {
    this.#assertOpen("detach work");
    if (typeof fn !== "function") {
      throw new ConfigurationError(`detach() takes a function, which it calls (got ${describe(fn)}).`);
    }
    return this.#dataSource.driver.context.detach(fn);
  }

  async #open(create: boolean): Promise<void> {
    const { driver } = this.#dataSource;
    // The code that opens it again may still run in the context of a session that has ended.
    if (driver.context.ambient) return await driver.context.detach(() => this.#open(create));
    await this.#dataSource.open({ create });
    try {
      if (create && !driver.hasTables) await createAll(this.#dataSource, { isNew: driver.isNew });
    } catch (error) {
      await this.#dataSource.shut().catch(() => {});
      throw error;
    }
  }

  #begin(options: SessionOptions, ended?: () => void): TransactionScope {
    const { readonly = false, label = "session", signal } = options;
    return this.#dataSource.driver.openTransaction({ readonly, label, signal, ended });
  }

  #assertOpen(operation: string): void {
    const { state } = this.#lifecycle;
    // What is inside a session that was open before closing began belongs to the work in flight.
    if (state === "open" || (state === "closing" && this.#dataSource.driver.context.ambient)) return;
    if (state === "new") throw new NotInitializedError(operation);
    throw new DatabaseClosedError();
  }

  /** What the session around this code has not written yet belongs to that one, and not to one nested in it. */
  async #flushAmbient(signal: AbortSignal | undefined): Promise<void> {
    const runner = this.#dataSource.createQueryRunner();
    try {
      await runner.flushPending(signal);
    } finally {
      await runner.release();
    }
  }

  #assertNoTransaction(operation: string): void {
    if (this.#dataSource.driver.lender.isSandboxed) throw refusedInSandbox(operation);
    this.#assertOutside(operation);
  }

  #assertNotOpening(operation: string): void {
    if (!this.#dataSource.isOpenedHere) return;
    throw new DatabaseError(
      "INSIDE_INIT",
      `${operation} cannot be called by a migration that init() runs: it would wait for that to end. Call it after init().`,
    );
  }

  #assertOutside(operation: string): void {
    const around = [...this.#dataSource.driver.context.surrounding()].find(({ isOpen }) => isOpen);
    if (!around) return;
    throw new DatabaseError(
      "INSIDE_SESSION",
      `${operation} cannot run inside a session ("${around.label}"): it would wait for that to end. ` +
        "Call it after the session, or inside database.detach() without awaiting it there.",
    );
  }
}

async function nested(
  ambient: TransactionScope,
  { readonly = false, label, signal }: SessionOptions,
): Promise<TransactionScope> {
  ambient.assertNotEnded();
  if (ambient.readonly && !readonly) {
    throw new ReadonlyError(
      `A read-write session cannot be opened inside a read-only one ("${ambient.label}"), whose snapshot it would ` +
        "have to write to. Open the outer session without readonly, or use database.detach().",
    );
  }
  return await ambient.savepoint({ readonly, label, signal });
}

const SESSION_OPTIONS: readonly (keyof SessionOptions)[] = ["readonly", "label", "timeout", "signal"];

function deadlineOf(call: string, options: SessionOptions): Deadline {
  checkCallOptions(call, options, SESSION_OPTIONS);
  const { label = "session", ...limits } = options;
  return new Deadline(`The session "${label}"`, limits);
}
