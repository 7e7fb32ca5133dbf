import { setImmediate as nextTurn } from "node:timers/promises";
import { DatabaseClosedError, NotInitializedError, PoolTimeoutError } from "../errors";
import { FairLock } from "../pool/fair-lock";
import { Turns } from "../pool/turns";
import { admission, type Role } from "./admission";
import { CombinedReads, type SingleRead } from "./combined-reads";
import type { Connection } from "./connection";
import type { AcquireOptions, ConnectionPool } from "./connection-pool";
import type { DriverSettings } from "./driver-settings";
import type { StatementResult } from "./run-statement";
import { Sandbox } from "./sandbox";
import type { ConnectionSource } from "./transaction";
import type { Surrounding, TransactionContext } from "./transaction-context";
import { WorkInFlight } from "./work-in-flight";

/** How long the reads before it may take, all of them, until the pool grows for a single read. */
const LONG_READ_MS = 50;

const CLOSING = "The database is closing and takes no new work.";

/**
 * Lends the connections of a database that is open, to transactions and to single statements, and knows when all of
 * that has ended. Inside of a sandbox it lends the connection of that instead.
 */
export class ConnectionLender {
  readonly #settings: DriverSettings;
  readonly #context: TransactionContext;
  #pool: ConnectionPool | undefined;
  /** Those that are open, each inside of the one before. */
  readonly #sandboxes: Sandbox[] = [];
  /** Sandboxes that are opened together are opened one inside the other. */
  readonly #opening = new FairLock();
  /** Turns for single reads: one more than can run, so that the next is ready. */
  readonly #reads = new Turns({ permits: admission.mostReaders + 1, patience: LONG_READ_MS });
  readonly #combinedReads = new CombinedReads();
  #closed = false;
  /** Whether closing has begun. */
  #refusing = false;
  /** The transactions and the single statements, since the database was opened. */
  #inFlight = new WorkInFlight();

  constructor(settings: DriverSettings, context: TransactionContext) {
    this.#settings = settings;
    this.#context = context;
  }

  /** Whether there is a pool to lend from. */
  get isOpen(): boolean {
    return this.#pool !== undefined;
  }

  /** @throws NotInitializedError, DatabaseClosedError */
  get pool(): ConnectionPool {
    const pool = this.#sandboxes.at(-1)?.pool ?? this.#pool;
    if (pool) return pool;
    throw this.#closed ? new DatabaseClosedError() : new NotInitializedError("run a query");
  }

  /** Lends from `pool` until {@link close}. */
  open(pool: ConnectionPool): void {
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
      const sandbox = await Sandbox.begin(await this.acquire("writer", "sandbox"), this.#settings);
      this.#sandboxes.push(sandbox);
      return () => this.#restore(sandbox);
    } finally {
      done();
    }
  }

  /** Takes no new work, lets the work in flight end for up to `closeTimeout`, then ends it. */
  async close(): Promise<void> {
    const pool = this.#pool;
    if (!pool) return;
    this.#refusing = true;
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        for (const { pool } of this.#sandboxes) pool.terminate();
        pool.terminate();
        resolve();
      }, this.#settings.closeTimeout);
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

  /** To be called when something begins that closing waits for; what it gives, when that has ended. */
  begin(): () => void {
    this.#assertAccepting();
    return this.#inFlight.begin();
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

  /** Where a transaction gets its connection: from the pool of now, also if the database was closed and opened since. */
  source(role: Role, label: string): ConnectionSource {
    this.#assertAccepting();
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

  /** Those inside of it first. */
  async #restore(sandbox: Sandbox): Promise<void> {
    const index = this.#sandboxes.indexOf(sandbox);
    const opened = index < 0 ? [sandbox] : this.#sandboxes.splice(index);
    for (const one of opened.reverse()) await one.restore();
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
    if (role === "writer" || pool.isSingle) {
      // Code that waits for what the transaction around it holds would wait for itself.
      const around = [...this.#context.surrounding()].filter(holdsWriter);
      // What nobody waits for is soon known by that.
      if (around.length > 0) await nextTurn();
      const holder = around.find(holdsWriter);
      if (holder) {
        throw new PoolTimeoutError(
          `"${options.label}" would wait for ever: the transaction around it ("${holder.label}") holds the only ` +
            `connection${pool.isSingle ? "" : " that can write"}. Use that transaction's own manager, or ` +
            "database.detach() for work that comes after it.",
          pool.holders(role),
        );
      }
    }
    return await pool.acquire(role, options);
  }
}

function holdsWriter({ isOpen, connection }: Surrounding): boolean {
  return isOpen && connection?.role === "writer";
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
