import {
  NamedPlaceholdersNotSupportedError,
  QueryResult,
  QueryRunnerAlreadyReleasedError,
  type ReplicationMode,
  TransactionNotStartedError,
} from "typeorm";
import { AbstractSqliteQueryRunner } from "typeorm/driver/sqlite-abstract/AbstractSqliteQueryRunner.js";
import type { IsolationLevel } from "typeorm/driver/types/IsolationLevel.js";
import { validateIsolationLevel } from "typeorm/driver/validate-isolation-level.js";
import { Broadcaster } from "typeorm/subscriber/Broadcaster.js";
import { BroadcasterResult } from "typeorm/subscriber/BroadcasterResult.js";
import { DatabaseError, ParameterError, QueryError, ReadonlyDatabaseError, ReadonlyError } from "../errors";
import { FairLock } from "../pool/fair-lock";
import type { BindValue } from "../sql/bind-value";
import { analyzeStatement, type StatementAnalysis } from "../sql/statement";
import type { Role } from "./admission";
import { toBindValues } from "./bind-parameters";
import { isEngineError, retryWhileBusy } from "./busy-retry";
import type { Connection } from "./connection";
import type { TimingLogger } from "./echo-logger";
import { throwMapped } from "./error-mapping";
import { ForeignKeyGuard } from "./foreign-key-guard";
import {
  type ExecuteOptions,
  NOTHING,
  refusedWrite,
  runStatement,
  type StatementResult,
} from "./run-statement";
import type { SqliteDriver } from "./sqlite-driver";
import type { TransactionScope } from "./transaction";

interface Call extends ExecuteOptions {
  readonly statement: StatementAnalysis;
  readonly sql: string;
  readonly values: BindValue[];
  /** Whether it may be run again after BUSY. */
  readonly retry?: boolean;
}

/**
 * Runs statements, each on the connection it belongs to: that of the runner's transaction; the writer it is pinned to
 * by a statement that changed the connection itself; else a reader or the writer for just this one statement. So a
 * runner that nobody released holds nothing.
 */
export class SqliteQueryRunner extends AbstractSqliteQueryRunner {
  declare readonly driver: SqliteDriver;
  /** What it takes part in without having started it: the session it belongs to. */
  readonly #joined: TransactionScope | undefined;
  /** What it has started, outermost first. */
  readonly #started: TransactionScope[] = [];
  readonly #turn = new FairLock();
  #pinned: Connection | undefined;
  #pinning: Promise<Connection> | undefined;
  #migrationDepth = 0;
  #guard: ForeignKeyGuard | undefined;

  constructor(driver: SqliteDriver, mode: ReplicationMode, joined?: TransactionScope) {
    super();
    this.driver = driver;
    this.dataSource = driver.dataSource;
    this.mode = mode;
    this.broadcaster = new Broadcaster(this);
    this.#joined = joined;
    this.#showTransaction();
  }

  /** The transaction or savepoint that its statements run in. */
  get scope(): TransactionScope | undefined {
    return this.#started.at(-1) ?? this.#joined;
  }

  override async query(query: string, parameters?: any[], useStructuredResult?: false): Promise<any>;
  override async query(query: string, parameters: any[], useStructuredResult: true): Promise<QueryResult>;
  override async query(query: string, parameters: any[] = [], useStructuredResult = false): Promise<any> {
    if (parameters && !Array.isArray(parameters)) throw new NamedPlaceholdersNotSupportedError();
    const values = toBindValues(parameters ?? [], useStructuredResult);
    const { rows, changes, lastInsertRowid } = await this.execute(query, values);
    const result = new QueryResult();
    result.raw = rows ?? lastInsertRowid;
    if (rows) result.records = rows;
    if (changes !== undefined) result.affected = changes;
    return useStructuredResult ? result : result.raw;
  }

  /**
   * Runs one statement where it belongs.
   *
   * @throws QueryError with the stack of the caller
   * @throws ReadonlyError where only reading was asked for
   */
  async execute(sql: string, values: BindValue[], options: ExecuteOptions = {}): Promise<StatementResult> {
    if (this.isReleased) throw new QueryRunnerAlreadyReleasedError();
    const statement = analyzeStatement(sql);
    try {
      return await this.#observe(sql, values, () => this.#route({ ...options, statement, sql, values }));
    } catch (error) {
      // Where it went wrong is where the query was asked for; the frames in between would push that off the stack.
      if (error instanceof QueryError || error instanceof ReadonlyError) Error.captureStackTrace(error);
      throw error;
    }
  }

  override async startTransaction(isolationLevel?: IsolationLevel): Promise<void> {
    const isolation = isolationLevel ?? this.dataSource.options.isolationLevel;
    validateIsolationLevel(this.driver.supportedIsolationLevels, isolation);
    if (this.isReleased) throw new QueryRunnerAlreadyReleasedError();
    await this.broadcaster.broadcast("BeforeTransactionStart");
    await (this.scope ? this.#openSavepoint(this.scope) : this.query("BEGIN TRANSACTION"));
    // SERIALIZABLE is what SQLite always does: https://sqlite.org/isolation.html
    if (isolation === "READ UNCOMMITTED" && this.#started.length === 1) {
      await this.query("PRAGMA read_uncommitted = true");
    }
    await this.broadcaster.broadcast("AfterTransactionStart");
  }

  override async commitTransaction(): Promise<void> {
    const scope = this.#started.at(-1);
    if (!scope) throw new TransactionNotStartedError();
    await this.broadcaster.broadcast("BeforeTransactionCommit");
    if (this.#ownsOnly(scope)) {
      await this.query("COMMIT");
    } else {
      await scope.commit();
      this.#leave(scope);
    }
    await this.broadcaster.broadcast("AfterTransactionCommit");
  }

  override async rollbackTransaction(): Promise<void> {
    const scope = this.#started.at(-1);
    if (!scope) throw new TransactionNotStartedError();
    await this.broadcaster.broadcast("BeforeTransactionRollback");
    if (this.#ownsOnly(scope)) {
      await this.query("ROLLBACK");
    } else {
      this.#leave(scope);
      await scope.rollback();
    }
    await this.broadcaster.broadcast("AfterTransactionRollback");
  }

  /** Foreign keys are off until {@link afterMigration}, and checked before the commit. */
  override async beforeMigration(): Promise<void> {
    if (this.#migrationDepth > 0) {
      this.#migrationDepth++;
      return;
    }
    await this.suspendForeignKeys();
    this.#guard = new ForeignKeyGuard();
    this.#migrationDepth = 1;
  }

  override async afterMigration(): Promise<void> {
    if (this.#migrationDepth === 0 || --this.#migrationDepth > 0) return;
    this.#guard = undefined;
    await this.#unpin();
  }

  /**
   * Switches foreign keys off for as long as the runner is not released: dropping a table would else delete what refers
   * to it, also when it is only dropped to be rebuilt (https://sqlite.org/lang_altertable.html#otheralter).
   *
   * @throws DatabaseError inside a transaction, where SQLite ignores the pragma
   */
  async suspendForeignKeys(): Promise<void> {
    if (this.scope) {
      throw new DatabaseError(
        "INSIDE_SESSION",
        "The schema cannot be changed inside a session or transaction, where SQLite cannot switch foreign keys off. " +
          "Do it before or after, or inside database.detach().",
      );
    }
    await this.query("PRAGMA foreign_keys = OFF");
  }

  /** Gives up what it holds; an open transaction is rolled back. Releasing twice is harmless. */
  override async release(): Promise<void> {
    if (this.isReleased) return;
    (this as { isReleased: boolean }).isReleased = true;
    await super.release();
    try {
      for (let scope = this.#started.at(-1); scope; scope = this.#started.at(-1)) {
        this.#leave(scope);
        await scope.rollback();
      }
    } finally {
      await this.#unpin();
    }
  }

  /** TypeORM's rule for `await using`: what was not rolled back is committed. */
  override async [Symbol.asyncDispose](): Promise<void> {
    try {
      while (this.#started.length > 0) await this.commitTransaction();
    } finally {
      await this.release();
    }
  }

  protected override async loadTableRecords(
    tablePath: string,
    tableOrIndex: "table" | "index",
  ): Promise<any> {
    const [handle, table] = this.splitTablePath(tablePath);
    const path = handle && this.driver.getAttachedDatabasePathRelativeByHandle(handle);
    const master = this.escapePath(handle ? `${handle}.sqlite_master` : "sqlite_master");
    const name = tableOrIndex === "table" ? "name" : "tbl_name";
    return this.query(`SELECT ? AS database, * FROM ${master} WHERE "type" = ? AND "${name}" = ?`, [
      path ?? null,
      tableOrIndex,
      table,
    ]);
  }

  protected override async loadPragmaRecords(tablePath: string, pragma: string): Promise<any> {
    const [handle, table] = this.splitTablePath(tablePath);
    return this.query(
      `PRAGMA ${handle ? `${this.driver.escape(handle)}.` : ""}${pragma}(${this.driver.escape(table)})`,
    );
  }

  async #route(call: Call): Promise<StatementResult> {
    const { statement } = call;
    const { scope } = this;
    if ((call.readonly || scope?.readonly) && !statement.readsOnly) throw refusedWrite(call);
    if (scope) return await this.#inScope(scope, call);
    if (statement.kind === "begin") {
      await this.#begin();
      return NOTHING;
    }
    if (statement.pinsConnection || statement.kind === "savepoint")
      return await this.#on(await this.#pin(), call);
    if (this.#pinned) return await this.#on(this.#pinned, call);
    const reads = statement.readsOnly && !statement.usesConnectionState;
    try {
      return await this.#autocommit(reads ? "reader" : "writer", call);
    } catch (error) {
      // The text looked like a read; SQLite knows better. Nothing was written, so the writer can take it.
      if (reads && error instanceof ReadonlyDatabaseError) return await this.#autocommit("writer", call);
      throw error;
    }
  }

  async #inScope(scope: TransactionScope, call: Call): Promise<StatementResult> {
    const { kind } = call.statement;
    if (kind === "commit" || kind === "rollback") {
      await this.#end(scope, kind);
      return NOTHING;
    }
    if (kind === "schema") await this.#guard?.remember(scope);
    const { readonly } = scope;
    return await this.driver.context
      .innermost(scope)
      .run((connection) => this.#on(connection, readonly ? { ...call, readonly } : call));
  }

  async #end(scope: TransactionScope, how: "commit" | "rollback"): Promise<void> {
    if (!this.#ownsOnly(scope)) {
      throw new ParameterError(
        `${how.toUpperCase()} would end the transaction around this one too. Let session() or transaction() end it.`,
      );
    }
    if (how === "commit") await this.#guard?.check(scope);
    else this.#leave(scope);
    await scope[how]();
    this.#leave(scope);
  }

  /** Whether `scope` is a transaction that this runner has begun, and not a savepoint inside one. */
  #ownsOnly(scope: TransactionScope): boolean {
    return !this.#joined && this.#started.length === 1 && this.#started[0] === scope;
  }

  /** On a connection for just this statement, which therefore can be run again while another process has the lock. */
  async #autocommit(role: Role, call: Call): Promise<StatementResult> {
    const { driver } = this;
    // A runner's statements run in the order they were sent, as on a connection of its own; TypeORM relies on it.
    const done = await this.#turn.acquire();
    try {
      const connection = await driver.acquire(role, "query");
      try {
        return await this.#on(connection, { ...call, retry: true });
      } finally {
        await driver.pool.release(connection);
      }
    } finally {
      done();
    }
  }

  async #on(connection: Connection, call: Call): Promise<StatementResult> {
    const { statement, sql, values, readonly, retry } = call;
    if (statement.pinsConnection) this.driver.pool.markAltered(connection);
    if (statement.kind === "pragma" && statement.readsOnly) await this.driver.refreshSchema(connection);
    const once = () => runStatement(connection, call);
    try {
      return await (retry ? retryWhileBusy(once, this.driver.settings) : once());
    } catch (error) {
      if (readonly && isEngineError(error) && error.code === "SQLITE_READONLY")
        throw refusedWrite(call, error);
      return await throwMapped(sql, values, error, connection);
    }
  }

  async #begin(): Promise<void> {
    const pinned = this.#pinned;
    const transaction = pinned
      ? this.driver.transactionOn(pinned)
      : this.driver.openTransaction({ readonly: false, label: "transaction", logged: false });
    try {
      await transaction.run(async () => {});
    } catch (error) {
      await transaction.rollback();
      throw error;
    }
    this.#started.push(transaction);
    this.#showTransaction();
  }

  async #openSavepoint(scope: TransactionScope): Promise<void> {
    this.#started.push(await this.driver.context.innermost(scope).savepoint());
    this.#showTransaction();
  }

  #leave(scope: TransactionScope): void {
    const index = this.#started.indexOf(scope);
    if (index >= 0) this.#started.splice(index, 1);
    this.#showTransaction();
  }

  /** What TypeORM reads to decide whether to begin a transaction of its own. */
  #showTransaction(): void {
    this.transactionDepth = this.#started.length + (this.#joined ? 1 : 0);
    this.isTransactionActive = this.transactionDepth > 0;
  }

  async #pin(): Promise<Connection> {
    this.#pinning ??= this.driver.acquire("writer", "query runner with a connection of its own");
    try {
      this.#pinned = await this.#pinning;
    } catch (error) {
      this.#pinning = undefined;
      throw error;
    }
    this.driver.pool.markAltered(this.#pinned);
    return this.#pinned;
  }

  async #unpin(): Promise<void> {
    const connection = this.#pinned;
    if (!connection) return;
    this.#pinned = undefined;
    this.#pinning = undefined;
    await this.driver.pool.release(connection);
  }

  /** TypeORM's duties around a statement: logging, timing, subscribers. */
  async #observe<T>(query: string, parameters: unknown[], execute: () => Promise<T>): Promise<T> {
    const { logger, options, subscribers } = this.dataSource;
    logger.logQuery(query, parameters, this);
    if (subscribers.length > 0) await this.broadcaster.broadcast("BeforeQuery", query, parameters);
    const started = performance.now();
    const subscriberWork = new BroadcasterResult();
    const after = (success: boolean, raw: unknown, error: unknown): void => {
      const milliseconds = performance.now() - started;
      const slow = options.maxQueryExecutionTime;
      if (slow && milliseconds > slow) logger.logQuerySlow(milliseconds, query, parameters, this);
      (logger as TimingLogger).logQueryEnd?.(query, parameters, milliseconds, error);
      if (subscribers.length === 0) return;
      this.broadcaster.broadcastAfterQueryEvent(
        subscriberWork,
        query,
        parameters,
        success,
        milliseconds,
        raw,
        error,
      );
    };
    try {
      const result = await execute();
      after(true, (result as Partial<QueryResult> | undefined)?.raw, undefined);
      return result;
    } catch (error) {
      logger.logQueryError(error as Error, query, parameters, this);
      after(false, undefined, error);
      throw error;
    } finally {
      await subscriberWork.wait();
    }
  }
}
