import { retryWhileBusy } from "./busy-retry";
import type { Connection } from "./connection";
import { throwMapped } from "./error-mapping";
import { type Lost, Scope } from "./scope";
import type { PendingWrites, TransactionScope } from "./transaction-scope";
import { makesUnusable } from "./unusable";

/** Where a transaction gets its connection, and how it gives it back. */
export interface ConnectionSource {
  acquire(signal?: AbortSignal): Promise<Connection>;
  /** With what failed on it, if that makes it unusable. */
  release(connection: Connection, failure?: unknown): Promise<void> | undefined;
  /** Takes back a connection whose state is unknown. */
  discard(connection: Connection): Promise<void>;
  /** Begins a transaction that writes, and commits one, where that is not just the statement. */
  begin?(connection: Connection): Promise<void>;
  commit?(connection: Connection): Promise<void>;
  /** Called after a commit; what it throws is told instead of that, and the connection discarded. */
  committed?(connection: Connection): void;
}

export interface TransactionOptions {
  readonly source: ConnectionSource;
  readonly readonly: boolean;
  /** Named in timeouts. */
  readonly label: string;
  /** Milliseconds to go on trying while another process holds the lock. */
  readonly busyTimeout: number;
  /** Milliseconds to wait for a savepoint to end, which others hold. */
  readonly poolTimeout: number;
  /** Stops what waits or runs in it. */
  readonly signal?: AbortSignal | undefined;
  /** Sees the statements that begin and end it, for logging. */
  readonly observe?: (sql: string, run: () => Promise<unknown>) => Promise<unknown>;
  /** Called when it is over, however it ended; more than once, perhaps. */
  readonly ended?: () => void;
}

/** The outermost scope: holds a connection from its first statement to its end. */
export class Transaction extends Scope {
  readonly #options: TransactionOptions;
  readonly depth = 0;
  readonly parent = undefined;
  pending: PendingWrites | undefined;
  #connection: Connection | undefined;
  /** What makes its connection unusable. */
  #failure: unknown;
  lost: Lost | undefined;

  constructor(options: TransactionOptions) {
    super();
    this.#options = options;
  }

  get readonly(): boolean {
    return this.#options.readonly;
  }

  get label(): string {
    return this.#options.label;
  }

  get signal(): AbortSignal | undefined {
    return this.#options.signal;
  }

  get poolTimeout(): number {
    return this.#options.poolTimeout;
  }

  get connection(): Connection | undefined {
    return this.#connection;
  }

  isWithin(scope: TransactionScope): boolean {
    return scope === this;
  }

  /**
   * The first read may find the file locked where it is not in WAL mode, and is tried again. What reads nothing of the
   * file, as EXPLAIN does, may come before it; once something was read, the lock is there and no read is BUSY.
   */
  protected override attempt<T>(
    connection: Connection,
    use: (connection: Connection) => Promise<T>,
  ): Promise<T> {
    return this.readonly ? retryWhileBusy(() => use(connection), this.#options) : use(connection);
  }

  protected override failed(error: unknown): void {
    if (makesUnusable(error)) this.#failure = error;
  }

  async begin(signal = this.signal): Promise<Connection> {
    if (this.#connection) return this.#connection;
    const { source, readonly } = this.#options;
    const connection = await source.acquire(signal);
    this.#connection = connection;
    try {
      // On the single connection of a memory database nothing else would stop a write.
      if (readonly && connection.role === "writer") await connection.run("PRAGMA query_only=ON");
      // A reader cannot take the write lock, not even to find that there is nothing to write to (?mode=ro).
      if (readonly || connection.role === "reader") await this.control("BEGIN", signal);
      else await this.#send("BEGIN IMMEDIATE", () => source.begin?.(connection), signal);
    } catch (error) {
      await this.#giveBack(connection);
      throw error;
    }
    return connection;
  }

  /** What ends a transaction is not stopped by a signal: its state would be unknown. */
  async control(sql: string, signal?: AbortSignal): Promise<void> {
    await this.#send(sql, () => undefined, signal);
  }

  /** Sends `sql`, unless the source has a way of its own to do what it does. */
  async #send(
    sql: string,
    ownWay: () => Promise<void> | undefined,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { busyTimeout, observe } = this.#options;
    const connection = this.#connection!;
    const run = () =>
      retryWhileBusy<unknown>(() => ownWay() ?? connection.run(sql), { busyTimeout, signal }).catch((error) =>
        throwMapped(sql, [], error, connection),
      );
    await (observe ? observe(sql, run) : run());
  }

  protected async keep(): Promise<void> {
    const connection = this.#connection;
    if (!connection) return;
    const { source, readonly } = this.#options;
    await this.#send("COMMIT", () => (readonly ? undefined : source.commit?.(connection)), undefined);
    try {
      if (!readonly) source.committed?.(connection);
    } catch (error) {
      this.#connection = undefined;
      await source.discard(connection);
      throw error;
    }
    await this.#giveBack(connection);
  }

  protected async undo(): Promise<void> {
    const connection = this.#connection;
    if (!connection) return;
    try {
      // SQLite may have rolled it back already, and then refuses.
      if (this.lost) await connection.run("ROLLBACK").catch(() => {});
      else await this.control("ROLLBACK");
    } catch (error) {
      this.#connection = undefined;
      await this.#options.source.discard(connection);
      throw error;
    }
    await this.#giveBack(connection);
  }

  protected override over(): void {
    this.#options.ended?.();
  }

  protected async renew(how: "commit" | "rollback"): Promise<void> {
    if (how === "commit") {
      try {
        await this.keep();
      } catch (error) {
        // The error of the commit is the one that matters.
        await this.undo().catch(() => {});
        throw error;
      }
    } else {
      await this.undo();
      this.lost = undefined;
    }
  }

  async #giveBack(connection: Connection): Promise<void> {
    this.#connection = undefined;
    const { source, readonly } = this.#options;
    try {
      if (readonly && connection.role === "writer") await connection.run("PRAGMA query_only=OFF");
    } catch {
      await source.discard(connection);
      return;
    }
    await source.release(connection, this.#failure);
  }
}
