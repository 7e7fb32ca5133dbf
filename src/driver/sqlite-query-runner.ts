import { Readable } from "node:stream";
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
import type { ReadStream } from "typeorm/platform/PlatformTools.js";
import { Broadcaster } from "typeorm/subscriber/Broadcaster.js";
import {
  DatabaseError,
  ParameterError,
  QueryError,
  ReadonlyDatabaseError,
  ReadonlyError,
  UnsafeIntegerError,
} from "../errors";
import { FairLock } from "../pool/fair-lock";
import type { BindValue } from "../sql/bind-value";
import { analyzeStatement, type StatementAnalysis } from "../sql/statement";
import type { Role } from "./admission";
import { anySignal } from "./any-signal";
import { toBindValues } from "./bind-parameters";
import { isEngineError, retryWhileBusy } from "./busy-retry";
import type { Connection } from "./connection";
import { throwMapped } from "./error-mapping";
import { ForeignKeyGuard } from "./foreign-key-guard";
import { observeStatement } from "./observe-statement";
import { PinnedConnection } from "./pinned-connection";
import { readPages } from "./read-pages";
import { RowStream } from "./row-stream";
import {
  type ExecuteOptions,
  NOTHING,
  refusedWrite,
  runStatement,
  type StatementResult,
} from "./run-statement";
import { RunnerTransactions } from "./runner-transactions";
import type { SqliteDriver } from "./sqlite-driver";
import type { TransactionScope } from "./transaction-scope";

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
  readonly #transactions: RunnerTransactions;
  readonly #pinned: PinnedConnection;
  readonly #turn = new FairLock();
  /** The transaction that is beginning; one that is started meanwhile is nested in it. */
  #beginning: Promise<unknown> | undefined;
  #migrationDepth = 0;
  #guard: ForeignKeyGuard | undefined;

  constructor(driver: SqliteDriver, mode: ReplicationMode, joined?: TransactionScope) {
    super();
    this.driver = driver;
    this.dataSource = driver.dataSource;
    this.mode = mode;
    this.broadcaster = new Broadcaster(this);
    this.#transactions = new RunnerTransactions(driver.context, joined);
    this.#pinned = new PinnedConnection(driver);
    this.#showTransaction();
  }

  /** The transaction or savepoint that a statement sent now runs in. */
  get scope(): TransactionScope | undefined {
    return this.#transactions.current;
  }

  override async query(query: string, parameters?: any[], useStructuredResult?: false): Promise<any>;
  override async query(query: string, parameters: any[], useStructuredResult: true): Promise<QueryResult>;
  override async query(query: string, parameters: any[] = [], useStructuredResult = false): Promise<any> {
    if (parameters && !Array.isArray(parameters)) throw new NamedPlaceholdersNotSupportedError();
    const values = toBindValues(query, parameters ?? [], useStructuredResult);
    const { rows, changes, lastInsertRowid } = await this.execute(query, values, { refuse: "rounded" });
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
    const flushed = this.flushPending();
    if (flushed) await flushed;
    try {
      // What is not mapped yet comes from opening a connection.
      return await observeStatement(this, sql, values, () =>
        this.#route({ ...options, statement, sql, values }).catch((error) => throwMapped(sql, values, error)),
      );
    } catch (error) {
      // Where it went wrong is where the query was asked for; the frames in between would push that off the stack.
      if (
        error instanceof QueryError ||
        error instanceof ReadonlyError ||
        error instanceof UnsafeIntegerError
      ) {
        Error.captureStackTrace(error);
      }
      throw error;
    }
  }

  /**
   * The rows as a stream of objects, read as they are taken: in the transaction of this runner, or else from a snapshot
   * of their own. Destroying the stream frees the connection.
   */
  override async stream(
    query: string,
    parameters: any[] = [],
    onEnd?: () => unknown,
    onError?: (error: Error) => unknown,
  ): Promise<ReadStream> {
    if (this.isReleased) throw new QueryRunnerAlreadyReleasedError();
    const values = toBindValues(query, parameters, true);
    const stream = Readable.from(
      new RowStream(readPages(this, query, values, { refuse: "rounded" })),
    ) as ReadStream;
    let failed = false;
    stream.once("error", (error) => {
      failed = true;
      onError?.(error);
    });
    // Also for a stream that was destroyed before its end.
    stream.once("close", () => {
      if (!failed) onEnd?.();
    });
    return stream;
  }

  override async startTransaction(isolationLevel?: IsolationLevel): Promise<void> {
    await this.begin(isolationLevel);
  }

  override async commitTransaction(): Promise<void> {
    await this.commit(this.#lastStarted());
  }

  override async rollbackTransaction(): Promise<void> {
    await this.rollback(this.#lastStarted());
  }

  /** Writes what is pending in its session, before anything that may read it; `undefined` if nothing is. */
  flushPending(): Promise<void> | undefined {
    return this.scope?.pending?.flush(this);
  }

  /** Runs `work` in a savepoint of `scope`, of which subscribers hear nothing. */
  async inSavepoint<T>(scope: TransactionScope, work: () => Promise<T>): Promise<T> {
    const { context } = this.driver;
    const savepoint = await scope.savepoint();
    try {
      const { ambient } = context;
      const joins = ambient !== undefined && savepoint.isWithin(ambient);
      const result = await context.run({ scope: savepoint, joins }, work);
      await savepoint.commit();
      return result;
    } catch (error) {
      // What went wrong is what the caller must see, and not that the rollback failed too.
      await savepoint.rollback().catch(() => {});
      throw error;
    }
  }

  /** Runs `work` in a transaction, or a savepoint inside one; only the code of `work` takes part in it. */
  async transaction<T>(work: () => Promise<T>, isolationLevel?: IsolationLevel): Promise<T> {
    const { context } = this.driver;
    const scope = await this.begin(isolationLevel, { framed: true });
    try {
      // A savepoint of a session is ambient as the session is; a transaction of its own is for its manager only.
      const { ambient } = context;
      const joins = ambient !== undefined && scope.isWithin(ambient);
      const result = await context.run({ scope, joins }, async () => {
        const value = await work();
        await this.flushPending();
        return value;
      });
      await this.commit(scope);
      return result;
    } catch (error) {
      // What went wrong is what the caller must see, and not that the rollback failed too.
      await this.rollback(scope).catch(() => {});
      scope.pending?.undone(scope);
      throw error;
    }
  }

  /** Begins a transaction, or a savepoint inside one; with `framed` for the code of a callback alone. */
  async begin(isolationLevel?: IsolationLevel, { framed = false } = {}): Promise<TransactionScope> {
    const isolation = isolationLevel ?? this.dataSource.options.isolationLevel;
    validateIsolationLevel(this.driver.supportedIsolationLevels, isolation);
    if (this.isReleased) throw new QueryRunnerAlreadyReleasedError();
    await this.broadcaster.broadcast("BeforeTransactionStart");
    while (this.#beginning) await this.#beginning.catch(() => {});
    const parent = this.scope;
    const scope = await (parent ? this.#openSavepoint(parent) : this.#openTransaction());
    if (framed) this.#transactions.frame(scope);
    // SERIALIZABLE is what SQLite always does: https://sqlite.org/isolation.html
    if (isolation === "READ UNCOMMITTED" && !parent) {
      await scope.run(async (connection) => {
        await this.driver.pool.markAltered(connection, "read_uncommitted");
        await connection.run("PRAGMA read_uncommitted = true");
      });
    }
    await this.broadcaster.broadcast("AfterTransactionStart");
    return scope;
  }

  /** Commits a transaction or savepoint that {@link begin} has begun. One that fails is still open. */
  async commit(scope: TransactionScope): Promise<void> {
    await this.broadcaster.broadcast("BeforeTransactionCommit");
    if (this.#transactions.isRoot(scope) && this.#transactions.last === scope) await this.query("COMMIT");
    else await this.#end(scope, "commit");
    await this.broadcaster.broadcast("AfterTransactionCommit");
  }

  async rollback(scope: TransactionScope): Promise<void> {
    await this.broadcaster.broadcast("BeforeTransactionRollback");
    if (this.#transactions.isRoot(scope) && this.#transactions.last === scope) await this.query("ROLLBACK");
    else await this.#end(scope, "rollback");
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
    const guard = this.#guard;
    this.#guard = undefined;
    try {
      // Without a transaction nothing can be undone any more, but it must be known.
      await guard?.check({ run: async (use) => use(await this.#pinned.take()) });
    } finally {
      await this.#pinned.giveBack();
    }
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
      for (let scope = this.#transactions.last; scope; scope = this.#transactions.last) {
        await this.#end(scope, "rollback");
      }
    } finally {
      await this.#pinned.giveBack();
    }
  }

  /** TypeORM's rule for `await using`: what was not rolled back is committed. */
  override async [Symbol.asyncDispose](): Promise<void> {
    try {
      while (this.#transactions.last) await this.commitTransaction();
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
    if (this.scope) return await this.#inScope(this.scope, call);
    // A runner's statements run in the order they were sent, as on a connection of its own; TypeORM relies on it.
    const done = await this.#turn.acquire({ signal: call.signal });
    try {
      // What was sent before may have begun a transaction.
      if (!this.scope) return await this.#alone(call);
    } finally {
      done();
    }
    return await this.#inScope(this.scope, call);
  }

  /** Outside of a transaction. */
  async #alone(call: Call): Promise<StatementResult> {
    const { statement } = call;
    if (call.readonly && !statement.readsOnly) throw refusedWrite(call);
    if (statement.kind === "begin") {
      await this.#begin();
      return NOTHING;
    }
    if (statement.pinsConnection || statement.kind === "savepoint") {
      return await this.#on(await this.#pinned.take(), call);
    }
    const { connection } = this.#pinned;
    if (connection) {
      if (!statement.readsOnly) await this.#guard?.remember({ run: (use) => use(connection) });
      return await this.#on(connection, call);
    }
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
    const { kind, pinsConnection } = call.statement;
    if ((call.readonly || scope.readonly) && !call.statement.readsOnly) throw refusedWrite(call);
    if (kind === "commit" || kind === "rollback") {
      if (!this.#transactions.isRoot(scope)) throw refusedEnd(kind);
      // Statements that were sent before it and not awaited come first.
      await scope.run(async () => {}).catch(() => {});
      await this.#end(scope, kind);
      return NOTHING;
    }
    if (!call.statement.readsOnly) await this.#guard?.remember(scope);
    const inScope = {
      ...call,
      readonly: call.readonly || scope.readonly,
      signal: anySignal(scope.signal, call.signal),
    };
    return await scope.run((connection) => {
      if (pinsConnection && !this.#transactions.joined) this.#pinned.adopt(connection);
      return this.#on(connection, inScope);
    });
  }

  /** Ends `scope`; what fails to commit is still open, so that it can be rolled back. */
  async #end(scope: TransactionScope, how: "commit" | "rollback"): Promise<void> {
    if (how === "commit") {
      if (this.#transactions.isRoot(scope)) await this.#guard?.check(scope);
      await scope.commit();
    }
    this.#transactions.leave(scope);
    this.#showTransaction();
    if (how === "rollback") await scope.rollback();
  }

  /** On a connection for just this statement, which therefore can be run again while another process has the lock. */
  async #autocommit(role: Role, call: Call): Promise<StatementResult> {
    return await this.driver.useOnce(
      role,
      "query",
      (connection) => this.#on(connection, { ...call, retry: true }),
      call.signal,
    );
  }

  async #on(connection: Connection, call: Call): Promise<StatementResult> {
    const { statement, sql, values, readonly, retry } = call;
    if (statement.pinsConnection) await this.driver.pool.markAltered(connection, statement.pragma?.name);
    const once = async () => {
      if (answersFromMemory(statement)) await this.driver.refreshSchema(connection);
      return await runStatement(connection, call);
    };
    try {
      return await (retry
        ? retryWhileBusy(once, { busyTimeout: this.driver.settings.busyTimeout, signal: call.signal })
        : once());
    } catch (error) {
      if (readonly && isEngineError(error) && error.code === "SQLITE_READONLY")
        throw refusedWrite(call, error);
      return await throwMapped(sql, values, error, connection);
    }
  }

  /** Begins by a statement that is seen by loggers and subscribers, as TypeORM's is. */
  async #openTransaction(): Promise<TransactionScope> {
    this.#beginning = this.query("BEGIN TRANSACTION");
    try {
      await this.#beginning;
    } finally {
      this.#beginning = undefined;
    }
    return this.#transactions.last!;
  }

  async #begin(): Promise<void> {
    const { driver } = this;
    const transaction = driver.openTransaction({
      readonly: false,
      label: "transaction",
      logged: false,
      // What is pinned stays with the runner when the transaction is over.
      source: {
        acquire: async () => this.#pinned.connection ?? (await driver.acquire("writer", "transaction")),
        release: async (connection) => {
          if (connection !== this.#pinned.connection) await driver.pool.release(connection);
        },
        discard: (connection) => driver.pool.discard(connection),
      },
    });
    try {
      await transaction.run(async () => {});
    } catch (error) {
      await transaction.rollback();
      throw error;
    }
    this.#transactions.enter(transaction, undefined);
    this.#showTransaction();
  }

  async #openSavepoint(parent: TransactionScope): Promise<TransactionScope> {
    await this.flushPending();
    const savepoint = await parent.savepoint();
    this.#transactions.enter(savepoint, parent);
    this.#showTransaction();
    return savepoint;
  }

  #lastStarted(): TransactionScope {
    const { last } = this.#transactions;
    if (!last) throw new TransactionNotStartedError();
    return last;
  }

  /** What TypeORM reads to decide whether to begin a transaction of its own. */
  #showTransaction(): void {
    this.transactionDepth = this.#transactions.depth;
    this.isTransactionActive = this.transactionDepth > 0;
  }
}

/** Whether the answer comes from what the connection has in memory of the schema. */
function answersFromMemory({ kind, readsOnly }: StatementAnalysis): boolean {
  return (kind === "pragma" && readsOnly) || kind === "explain";
}

function refusedEnd(kind: "commit" | "rollback"): ParameterError {
  return new ParameterError(
    `${kind.toUpperCase()} would end the transaction around this one too. Let session() or transaction() end it.`,
  );
}
