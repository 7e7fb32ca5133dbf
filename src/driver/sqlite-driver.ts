import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { EntityMetadata, ObjectLiteral, ReplicationMode } from "typeorm";
import { BetterSqlite3Driver } from "typeorm/driver/better-sqlite3/BetterSqlite3Driver.js";
import { quotedName } from "../sql/quoted-name";
import type { Connection } from "./connection";
import { ConnectionLender } from "./connection-lender";
import { ConnectionPool } from "./connection-pool";
import { attach, setPragmas } from "./connection-setup";
import type { DriverSettings } from "./driver-settings";
import type { TimingLogger } from "./echo-logger";
import { bindNumbers } from "./escape-parameters";
import { isNothingAt } from "./file-identity";
import { runFirstTransaction } from "./first-transaction";
import { createGeneratedMap } from "./generated-map";
import { openError } from "./open-error";
import type { SqliteDataSource } from "./sqlite-data-source";
import { SqliteQueryRunner } from "./sqlite-query-runner";
import { SqliteSchemaBuilder } from "./sqlite-schema-builder";
import { type ConnectionSource, Transaction } from "./transaction";
import { TransactionContext } from "./transaction-context";
import { TriggeredTables } from "./triggered-tables";
import { VirtualTables } from "./virtual-tables";
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
  /** Called when it is over, however it ended; more than once, perhaps. */
  readonly ended?: (() => void) | undefined;
}

/** Milliseconds: nested sessions take turns also where nobody is to wait for a connection. */
const LEAST_SAVEPOINT_TIMEOUT = 1000;

/**
 * TypeORM's SQLite driver, over a pool of connections instead of a single one.
 *
 * It derives from TypeORM's better-sqlite3 driver for what SQLite is to TypeORM (types, table names, ATTACH), and
 * replaces all that touches a connection; better-sqlite3 itself is never loaded.
 */
export class SqliteDriver extends BetterSqlite3Driver {
  readonly settings: DriverSettings;
  readonly context = new TransactionContext();
  readonly lender: ConnectionLender;
  readonly triggeredTables = new TriggeredTables();
  readonly virtualTables = new VirtualTables();
  /** Whether there is no file yet, or one with nothing in it, where the database is opened. */
  isNew = false;
  /** Whether the file was new, and {@link tablesKnown} told what created its tables. */
  hasTables = false;
  /** The transaction that creates the tables of a new file. */
  #tables: Promise<string | undefined> | undefined;
  /** Tells the transaction that creates the tables of a new file, if there is one, where that is waited for. */
  tablesKnown: (transaction?: string) => void = () => {};
  /** Sees what TypeORM is about to insert or update. */
  writeCheck: WriteCheck | undefined;
  /** The first connection, from when it is asked for. */
  #firstConnection: Promise<void> | undefined;
  /** Those that have not ended. */
  readonly #transactions = new Set<Transaction>();

  constructor(dataSource: SqliteDataSource, settings: DriverSettings) {
    super(dataSource);
    this.settings = settings;
    this.lender = new ConnectionLender(settings, this.context);
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
      await this.#makeFolderOf(attachFilepathAbsolute).catch((error) => {
        throw openError(attachFilepathAbsolute, error);
      });
    }
    const { pool } = this.lender;
    const connection = await pool.acquire("writer", { label: "init" });
    try {
      await this.#attach(connection);
      await this.#findVirtualTables(connection);
    } finally {
      await pool.release(connection);
    }
  }

  /** Lets a new file wait for {@link tablesKnown} when it is opened, to be called before that. */
  awaitTables(): void {
    this.#tables = new Promise((resolve) => {
      this.tablesKnown = resolve;
    });
  }

  async #open(atWork: () => void): Promise<void> {
    const { path, memory, mode, text } = this.settings.location;
    this.isNew = mode === "rwc" && (memory || isNothingAt(path));
    this.hasTables = false;
    this.triggeredTables.forget();
    this.virtualTables.forget();
    const pool = new ConnectionPool({
      ...this.settings,
      path,
      mode,
      walLimit: walLimitOf(this.settings),
      setUp: async (connection) => {
        const isFirst = !this.lender.isOpen;
        const pragmasSet = setPragmas(connection, this.settings, { isNew: isFirst && this.isNew });
        atWork();
        const { isBegun, virtualTables } = await pragmasSet;
        // At the first connection it may not be known yet what is to be attached.
        if (!isFirst) return await this.#attach(connection);
        this.virtualTables.add(virtualTables);
        const tables = isBegun ? await this.#tables : undefined;
        if (tables === undefined) return;
        this.hasTables = await runFirstTransaction(connection, tables, this.settings.pragmas);
        if (this.hasTables) pool.assertInPlace(connection);
      },
    });
    try {
      if (!memory) await this.#makeFolderOf(path);
      // Nobody holds it, so that this takes as long as opening the file does.
      const first = { label: "init", timeout: Number.POSITIVE_INFINITY };
      await pool.release(await pool.acquire("writer", first));
    } catch (error) {
      pool.terminate();
      await pool.close();
      throw openError(text, error);
    }
    this.lender.open(pool);
  }

  /** Takes no new work, lets the work in flight end for up to `closeTimeout`, then ends it. */
  override async disconnect(): Promise<void> {
    this.tablesKnown();
    this.#tables = undefined;
    if (!this.lender.isOpen) await this.#firstConnection?.catch(() => {});
    await this.lender.close();
    for (const transaction of this.#transactions) transaction.abandon();
  }

  /** A transaction that begins with its first statement. Closing waits for its end, and lets it begin until then. */
  openTransaction(options: OpenTransactionOptions): Transaction {
    const { readonly, label, signal, logged = true } = options;
    const { lender } = this;
    const source = options.source ?? lender.source(readonly ? "reader" : "writer", label);
    const ended = lender.begin();
    const transaction: Transaction = new Transaction({
      source,
      readonly,
      label,
      busyTimeout: this.settings.busyTimeout,
      poolTimeout: Math.max(this.settings.poolTimeout, LEAST_SAVEPOINT_TIMEOUT),
      signal,
      ...(logged && { observe: (sql, run) => this.#log(sql, run) }),
      ended: () => {
        this.#transactions.delete(transaction);
        ended();
        options.ended?.();
      },
    });
    this.#transactions.add(transaction);
    return transaction;
  }

  override createSchemaBuilder(): SqliteSchemaBuilder {
    return new SqliteSchemaBuilder(this.dataSource);
  }

  override createQueryRunner(mode: ReplicationMode): SqliteQueryRunner & { manager: any } {
    return new SqliteQueryRunner(this, mode, this.context.ambient) as SqliteQueryRunner & { manager: any };
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

  /** To be called when a statement has changed the schema, on its connection. */
  async schemaChanged(connection: Connection, sql: string): Promise<void> {
    this.triggeredTables.forget();
    if (this.virtualTables.mayChangeBy(sql)) await this.#findVirtualTables(connection);
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

  async #makeFolderOf(path: string): Promise<void> {
    // A look first, which needs no thread; the threads are only about to start.
    if (this.settings.location.mode !== "rwc" || existsSync(dirname(path))) return;
    await mkdir(dirname(path), { recursive: true });
  }

  async #findVirtualTables(connection: Connection): Promise<void> {
    const attached = Object.values(this.attachedDatabases ?? {}).map(({ attachHandle }) => attachHandle);
    await this.virtualTables.find(connection, attached);
  }

  async #attach(connection: Connection): Promise<void> {
    if (!this.hasAttachedDatabases()) return;
    const present = new Set((await connection.all("PRAGMA database_list")).map(({ name }) => name));
    for (const { attachFilepathAbsolute, attachHandle } of Object.values(this.attachedDatabases)) {
      if (present.has(attachHandle)) continue;
      await attach(connection, attachFilepathAbsolute, attachHandle, this.settings);
    }
  }
}

/** The file is cut to this size when the WAL begins anew, so that is how large it may grow. */
function walLimitOf({ pragmas }: DriverSettings): number | undefined {
  const limit = Number(pragmas.find(({ name }) => name === "journal_size_limit")?.value);
  return limit > 0 ? limit : undefined;
}
