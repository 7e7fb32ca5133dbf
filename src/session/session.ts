import type { EntityManager, EntityTarget, ObjectLiteral, QueryRunner, Repository } from "typeorm";
import type { ExecOptions } from "../database";
import { showCaller } from "../driver/caller-stack";
import type { SqliteDataSource } from "../driver/sqlite-data-source";
import type { SqliteQueryRunner } from "../driver/sqlite-query-runner";
import type { SavepointOptions, TransactionScope } from "../driver/transaction-scope";
import { unlessAborted } from "../driver/unless-aborted";
import { ConfigurationError } from "../errors";
import { describe } from "../options/describe";
import type { Parameters } from "../sql/parameters";
import type { Result } from "../sql/result";
import { Deadline } from "./deadline";
import { execute } from "./execute";
import { unwatchSession, watchSession } from "./forgotten-sessions";
import {
  checkInsertManyOptions,
  type InsertManyOptions,
  type InsertRow,
  insertMany,
  type RowSource,
} from "./insert-many";
import { type StreamOptions, streamRows } from "./stream-rows";
import { UnitOfWork } from "./unit-of-work";

type TransactionEvent = `${"Before" | "After"}Transaction${"Start" | "Commit" | "Rollback"}`;

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

  private constructor(dataSource: SqliteDataSource, scope: TransactionScope, joins: boolean) {
    this.#dataSource = dataSource;
    this.#scope = scope;
    this.#joins = joins;
    this.#runner = dataSource.createScopedQueryRunner(scope);
  }

  /** A session under manual control. */
  static open(dataSource: SqliteDataSource, scope: TransactionScope): Session {
    const session = new Session(dataSource, scope, false);
    watchSession(session.#runner, scope);
    return session;
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
    if (scope.parent) scope.pending?.began(scope);
    let result: T;
    try {
      const inside = <R>(run: () => Promise<R> | R) =>
        unlessAborted(dataSource.driver.context.run({ scope, joins }, run), scope.signal);
      // What nobody hears is not sent, which every session would pay for; but a signal is looked at.
      const tell = (event: TransactionEvent) =>
        dataSource.subscribers.length > 0 || scope.signal
          ? inside(() => broadcaster.broadcast(event))
          : undefined;
      await tell("BeforeTransactionStart");
      await tell("AfterTransactionStart");
      result = await inside(async () => work(session));
      await tell("BeforeTransactionCommit");
      await inside(() => session.#flush({ all: true }));
      // Who hears of a savepoint may fail, and until it is kept it can be undone.
      if (scope.parent) await tell("AfterTransactionCommit");
      await scope.commit();
    } catch (error) {
      // What went wrong is what the caller must see, and not that the rollback failed too.
      await session.#undo().catch(() => {});
      scope.pending?.undone(scope);
      throw error;
    }
    // A subscriber that fails now undoes nothing any more.
    if (!scope.parent && dataSource.subscribers.length > 0)
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
   * The entity with this id, or `null`. It is tracked: what is changed in it is written by the next flush. There is one
   * instance of each row in a session and in those nested in it, so it is the same the next time, and then without a
   * query. Entities that are loaded with it because their relation is eager are tracked too; what `manager.find()` and
   * the repositories give is not, until it is handed to {@link add}.
   *
   * @param id the value of the primary column, or an object with the values of all of them
   * @throws ParameterError for an id that is not complete, SessionClosedError
   * @example
   * const user = await session.get(User, 1);
   * if (user) user.username = "ada";
   */
  async get<Entity extends ObjectLiteral>(target: EntityTarget<Entity>, id: unknown): Promise<Entity | null> {
    this.#scope.assertNotEnded();
    return await this.#unitOfWork.get(this.#runner, target, id);
  }

  /**
   * Takes new entities, and those that were loaded elsewhere, into this session: the next flush inserts those without a
   * row and updates the others. From then on they are tracked. Adding one twice is harmless; adding one that was to be
   * deleted keeps it; adding another one with the id of one that was to be deleted takes its place and updates its row.
   *
   * @throws ParameterError for what is not an entity, SessionClosedError
   * @throws DatabaseError if another instance stands for the same row already
   * @example
   * const author = session.manager.create(User, { username: "ada" });
   * const post = session.manager.create(Post, { title: "Notes" });
   * post.author = author; // not in create(), which would copy it
   * session.add([author, post]);
   */
  add(entities: ObjectLiteral | readonly ObjectLiteral[]): void {
    this.#scope.assertNotEnded();
    for (const entity of Array.isArray(entities) ? entities : [entities]) {
      this.#unitOfWork.add(this.#runner, entity);
    }
  }

  /**
   * Has the next flush delete the entity, which need not be tracked, but must have its id. One that was only added is
   * forgotten. Take it out of the relations of other entities as well, or their cascades may insert it again.
   *
   * @throws ParameterError for what has no id, SessionClosedError
   * @example
   * const post = await session.get(Post, 1);
   * if (post) session.delete(post);
   */
  delete(entity: ObjectLiteral): void {
    this.#scope.assertNotEnded();
    this.#unitOfWork.delete(this.#runner, entity);
  }

  /**
   * Writes what is new, changed or deleted among the tracked entities, only the columns that changed: inserts in the
   * order of the foreign keys, then updates, then deletes in the reverse order. Nothing is sent if nothing changed.
   *
   * It happens by itself before the session is committed, before a nested one begins, and before every statement of the
   * session, so that it reads what it changed. A flush that fails has written nothing. When a savepoint
   * fails, entities have the values again that they had when it began; what code outside of it adds or deletes meanwhile
   * is not written in it. Nothing tells whose code has changed an entity: await the savepoint before others do.
   *
   * @throws ReadonlyError in a read-only session, before anything is sent
   * @throws DatabaseError if the row of a changed entity does not exist any more
   * @throws QueryError, SessionClosedError
   * @example
   * session.add(user);
   * await session.flush();
   * console.log(user.id);
   */
  async flush(): Promise<void> {
    this.#scope.assertNotEnded();
    await this.#flush();
  }

  /**
   * Reads a tracked entity from the database again, with the relations that it has loaded. Changes of it that were not
   * written are given up.
   *
   * @throws DatabaseError if its row does not exist any more; then it is no longer tracked
   * @throws ParameterError for one that is not tracked, SessionClosedError
   * @example
   * await session.exec("UPDATE users SET age = age + 1");
   * await session.refresh(user);
   */
  async refresh(entity: ObjectLiteral): Promise<void> {
    this.#scope.assertNotEnded();
    await this.#unitOfWork.refresh(this.#runner, entity);
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
   * The rows of a query, read as they are asked for, in this session, as {@link SqliteDatabase.stream} does. Statements
   * of the session may run between two rows; what they write may show in the rows that come later.
   *
   * @throws ParameterError, QueryError, ReadonlyError, SessionClosedError
   * @example
   * for await (const { id } of session.stream<{ id: number }>("SELECT id FROM users")) await visit(id);
   */
  stream<T = Record<string, unknown>>(
    sql: string,
    parameters?: Parameters,
    options?: StreamOptions,
  ): AsyncIterableIterator<T> {
    return streamRows<T>(() => this.#runner, sql, parameters, options);
  }

  /**
   * Inserts rows in bulk, in a savepoint of this session, as {@link SqliteDatabase.insertMany} does.
   *
   * @param options `label`, `timeout` and `signal` of the savepoint; stopping a statement that is running ends the session
   * @throws ParameterError, ConstraintError, ReadonlyError, SessionClosedError; then none of the rows is there
   */
  async insertMany<Entity extends ObjectLiteral>(
    target: EntityTarget<Entity>,
    rows: RowSource<InsertRow<Entity>>,
    options: InsertManyOptions = {},
  ): Promise<number> {
    const asked = new Error("asked for here");
    checkInsertManyOptions(options);
    const deadline = new Deadline("insertMany()", options);
    try {
      const limited = { label: options.label, signal: deadline.signal };
      return await this.#inSavepoint((inner) => insertMany(inner.#runner, target, rows), limited);
    } catch (error) {
      showCaller(error, asked);
      throw error;
    } finally {
      deadline.end();
    }
  }

  /**
   * Runs `work` in a savepoint: its failure undoes only its own part. Those that were started together run one after
   * another.
   *
   * @example
   * await session.transaction(async (inner) => inner.manager.insert(Post, post));
   */
  async transaction<T>(work: (session: Session) => Promise<T> | T): Promise<T> {
    this.#scope.assertNotEnded();
    if (typeof work !== "function") {
      throw new ConfigurationError(`transaction() takes a function (got ${describe(work)}).`);
    }
    return await this.#inSavepoint(work);
  }

  /**
   * Flushes and commits now; the next statement begins another transaction. Entities stay tracked. A commit that fails
   * has been rolled back, as by {@link rollback}.
   */
  async commit(): Promise<void> {
    this.#scope.assertNotEnded();
    try {
      await this.#flushOrRollBack();
      await this.#scope.restart("commit");
    } catch (error) {
      this.#unitOfWork.undone(this.#scope);
      throw error;
    }
    this.#unitOfWork.committed(this.#scope);
  }

  /**
   * Undoes everything since the session began or last committed; the next statement begins another transaction.
   * Tracked entities have the values again that they had then, and {@link get} reads them anew, into the same instance;
   * what was added or to be deleted is forgotten.
   */
  async rollback(): Promise<void> {
    await this.#scope.restart("rollback");
    this.#unitOfWork.undone(this.#scope);
  }

  /** Ends the session; what is not committed is rolled back. Closing it twice is harmless. */
  async close(): Promise<void> {
    unwatchSession(this.#runner);
    await this.#scope.rollback();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #inSavepoint<T>(work: (session: Session) => Promise<T> | T, options?: SavepointOptions): Promise<T> {
    await this.#flush({ signal: options?.signal });
    const { context } = this.#dataSource.driver;
    const savepoint = await context.innermost(this.#scope).savepoint(options);
    return await Session.run(this.#dataSource, savepoint, this.#joins, work);
  }

  /** TypeORM's frames between here and what SQLite refused are more than a stack has. */
  async #flush({
    all = false,
    signal,
  }: {
    all?: boolean;
    signal?: AbortSignal | undefined;
  } = {}): Promise<void> {
    try {
      await (all ? this.#scope.pending?.flushAll(this.#runner) : this.#runner.flushPending(signal));
    } catch (error) {
      showCaller(error);
      throw error;
    }
  }

  async #flushOrRollBack(): Promise<void> {
    try {
      await this.#flush({ all: true });
    } catch (error) {
      await this.#scope.restart("rollback").catch(() => {});
      throw error;
    }
  }

  /** Made when it is asked for: before every statement it would be looked for what is to be written. */
  get #unitOfWork(): UnitOfWork {
    return UnitOfWork.of(this.#scope);
  }

  /** Subscribers are waited for as long as the session has time, and cannot keep it from being rolled back. */
  async #undo(): Promise<void> {
    const tell = (event: TransactionEvent) =>
      unlessAborted(this.#runner.broadcaster.broadcast(event), this.#scope.signal).catch(() => {});
    await tell("BeforeTransactionRollback");
    await this.#scope.rollback();
    await tell("AfterTransactionRollback");
  }
}
