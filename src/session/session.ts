import type { EntityManager, EntityTarget, ObjectLiteral, QueryRunner, Repository } from "typeorm";
import type { ExecOptions } from "../database";
import type { SqliteDataSource } from "../driver/sqlite-data-source";
import type { SqliteQueryRunner } from "../driver/sqlite-query-runner";
import type { TransactionScope } from "../driver/transaction-scope";
import type { Parameters } from "../sql/parameters";
import type { Result } from "../sql/result";
import { unlessAborted } from "./deadline";
import { execute } from "./execute";

/**
 * A unit of work with a connection of its own for as long as its transaction lasts. What it wrote is seen by nobody
 * else until it commits, and nobody else's statement lands in its transaction.
 *
 * A write session begins with `BEGIN IMMEDIATE` at its first statement, a read-only one takes its snapshot then.
 */
export class Session implements AsyncDisposable {
  readonly #scope: TransactionScope;
  readonly #dataSource: SqliteDataSource;
  readonly #runner: SqliteQueryRunner & { manager: EntityManager };
  /** Whether work that names no session takes part in this one. */
  readonly #joins: boolean;
  readonly #closed: () => void;

  /** `closed` is called when a session under manual control is closed. */
  constructor(
    dataSource: SqliteDataSource,
    scope: TransactionScope,
    joins: boolean,
    closed: () => void = () => {},
  ) {
    this.#closed = closed;
    this.#dataSource = dataSource;
    this.#scope = scope;
    this.#joins = joins;
    this.#runner = dataSource.createScopedQueryRunner(scope);
  }

  /** Runs `work` in a session of `scope`, which is committed when it resolves and rolled back when it rejects. */
  static async run<T>(
    dataSource: SqliteDataSource,
    scope: TransactionScope,
    joins: boolean,
    work: (session: Session) => Promise<T> | T,
  ): Promise<T> {
    const session = new Session(dataSource, scope, joins);
    const { broadcaster } = session.#runner;
    let result: T;
    try {
      await broadcaster.broadcast("BeforeTransactionStart");
      await broadcaster.broadcast("AfterTransactionStart");
      const running = dataSource.driver.context.run({ scope, joins }, async () => work(session));
      result = await unlessAborted(running, scope.signal);
      await broadcaster.broadcast("BeforeTransactionCommit");
      await scope.commit();
    } catch (error) {
      // What went wrong is what the caller must see, and not that the rollback failed too.
      await session.#undo().catch(() => {});
      throw error;
    }
    // A subscriber that fails now undoes nothing any more.
    await broadcaster.broadcast("AfterTransactionCommit");
    return result;
  }

  /** TypeORM's manager, bound to this session. */
  get manager(): EntityManager {
    return this.#runner.manager;
  }

  /** TypeORM's query runner, bound to this session. Releasing it ends nothing; the session does. */
  get queryRunner(): QueryRunner {
    return this.#runner;
  }

  /** Whether it has not ended yet. */
  get isActive(): boolean {
    return this.#scope.isOpen;
  }

  get readonly(): boolean {
    return this.#scope.readonly;
  }

  /** A repository bound to this session. */
  getRepository<Entity extends ObjectLiteral>(target: EntityTarget<Entity>): Repository<Entity> {
    return this.manager.getRepository(target);
  }

  /**
   * Runs one raw statement in this session, as {@link Database.exec} does.
   *
   * @throws ParameterError, QueryError, ReadonlyError, SessionClosedError
   */
  async exec<T = Record<string, unknown>>(
    sql: string,
    parameters?: Parameters,
    options?: ExecOptions,
  ): Promise<Result<T>> {
    return await execute<T>(this.#runner, sql, parameters, options);
  }

  /**
   * Runs `work` in a savepoint: its failure undoes only its own part. Those that were started together run one after
   * another.
   *
   * @example
   * await session.transaction(async (inner) => inner.manager.insert(Post, post));
   */
  async transaction<T>(work: (session: Session) => Promise<T> | T): Promise<T> {
    const { context } = this.#dataSource.driver;
    const savepoint = await context.innermost(this.#scope).savepoint();
    return await Session.run(this.#dataSource, savepoint, this.#joins, work);
  }

  /** Commits now; the next statement begins another transaction. A commit that fails has been rolled back. */
  async commit(): Promise<void> {
    await this.#scope.restart("commit");
  }

  /** Undoes everything since the session began or last committed; the next statement begins another transaction. */
  async rollback(): Promise<void> {
    await this.#scope.restart("rollback");
  }

  /** Ends the session; what is not committed is rolled back. Closing it twice is harmless. */
  async close(): Promise<void> {
    this.#closed();
    await this.#scope.rollback();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #undo(): Promise<void> {
    const { broadcaster } = this.#runner;
    try {
      await broadcaster.broadcast("BeforeTransactionRollback");
    } finally {
      await this.#scope.rollback();
    }
    await broadcaster.broadcast("AfterTransactionRollback");
  }
}
