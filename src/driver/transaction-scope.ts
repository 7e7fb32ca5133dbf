import type { Connection } from "./connection";
import type { SqliteQueryRunner } from "./sqlite-query-runner";

export interface SavepointOptions {
  readonly readonly?: boolean;
  /** Named in timeouts, instead of what it is inside of. */
  readonly label?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Stops the waiting for it as well, but nothing that runs in it. */
  readonly waitSignal?: AbortSignal | undefined;
}

/** What is to be written in a transaction before anything else is sent in it. */
export interface PendingWrites {
  /** Whether something is to be inserted. */
  readonly hasNew: boolean;
  /** Writes it through `runner`; `undefined` if there is nothing to write. `signal` stops it until it begins to. */
  flush(runner: SqliteQueryRunner, signal?: AbortSignal): Promise<void> | undefined;
  /** Before a commit: also what subscribers add or change while it is written. */
  flushAll(runner: SqliteQueryRunner): Promise<void>;
  /** Called before the work of a savepoint begins: what is pending then is not part of it. */
  began(savepoint: TransactionScope): void;
  /** Takes back what was written in a scope that was rolled back, and what was asked for in it. */
  rolledBack(scope: TransactionScope): void;
  /** The same, and gives up what was changed since the scope began. */
  undone(scope: TransactionScope): void;
}

/** A transaction or a savepoint in one: what statements run in until it is committed or rolled back. */
export interface TransactionScope {
  readonly readonly: boolean;
  readonly label: string;
  /** Stops what waits or runs in it. */
  readonly signal: AbortSignal | undefined;
  /** Neither committed nor rolled back. */
  readonly isOpen: boolean;
  /**
   * @throws SessionClosedError once it has ended, whose cause is what has ended it early
   * @throws DatabaseClosedError if it was {@link abandon}ed
   */
  assertNotEnded(): void;
  /** The scope around a savepoint. */
  readonly parent: TransactionScope | undefined;
  /** One for a transaction and all the savepoints inside it. */
  pending: PendingWrites | undefined;
  /** The connection it holds, once it has begun. */
  readonly connection: Connection | undefined;
  /** Whether this is `scope` or a savepoint inside it. */
  isWithin(scope: TransactionScope): boolean;
  /**
   * Runs `use` with the transaction's connection, alone: after the statements and savepoints that came before.
   * Begins the transaction if nothing has yet.
   *
   * @throws PoolTimeoutError where a savepoint has been in its way for `poolTimeout`: it may be waiting for this
   * @param signal stops waiting, instead of the signal of the scope
   */
  run<T>(use: (connection: Connection) => Promise<T>, signal?: AbortSignal): Promise<T>;
  /** Opens a savepoint; what comes after in this scope waits until that has ended. */
  savepoint(options?: SavepointOptions): Promise<TransactionScope>;
  commit(): Promise<void>;
  /** Ends it without a trace. Rolling back what has ended already is harmless. */
  rollback(): Promise<void>;
  /** Ends it without telling SQLite, where the database was closed in spite of it and its connection is gone. */
  abandon(): void;
  /** Ends what was done so far in one of the two ways; the next statement begins anew. */
  restart(how: "commit" | "rollback"): Promise<void>;
}
