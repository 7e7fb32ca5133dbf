import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { EntityMetadata, ObjectLiteral, ReplicationMode } from "typeorm";
import { BetterSqlite3Driver } from "typeorm/driver/better-sqlite3/BetterSqlite3Driver.js";
import { DatabaseClosedError, NotInitializedError, PoolTimeoutError } from "../errors";
import { FairLock } from "../pool/fair-lock";
import { Turns } from "../pool/turns";
import { quotedName } from "../sql/quoted-name";
import { admission, type Role } from "./admission";
import { CombinedReads, type SingleRead } from "./combined-reads";
import type { Connection } from "./connection";
import { type AcquireOptions, ConnectionPool } from "./connection-pool";
import { attach, setPragmas } from "./connection-setup";
import type { DriverSettings } from "./driver-settings";
import type { TimingLogger } from "./echo-logger";
import { bindNumbers } from "./escape-parameters";
import { createGeneratedMap } from "./generated-map";
import { openError } from "./open-error";
import type { StatementResult } from "./run-statement";
import { Sandbox } from "./sandbox";
import type { SqliteDataSource } from "./sqlite-data-source";
import { SqliteQueryRunner } from "./sqlite-query-runner";
import { SqliteSchemaBuilder } from "./sqlite-schema-builder";
import { type ConnectionSource, Transaction } from "./transaction";
import { TransactionContext } from "./transaction-context";
import { WorkInFlight } from "./work-in-flight";
import type { WriteCheck } from "./write-check";

interface OpenTransactionOptions {
  readonly readonly: boolean;
  readonly label: string;
  /** Stops what waits or runs in it. */
  readonly signal?: AbortSignal | undefined;
  /** Whether BEGIN and the like are logged; a query runner does that itself. */
  readonly logged?: boolean;
  /** Where its connection comes from, instead of the pool. */
  readonly source?: ConnectionSource;
}

/** How long the reads before it may take, all of them, until the pool grows for a single read. */
const LONG_READ_MS = 50;

const CLOSING = "The database is closing and takes no new work.";

/**
 * TypeORM's SQLite driver, over a pool of connections instead of a single one.
 *
 * It derives from TypeORM's better-sqlite3 driver for what SQLite is to TypeORM (types, table names, ATTACH), and
 * replaces all that touches a connection; better-sqlite3 itself is never loaded.
 */
export class SqliteDriver extends BetterSqlite3Driver {
  readonly settings: DriverSettings;
  readonly context = new TransactionContext();
  /** Whether there was nothing in the database when it was opened. */
  wasEmpty = false;
  /** Sees what TypeORM is about to insert or update. */
  writeCheck: WriteCheck | undefined;
  #pool: ConnectionPool | undefined;
  /** The first connection, from when it is asked for. */
  #firstConnection: Promise<void> | undefined;
  /** Those that are open, each inside of the one before. */
  readonly #sandboxes: Sandbox[] = [];
  /** Sandboxes that are opened together are opened one inside the other. */
  readonly #opening = new FairLock();
  #closed = false;
  /** Turns for single reads: one more than can run, so that the next is ready. */
  readonly #reads = new Turns({ permits: admission.mostReaders + 1, patience: LONG_READ_MS });
  readonly #combinedReads = new CombinedReads();
  /** Whether closing has begun. */
  #refusing = false;
  /** The transactions and the single statements, since the database was opened. */
  #inFlight = new WorkInFlight();

  constructor(dataSource: SqliteDataSource, settings: DriverSettings) {
    super(dataSource);
    this.settings = settings;
  }

  /** @throws NotInitializedError, DatabaseClosedError */
  get pool(): ConnectionPool {
    const pool = this.#sandboxes.at(-1)?.pool ?? this.#pool;
    if (pool) return pool;
    throw this.#closed ? new DatabaseClosedError() : new NotInitializedError("run a query");
  }

  /**
   * Resolves as soon as a thread is at work on the first connection: TypeORM builds its metadata meanwhile, and then
   * calls {@link afterConnect}.
   */
  override async connect(): Promise<void> {
    await new Promise<void>((atWork, failed) => {
      this.#firstConnection = this.#open(atWork);
      this.#firstConnection.catch(failed);
    });
  }

  /** Entities with a `database` of their own were found while the metadata was built. */
  override async afterConnect(): Promise<void> {
    await this.#firstConnection;
    if (!this.hasAttachedDatabases()) return;
    for (const { attachFilepathAbsolute } of Object.values(this.attachedDatabases)) {
      await mkdir(dirname(attachFilepathAbsolute), { recursive: true });
    }
    const connection = await this.pool.acquire("writer", { label: "init" });
    await this.#attach(connection);
    await this.pool.release(connection);
  }

  async #open(atWork: () => void): Promise<void> {
    const { path, mode, text } = this.settings.location;
    this.wasEmpty = false;
    const pool = new ConnectionPool({
      ...this.settings,
      path,
      mode,
      walLimit: walLimitOf(this.settings),
      setUp: async (connection) => {
        const pragmasSet = setPragmas(connection, this.settings);
        atWork();
        const isEmpty = await pragmasSet;
        // At the first connection it may not be known yet what is to be attached.
        if (this.#pool) await this.#attach(connection);
        else this.wasEmpty = isEmpty;
      },
    });
    try {
      // A look first, which needs no thread; the threads are only about to start.
      if (mode === "rwc" && path !== ":memory:" && !existsSync(dirname(path))) {
        await mkdir(dirname(path), { recursive: true });
      }
      // Nobody holds it, so that this takes as long as opening the file does.
      const first = { label: "init", timeout: Number.POSITIVE_INFINITY };
      await pool.release(await pool.acquire("writer", first));
    } catch (error) {
      pool.terminate();
      await pool.close();
      throw openError(text, error);
    }
    this.#pool = pool;
    this.#closed = false;
    this.#refusing = false;
  }

  /** Whether everything that is done now will be undone. */
  get isSandboxed(): boolean {
    return this.#sandboxes.length > 0;
  }

  /**
   * Waits for the writer's turn, and from then on does everything inside of one transaction, until that is rolled back
   * by the function that this resolves with: on one connection, with savepoints in the place of transactions.
   *
   * @throws PoolTimeoutError naming who holds the writer's turn
   */
  async openSandbox(): Promise<() => Promise<void>> {
    const done = await this.#opening.acquire();
    try {
      const sandbox = await Sandbox.begin(await this.acquire("writer", "sandbox"), this.settings);
      this.#sandboxes.push(sandbox);
      return () => this.#restore(sandbox);
    } finally {
      done();
    }
  }

  /** Those inside of it first. */
  async #restore(sandbox: Sandbox): Promise<void> {
    const index = this.#sandboxes.indexOf(sandbox);
    const opened = index < 0 ? [sandbox] : this.#sandboxes.splice(index);
    for (const one of opened.reverse()) await one.restore();
  }

  /** Takes no new work, lets the work in flight end for up to `closeTimeout`, then ends it. */
  override async disconnect(): Promise<void> {
    if (!this.#pool) await this.#firstConnection?.catch(() => {});
    const pool = this.#pool;
    if (!pool) return;
    this.#refusing = true;
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        for (const { pool } of this.#sandboxes) pool.terminate();
        pool.terminate();
        resolve();
      }, this.settings.closeTimeout);
    });
    try {
      await Promise.race([this.#inFlight.allEnded(), timeout]);
      const [outermost] = this.#sandboxes;
      if (outermost) await this.#restore(outermost);
      await pool.close();
    } finally {
      clearTimeout(timer);
      this.#inFlight = new WorkInFlight();
      this.#pool = undefined;
      this.#closed = true;
    }
  }

  /** A transaction that begins with its first statement. Closing waits for its end, and lets it begin until then. */
  openTransaction({ readonly, label, signal, logged = true, source }: OpenTransactionOptions): Transaction {
    this.#assertAccepting();
    return new Transaction({
      source: source ?? this.#source(readonly ? "reader" : "writer", label),
      readonly,
      label,
      busyTimeout: this.settings.busyTimeout,
      signal,
      ...(logged && { observe: (sql, run) => this.#log(sql, run) }),
      ended: this.#inFlight.begin(),
    });
  }

  override createSchemaBuilder(): SqliteSchemaBuilder {
    return new SqliteSchemaBuilder(this.dataSource);
  }

  override createQueryRunner(mode: ReplicationMode): SqliteQueryRunner & { manager: any } {
    return new SqliteQueryRunner(this, mode, this.context.ambient) as SqliteQueryRunner & { manager: any };
  }

  /** A connection for `label`; fails at once where the running code holds what it would wait for. */
  async acquire(role: Role, label: string, { begins = false } = {}): Promise<Connection> {
    this.#assertAccepting();
    return await this.#acquire(this.pool, role, { label, begins });
  }

  /** Lends a connection for one statement. */
  useOnce<T>(
    role: Role,
    label: string,
    use: (connection: Connection) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    this.#assertAccepting();
    return this.#lend(role, label, use, signal);
  }

  /** The same for a read, which may be sent together with others that wait. */
  readOnce(
    read: SingleRead,
    alone: (connection: Connection) => Promise<StatementResult>,
  ): Promise<StatementResult> {
    this.#assertAccepting();
    // On a single connection everything waits for everything.
    const isAlone = this.#reads.isFree || this.pool.isSingle;
    return isAlone ? this.#lend("reader", "query", alone, read.signal) : this.#readCombined(read, alone);
  }

  async #readCombined(
    read: SingleRead,
    alone: (connection: Connection) => Promise<StatementResult>,
  ): Promise<StatementResult> {
    const ended = this.#inFlight.begin();
    try {
      return await this.#combinedReads.run(
        read,
        (use) => this.#lend("reader", "query", use, read.signal),
        alone,
      );
    } finally {
      ended();
    }
  }

  /**
   * Short reads take turns for a few connections, since no more can run at once: more would only mean more caches to
   * fill.
   */
  async #lend<T>(
    role: Role,
    label: string,
    use: (connection: Connection) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const { pool } = this;
    const ended = this.#inFlight.begin();
    let done: (() => void) | undefined;
    try {
      // Nearly always there is one; a promise for each would cost more than the look.
      if (role === "reader") done = this.#reads.tryTake() ?? (await this.#reads.take(signal));
      const connection = pool.tryAcquire(role, label) ?? (await this.#acquire(pool, role, { label, signal }));
      let failure: unknown;
      try {
        return await (pool.isSandbox ? inTransaction(connection, use) : use(connection));
      } catch (error) {
        failure = error;
        throw error;
      } finally {
        const released = pool.release(connection, failure);
        if (released) await released;
      }
    } finally {
      done?.();
      ended();
    }
  }

  #assertAccepting(): void {
    if (this.#refusing) throw new DatabaseClosedError(this.#pool ? CLOSING : undefined);
  }

  async #acquire(pool: ConnectionPool, role: Role, options: AcquireOptions): Promise<Connection> {
    const ready = pool.tryAcquire(role, options.label);
    if (ready) return ready;
    this.#assertNotOwn(pool, role, options.label);
    return await pool.acquire(role, options);
  }

  /** Where a transaction gets its connection: from the pool of now, also if the database was closed and opened since. */
  #source(role: Role, label: string): ConnectionSource {
    const { pool } = this;
    return {
      acquire: (signal) => this.#acquire(pool, role, { label, signal, begins: role === "writer" }),
      begin: (connection) => pool.begin(connection),
      commit: (connection) => pool.commit(connection),
      release: (connection, failure) => pool.release(connection, failure),
      discard: (connection) => pool.discard(connection),
      committed: (connection) => pool.assertInPlace(connection),
    };
  }

  async #log(sql: string, run: () => Promise<unknown>): Promise<unknown> {
    const logger: TimingLogger = this.dataSource.logger;
    logger.logQuery(sql, []);
    const started = performance.now();
    try {
      const result = await run();
      logger.logQueryEnd?.(sql, [], performance.now() - started);
      return result;
    } catch (error) {
      logger.logQueryError(error as Error, sql, []);
      logger.logQueryEnd?.(sql, [], performance.now() - started, error);
      throw error;
    }
  }

  /**
   * Makes a connection notice what others did to the schema. A PRAGMA like table_info answers from the schema that its
   * connection has in memory, and only reading a table compares that with the file.
   */
  async refreshSchema(connection: Connection): Promise<void> {
    await connection.all("SELECT 1 FROM sqlite_schema LIMIT 1");
    for (const { attachHandle } of Object.values(this.attachedDatabases ?? {})) {
      await connection.all(`SELECT 1 FROM ${this.escape(attachHandle)}.sqlite_schema LIMIT 1`);
    }
  }

  override escape(name: string): string {
    return quotedName(name);
  }

  override escapeQueryWithParameters(sql: string, parameters: ObjectLiteral): [string, any[]] {
    return bindNumbers(sql, parameters);
  }

  /** RETURNING is part of every SQLite since 3.35: https://sqlite.org/lang_returning.html */
  override isReturningSqlSupported(): boolean {
    return true;
  }

  override createGeneratedMap(metadata: EntityMetadata, result: any, index: number, count: number): any {
    // A row from RETURNING; without one, the rowid of the last insert.
    if (result && typeof result === "object") return createGeneratedMap(this, metadata, result);
    return super.createGeneratedMap(metadata, result, index, count);
  }

  protected override loadDependencies(): void {
    // sqlite3 is imported by connection.ts; better-sqlite3, which the base class would load, is not needed.
  }

  async #attach(connection: Connection): Promise<void> {
    if (!this.hasAttachedDatabases()) return;
    const present = new Set((await connection.all("PRAGMA database_list")).map(({ name }) => name));
    for (const { attachFilepathAbsolute, attachHandle } of Object.values(this.attachedDatabases)) {
      if (present.has(attachHandle)) continue;
      await attach(connection, attachFilepathAbsolute, attachHandle, this.settings);
    }
  }

  /** Code that waits for a connection which a transaction around it holds would wait for itself. */
  #assertNotOwn(pool: ConnectionPool, role: Role, label: string): void {
    if (role !== "writer" && !pool.isSingle) return;
    for (const scope of this.context.surrounding()) {
      if (scope.isOpen && scope.connection?.role === "writer") {
        throw new PoolTimeoutError(
          `"${label}" would wait for ever: the transaction around it ("${scope.label}") holds the only connection` +
            `${pool.isSingle ? "" : " that can write"}. Use that transaction's own manager, or database.detach() for ` +
            "work that comes after it.",
          pool.holders(role),
        );
      }
    }
  }
}

/** What a statement by itself is outside of a sandbox, where SQLite begins and ends its transaction. */
async function inTransaction<T>(
  connection: Connection,
  use: (connection: Connection) => Promise<T>,
): Promise<T> {
  await connection.run("BEGIN");
  try {
    const result = await use(connection);
    await connection.run("COMMIT");
    return result;
  } catch (error) {
    await connection.run("ROLLBACK").catch(() => {});
    throw error;
  }
}

/** The file is cut to this size when the WAL begins anew, so that is how large it may grow. */
function walLimitOf({ pragmas }: DriverSettings): number | undefined {
  const limit = Number(pragmas.find(({ name }) => name === "journal_size_limit")?.value);
  return limit > 0 ? limit : undefined;
}
