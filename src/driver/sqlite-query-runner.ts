import { Readable } from "node:stream";
import {
  type EntityManager,
  NamedPlaceholdersNotSupportedError,
  QueryResult,
  QueryRunnerAlreadyReleasedError,
  type ReplicationMode,
  TransactionNotStartedError,
} from "typeorm";
import type { IsolationLevel } from "typeorm/driver/types/IsolationLevel.js";
import { validateIsolationLevel } from "typeorm/driver/validate-isolation-level.js";
import type { ReadStream } from "typeorm/platform/PlatformTools.js";
import { DatabaseError } from "../errors";
import type { BindValue } from "../sql/bind-value";
import { analyzeStatement, type StatementAnalysis } from "../sql/statement";
import { toBindValues } from "./bind-parameters";
import { analysisOf } from "./built-statement";
import { showCaller } from "./caller-stack";
import type { Connection } from "./connection";
import { ConnectionPool } from "./connection-pool";
import { EscapingQueryRunner } from "./escaping-query-runner";
import { ForeignKeyGuard } from "./foreign-key-guard";
import { observeStatement } from "./observe-statement";
import { PinnedConnection } from "./pinned-connection";
import { readPages } from "./read-pages";
import { RowStream } from "./row-stream";
import type { ExecuteOptions, StatementResult } from "./run-statement";
import { RunnerTransactions } from "./runner-transactions";
import { SqliteBroadcaster } from "./sqlite-broadcaster";
import type { SqliteDriver } from "./sqlite-driver";
import { callOf, StatementRouter } from "./statement-router";
import type { TransactionScope } from "./transaction-scope";
import { unlessAborted } from "./unless-aborted";

const RELEASED = Promise.resolve();

type OpenTransactionEvent =
  | "AfterTransactionStart"
  | "BeforeTransactionCommit"
  | "AfterTransactionCommit"
  | "BeforeTransactionRollback";

/** TypeORM's query runner, over connections that it has only while it needs them: one that nobody released holds nothing. */
export class SqliteQueryRunner extends EscapingQueryRunner {
  declare readonly driver: SqliteDriver;
  readonly #transactions: RunnerTransactions;
  readonly #pinned: PinnedConnection;
  readonly #guard = new ForeignKeyGuard();
  readonly #router: StatementRouter;
  /** The transaction that is beginning; one that is started meanwhile is nested in it. */
  #beginning: Promise<unknown> | undefined;
  #migrationDepth = 0;

  constructor(driver: SqliteDriver, mode: ReplicationMode, joined?: TransactionScope) {
    super();
    this.driver = driver;
    this.dataSource = driver.dataSource;
    this.mode = mode;
    this.broadcaster = new SqliteBroadcaster(this);
    const pinned = new PinnedConnection(driver);
    this.#pinned = pinned;
    const guard = this.#guard;
    const changed = (depth: number): void => {
      // What TypeORM reads to decide whether to begin a transaction of its own.
      this.transactionDepth = depth;
      this.isTransactionActive = depth > 0;
    };
    const transactions = new RunnerTransactions({ driver, pinned, guard, changed }, joined);
    this.#transactions = transactions;
    this.#router = new StatementRouter({ driver, pinned, guard, transactions });
  }

  /** The transaction or savepoint that a statement sent now runs in. */
  get scope(): TransactionScope | undefined {
    return this.#transactions.current;
  }

  /** The transaction that it was made for, as each runner of a session is. */
  get joined(): TransactionScope | undefined {
    return this.#transactions.joined;
  }

  /** The connection that it keeps, for its transaction or for what it has changed of the connection itself. */
  get held(): Connection | undefined {
    return this.scope?.connection ?? this.#pinned.connection;
  }

  override async query(query: string, parameters?: any[], useStructuredResult?: false): Promise<any>;
  override async query(query: string, parameters: any[], useStructuredResult: true): Promise<QueryResult>;
  override async query(query: string, given: any[] = [], useStructuredResult = false): Promise<any> {
    if (given && !Array.isArray(given)) throw new NamedPlaceholdersNotSupportedError();
    const parameters = given ?? [];
    const statement = analysisOf(query, parameters);
    const values = toBindValues(query, statement, parameters, useStructuredResult);
    const options = { refuse: "rounded" } as const;
    const { rows, changes, lastInsertRowid } = await this.execute(query, values, options, statement);
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
  async execute(
    sql: string,
    values: BindValue[],
    options: ExecuteOptions = {},
    statement: StatementAnalysis = analyzeStatement(sql),
  ): Promise<StatementResult> {
    if (this.isReleased) throw new QueryRunnerAlreadyReleasedError();
    const flushed = this.flushPending(options.signal);
    if (flushed) await flushed;
    try {
      const call = callOf(statement, sql, values, options);
      return await observeStatement(this, sql, values, () => this.#router.run(call));
    } catch (error) {
      showCaller(error);
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
    const values = toBindValues(query, analyzeStatement(query), parameters, true);
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

  /**
   * Writes what is pending in its session, before anything that may read it; `undefined` if nothing is. Who gives up by
   * `signal` is told so at once. What is being written then goes on, since it is the session's and not the caller's.
   */
  flushPending(signal?: AbortSignal): Promise<void> | undefined {
    const flushed = this.scope?.pending?.flush(this, signal);
    return flushed && unlessAborted(flushed, signal);
  }

  /** Runs `work` in a savepoint of `scope`, of which subscribers hear nothing; `signal` only stops the waiting for it. */
  async inSavepoint<T>(
    scope: TransactionScope,
    signal: AbortSignal | undefined,
    work: () => Promise<T>,
  ): Promise<T> {
    const { context } = this.driver;
    const savepoint = await scope.savepoint({ waitSignal: signal });
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
    const scope = await this.begin(isolationLevel, { framed: true });
    let result: T;
    try {
      result = await this.#within(scope, async () => {
        const value = await work();
        await this.flushPending();
        return value;
      });
      await this.#keep(scope);
    } catch (error) {
      await this.#undo(scope);
      throw error;
    }
    await this.#tellKept(scope);
    return result;
  }

  /** Begins a transaction, or a savepoint inside one; with `framed` for the code of a callback alone. */
  async begin(isolationLevel?: IsolationLevel, { framed = false } = {}): Promise<TransactionScope> {
    const isolation = isolationLevel ?? this.dataSource.options.isolationLevel;
    validateIsolationLevel(this.driver.supportedIsolationLevels, isolation);
    if (this.isReleased) throw new QueryRunnerAlreadyReleasedError();
    await this.#announceStart();
    while (this.#beginning) await this.#beginning.catch(() => {});
    const parent = this.scope;
    const scope = await (parent ? this.#openSavepoint(parent) : this.#openTransaction());
    if (framed) this.#transactions.frame(scope);
    try {
      // SERIALIZABLE is what SQLite always does: https://sqlite.org/isolation.html
      if (isolation === "READ UNCOMMITTED" && !parent) {
        await scope.run(async (connection) => {
          await ConnectionPool.of(connection).markAltered(connection, "read_uncommitted");
          await connection.run("PRAGMA read_uncommitted = true");
        });
      }
      await this.#tell(scope, "AfterTransactionStart");
      return scope;
    } catch (error) {
      await this.#undo(scope);
      throw error;
    }
  }

  /**
   * To a subscriber the transaction is active, as with TypeORM's runners: what it saves would else begin one more, of
   * which it would be told again, without end.
   */
  async #announceStart(): Promise<void> {
    const isHeard = this.dataSource.subscribers.some((subscriber) => subscriber.beforeTransactionStart);
    if (isHeard) this.isTransactionActive = true;
    try {
      await this.broadcaster.broadcast("BeforeTransactionStart");
    } finally {
      if (isHeard) this.isTransactionActive = this.transactionDepth > 0;
    }
  }

  /** Commits a transaction or savepoint that {@link begin} has begun. One that fails is still open. */
  async commit(scope: TransactionScope): Promise<void> {
    await this.#keep(scope);
    await this.#tellKept(scope);
  }

  async #keep(scope: TransactionScope): Promise<void> {
    await this.#tell(scope, "BeforeTransactionCommit");
    // Who hears of a savepoint may fail, and until it is kept it can be undone.
    if (scope.parent) await this.#tell(scope, "AfterTransactionCommit");
    if (this.#transactions.isRoot(scope) && this.#transactions.last === scope) await this.query("COMMIT");
    else await this.#transactions.end(scope, "commit");
  }

  /** Of a transaction. A subscriber that fails now undoes nothing any more. */
  async #tellKept({ parent }: TransactionScope): Promise<void> {
    if (!parent) await this.broadcaster.broadcast("AfterTransactionCommit");
  }

  async rollback(scope: TransactionScope): Promise<void> {
    try {
      await this.#tell(scope, "BeforeTransactionRollback");
    } finally {
      if (this.#transactions.isRoot(scope) && this.#transactions.last === scope) await this.query("ROLLBACK");
      else await this.#transactions.end(scope, "rollback");
    }
    await this.broadcaster.broadcast("AfterTransactionRollback");
  }

  /** Runs what is sent in it in `scope`. */
  #within<T>(scope: TransactionScope, work: () => Promise<T>): Promise<T> {
    const { context } = this.driver;
    // A savepoint of a session is ambient as the session is; a transaction of its own is for its manager only.
    const { ambient } = context;
    const joins = ambient !== undefined && scope.isWithin(ambient);
    return context.run({ scope, joins }, work);
  }

  /** Of a transaction that is open. What subscribers send would else wait for the savepoint that waits for them. */
  async #tell(scope: TransactionScope, event: OpenTransactionEvent): Promise<void> {
    if (this.dataSource.subscribers.length === 0) return;
    await this.#within(scope, () => this.broadcaster.broadcast(event));
  }

  /** After a failure, which is what the caller must see, and not that the rollback failed too. */
  async #undo(scope: TransactionScope): Promise<void> {
    await this.rollback(scope).catch(() => {});
    scope.pending?.undone(scope);
  }

  /** Foreign keys are off until {@link afterMigration}, and checked before the commit. */
  override async beforeMigration(): Promise<void> {
    if (this.#migrationDepth > 0) {
      this.#migrationDepth++;
      return;
    }
    await this.suspendForeignKeys();
    this.#guard.begin();
    this.#migrationDepth = 1;
  }

  override async afterMigration(): Promise<void> {
    if (this.#migrationDepth === 0 || --this.#migrationDepth > 0) return;
    try {
      // Without a transaction nothing can be undone any more, but it must be known.
      await this.#guard.check({ run: async (use) => use(await this.#pinned.take()) }, { isDone: true });
    } finally {
      this.#guard.end();
      await this.#pinned.giveBack();
    }
  }

  /**
   * Switches foreign keys off for as long as the runner is not released: dropping a table would else delete what refers
   * to it, also when it is only dropped to be rebuilt (https://sqlite.org/lang_altertable.html#otheralter).
   *
   * @throws DatabaseError inside a transaction or sandbox, where SQLite ignores the pragma
   * @throws SessionClosedError where that has ended
   */
  async suspendForeignKeys(): Promise<void> {
    if (this.scope) {
      this.scope.assertNotEnded();
      throw new DatabaseError(
        "INSIDE_SESSION",
        "The schema cannot be changed inside a session or transaction, where SQLite cannot switch foreign keys off. " +
          "Do it before or after, or inside database.detach().",
      );
    }
    await this.query("PRAGMA foreign_keys = OFF");
  }

  /** Gives up what it holds; an open transaction is rolled back. Releasing twice is harmless. */
  override release(): Promise<void> {
    if (this.isReleased) return RELEASED;
    (this as { isReleased: boolean }).isReleased = true;
    void super.release();
    return this.#transactions.last || this.#pinned.isTaken ? this.#giveUp() : RELEASED;
  }

  async #giveUp(): Promise<void> {
    try {
      await this.#transactions.rollbackAll();
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

  async #openTransaction(): Promise<TransactionScope> {
    this.#beginning = this.#sendBegin();
    try {
      await this.#beginning;
    } finally {
      this.#beginning = undefined;
    }
    return this.#transactions.last!;
  }

  /** A statement that is seen by loggers and subscribers, as TypeORM's is. One of them may fail when it has begun. */
  async #sendBegin(): Promise<void> {
    try {
      await this.query("BEGIN TRANSACTION");
    } catch (error) {
      await this.#transactions.rollbackAll().catch(() => {});
      throw error;
    }
  }

  async #openSavepoint(parent: TransactionScope): Promise<TransactionScope> {
    await this.flushPending();
    const savepoint = await this.#transactions.beginSavepoint(parent);
    savepoint.pending?.began(savepoint);
    return savepoint;
  }

  #lastStarted(): TransactionScope {
    const { last } = this.#transactions;
    if (!last) throw new TransactionNotStartedError();
    return last;
  }
}

/** Made when it is asked for: most runners live for a single statement, and nobody does. */
Object.defineProperty(SqliteQueryRunner.prototype, "manager", {
  configurable: true,
  get(this: SqliteQueryRunner) {
    return ownManager(this, this.dataSource.createEntityManager(this));
  },
  set(this: SqliteQueryRunner, manager: EntityManager) {
    ownManager(this, manager);
  },
});

function ownManager(runner: SqliteQueryRunner, manager: EntityManager): EntityManager {
  Object.defineProperty(runner, "manager", {
    value: manager,
    configurable: true,
    enumerable: true,
    writable: true,
  });
  return manager;
}
