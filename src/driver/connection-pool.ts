import { stat } from "node:fs/promises";
import { type ConnectionHolder, DatabaseClosedError, DatabaseError } from "../errors";
import { WaitTimeoutError } from "../pool/fair-lock";
import { PoolClosedError, ResourcePool, type ResourcePoolStats } from "../pool/resource-pool";
import type { Role } from "./admission";
import { type Connection, openConnection } from "./connection";
import { identify } from "./file-identity";
import { HandOver } from "./hand-over";
import { poolTimeout } from "./pool-timeout";
import { removeEmptyWal } from "./remove-empty-wal";
import { makesUnusable } from "./unusable";
import { WalLimit } from "./wal-limit";

export interface ConnectionPoolOptions {
  /** An absolute path, or `:memory:`. */
  readonly path: string;
  readonly mode: "ro" | "rw" | "rwc";
  /** Most readers kept open; readers beyond it. */
  readonly poolSize: number;
  readonly maxOverflow: number;
  /** Milliseconds. */
  readonly poolTimeout: number;
  /** Milliseconds; `Infinity` = never. */
  readonly poolRecycle: number;
  readonly poolPrePing: boolean;
  /** Bytes; how large the WAL may grow as long as no reader needs it. */
  readonly walLimit?: number | undefined;
  /** Makes a new connection ready; every connection goes through it before anyone sees it. */
  readonly setUp: (connection: Connection) => Promise<void>;
  /** The only connection there is, instead of those that the pool would open. */
  readonly only?: Connection;
}

export interface AcquireOptions {
  /** Who asks, named in timeouts. */
  readonly label: string;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds, instead of `poolTimeout`. */
  readonly timeout?: number;
  /** Whether a transaction that writes is to begin on it, by {@link ConnectionPool.begin}. */
  readonly begins?: boolean;
}

/** Those of this process that have a file open. */
const openPools = new Set<ConnectionPool>();

/** Where each connection that was lent belongs. */
const lenders = new WeakMap<Connection, ConnectionPool>();

async function evictIdle(path: string): Promise<void> {
  const same = [...openPools].filter((pool) => pool.path === path && !pool.isSingle);
  await Promise.all(same.map((pool) => pool.evictIdle()));
}

/** What a transaction that writes waits for the writer for. */
const BEGIN = Symbol("BEGIN IMMEDIATE");

/** Idleness after which a connection is tested before use. */
const PING_AFTER_MS = 1000;

/**
 * One writer and many readers of one file. An in-memory database has a single connection for both roles, since each
 * connection would have a memory of its own, and so has a sandbox; a read-only one has no writer, and SQLite refuses to
 * write through its readers.
 */
export class ConnectionPool {
  readonly #options: ConnectionPoolOptions;
  readonly #readers: ResourcePool<Connection>;
  readonly #writer: ResourcePool<Connection>;
  /** Who holds each connection, and since when; without a label nobody does. */
  readonly #holds = new WeakMap<Connection, { label: string | undefined; since: number }>();
  /** Device and inode of the file that each connection has open. */
  readonly #files = new WeakMap<Connection, string>();
  /** The file that was seen with something in it: one that was always empty is a database as well. */
  #filled: string | undefined;
  /** Connections that are not as they were made; in memory, with what each pragma was before. */
  readonly #altered = new WeakMap<Connection, Map<string, unknown>>();
  readonly #handOver = new HandOver();
  readonly #walLimit: WalLimit | undefined;
  #created = false;
  #isAltered = false;
  /** Why nothing is lent any more. */
  #terminated: Error | undefined;

  constructor(options: ConnectionPoolOptions) {
    this.#options = options;
    this.#walLimit = options.walLimit === undefined ? undefined : new WalLimit(options.walLimit);
    const single = this.isSingle;
    const recycle = single ? Number.POSITIVE_INFINITY : options.poolRecycle;
    const validateAfter = single || !options.poolPrePing ? Number.POSITIVE_INFINITY : PING_AFTER_MS;
    const pool = (role: Role, size: number, overflow: number): ResourcePool<Connection> =>
      new ResourcePool(
        {
          create: () => this.#open(role),
          validate: (connection) => this.#ping(connection),
          destroy: (connection) => connection.close(),
        },
        { size, overflow, recycle, validateAfter },
      );
    this.#readers = single ? pool("writer", 1, 0) : pool("reader", options.poolSize, options.maxOverflow);
    this.#writer = single || options.mode === "ro" ? this.#readers : pool("writer", 1, 0);
  }

  get path(): string {
    return this.#options.path;
  }

  /** Closes the connections that nobody uses; the next use opens others. */
  async evictIdle(): Promise<void> {
    for (const pool of [this.#readers, this.#writer]) {
      pool.evict(() => true);
      await pool.settled();
    }
  }

  /** The pool that has lent a connection, to which it must be given back. */
  static of(connection: Connection): ConnectionPool {
    return lenders.get(connection)!;
  }

  /** Whether there is one connection for both roles, which cannot be replaced. */
  get isSingle(): boolean {
    return this.isSandbox || this.#options.path === ":memory:";
  }

  /** Whether everything in it is inside of a transaction that will be rolled back. */
  get isSandbox(): boolean {
    return this.#options.only !== undefined;
  }

  /** Whether the single connection was changed in a way that giving it back does not undo, as by ATTACH. */
  get isAltered(): boolean {
    const { only } = this.#options;
    return this.#isAltered || (only !== undefined && this.#altered.has(only));
  }

  get readerStats(): ResourcePoolStats {
    return this.#readers.stats;
  }

  get writerStats(): ResourcePoolStats {
    return this.#writer.stats;
  }

  /** A connection at once, if one is free and fresh. */
  tryAcquire(role: Role, label: string): Connection | undefined {
    if (this.#terminated) return undefined;
    const connection = this.#of(role).tryAcquire();
    return connection && this.#lend(connection, label);
  }

  /**
   * @throws PoolTimeoutError after the timeout, naming who holds what was waited for
   * @throws DatabaseClosedError after {@link close}
   */
  async acquire(
    role: Role,
    { label, signal, timeout = this.#options.poolTimeout, begins }: AcquireOptions,
  ): Promise<Connection> {
    if (this.#terminated) throw this.#terminated;
    try {
      return this.#lend(await this.#of(role).acquire({ timeout, signal, purpose: begins && BEGIN }), label);
    } catch (error) {
      if (error instanceof PoolClosedError) throw new DatabaseClosedError(undefined, { cause: error });
      if (!(error instanceof WaitTimeoutError)) throw error;
      throw poolTimeout({ role, label, timeout, isSandbox: this.isSandbox }, this.holders(role), error);
    }
  }

  /**
   * Gives a connection back, as it was made: one with changed settings or temporary objects is not reused, nor is one
   * that met an I/O error or damage. `undefined` if there is nothing to wait for, as nearly always.
   */
  release(connection: Connection, failure?: unknown): Promise<void> | undefined {
    if (makesUnusable(failure) && !this.isSingle) return this.discard(connection);
    const altered = this.#terminated ? undefined : this.#altered.get(connection);
    if (altered) {
      this.#altered.delete(connection);
      if (!this.isSingle) return this.discard(connection);
      return this.#restore(connection, altered);
    }
    // It is only housekeeping: what fails in it fails for whoever writes next.
    const kept =
      connection.role === "writer" && !this.isSingle ? this.#walLimit?.keep(connection) : undefined;
    if (kept) return kept.catch(() => {}).then(() => this.#giveBack(connection));
    // Who it was begun for waits no longer.
    if (this.#handOver.hasBegun(connection) && !this.#isNextToBegin(connection))
      return this.#takeBack(connection);
    this.#giveBack(connection);
    return undefined;
  }

  /** Begins a transaction that writes, unless that was done when the one before it was committed. */
  begin(connection: Connection): Promise<void> {
    return this.#handOver.begin(connection);
  }

  /** Commits, before {@link release}; and begins the transaction that waits for the same connection, if one does. */
  commit(connection: Connection): Promise<void> {
    // The WAL cannot be looked at inside of a transaction.
    if (this.#walLimit?.isDue) return connection.run("COMMIT").then(() => {});
    return this.#handOver.commit(connection, this.#isNextToBegin(connection));
  }

  #isNextToBegin({ role }: Connection): boolean {
    return role === "writer" && !this.isSingle && this.#writer.nextPurpose === BEGIN;
  }

  async #takeBack(connection: Connection): Promise<void> {
    try {
      await this.#handOver.takeBack(connection);
    } catch {
      await this.discard(connection);
      return;
    }
    this.#giveBack(connection);
  }

  /** The memory goes with its connection, so that must be put back into the state it was in. */
  async #restore(connection: Connection, altered: ReadonlyMap<string, unknown>): Promise<void> {
    for (const [pragma, value] of altered) await connection.run(`PRAGMA ${pragma} = ${value}`);
    this.#giveBack(connection);
  }

  #giveBack(connection: Connection): void {
    const hold = this.#holds.get(connection);
    if (hold) hold.label = undefined;
    this.#of(connection.role).release(connection);
  }

  /**
   * To be called when something was committed, before that is told to anyone. A file that was replaced lives on without
   * a name as long as a connection has it open (https://sqlite.org/howtocorrupt.html#_unlinking_or_renaming_a_database_file_while_in_use),
   * and what is written to it goes with it.
   *
   * @throws DatabaseError if the file at the path is not the one that the connection has open
   */
  assertInPlace(connection: Connection): void {
    const { path } = this.#options;
    const opened = this.#files.get(connection);
    const found = this.isSingle ? opened : identify(path)?.identity;
    if (found === opened) return;
    for (const pool of [this.#readers, this.#writer]) pool.evict((idle) => this.#files.get(idle) !== found);
    throw new DatabaseError(
      "FILE_REPLACED",
      `The database file was ${found ? "replaced" : "moved or deleted"} while it was open, so what was just written ` +
        `is not in the file at ${JSON.stringify(path)}. What comes next goes to the file that is there; write it again, ` +
        "and close the database before its file is replaced.",
    );
  }

  /** To be called before a statement changes the connection itself, by a pragma for example. */
  async markAltered(connection: Connection, pragma?: string): Promise<void> {
    const altered = this.#altered.get(connection) ?? new Map<string, unknown>();
    this.#altered.set(connection, altered);
    if (!pragma) this.#isAltered = true;
    if (!this.isSingle || !pragma || altered.has(pragma)) return;
    const [row] = await connection.all(`PRAGMA ${pragma}`);
    if (row) altered.set(pragma, Object.values(row)[0]);
  }

  /** Gives back a connection whose state is unknown or changed; it is closed and never reused. */
  async discard(connection: Connection): Promise<void> {
    this.#holds.delete(connection);
    await this.#of(connection.role).discard(connection);
  }

  /**
   * Whether the file at the path can be read and is the one that every connection has open. Connections to another
   * file are not lent again, so the next use is of the file at the path.
   */
  async ping(): Promise<boolean> {
    if (this.isSingle) return true;
    const { path, setUp } = this.#options;
    const identity = this.#identify();
    const isStale = (connection: Connection) => this.#files.get(connection) !== identity;
    const open = [...this.#readers.active, ...this.#writer.active].some(isStale);
    const idle = [this.#readers, this.#writer].filter((pool) => pool.evict(isStale) > 0);
    if (open || idle.length > 0) return false;
    // A connection of its own has nothing cached, and does not wait behind long reads for a thread.
    const connection = await openConnection({ path, mode: "ro", role: "reader", admittedAs: "writer" });
    try {
      await setUp(connection);
      const [row] = await connection.all("PRAGMA page_size");
      const { size } = await stat(path);
      return size >= Number(row?.page_size) || (size === 0 && this.#filled !== identity);
    } finally {
      await connection.close();
    }
  }

  holders(role: Role): ConnectionHolder[] {
    return [...this.#of(role).active].map((connection) => this.#holderOf(connection));
  }

  allHolders(): ConnectionHolder[] {
    const active = new Set([...this.#readers.active, ...this.#writer.active]);
    const held = [...active].filter((connection) => this.#holds.get(connection)?.label !== undefined);
    return held.map((connection) => this.#holderOf(connection)).sort((one, other) => other.age - one.age);
  }

  #holderOf(connection: Connection): ConnectionHolder {
    const { label = "opening", since = performance.now() } = this.#holds.get(connection) ?? {};
    const statement = connection.askedFor ?? connection.lastStatement;
    return { label, age: (performance.now() - since) / 1000, statement };
  }

  /**
   * Takes no new work and waits for what is in flight. The writer leaves last, so that SQLite can delete the WAL
   * (https://sqlite.org/wal.html#the_wal_file).
   */
  async close(): Promise<void> {
    if (this.#readers !== this.#writer && !this.#terminated) {
      await this.#readers.drain();
      // Best effort: another process may be writing, or the file be gone.
      await this.#tidy().catch(() => {});
    }
    await this.#readers.drain();
    await this.#writer.drain();
    if (this.#options.mode === "ro") await removeEmptyWal(this.#options.path);
    openPools.delete(this);
  }

  /** What SQLite recommends before a connection is closed, and a WAL that is empty whoever else has the file open. */
  async #tidy(): Promise<void> {
    const writer = await this.#writer.acquire({ timeout: this.#options.poolTimeout });
    try {
      // https://sqlite.org/pragma.html#pragma_optimize
      await writer.all("PRAGMA optimize");
      await writer.all("PRAGMA wal_checkpoint(TRUNCATE)");
    } finally {
      this.#writer.release(writer);
    }
  }

  /** Ends what {@link close} waits for: sends away who waits, interrupts what runs, and takes the connections back. */
  terminate(
    reason: Error = new DatabaseClosedError("The database was closed while this waited for a connection."),
  ): void {
    this.#terminated = reason;
    for (const pool of [this.#readers, this.#writer]) {
      pool.rejectWaiters(reason);
      for (const connection of pool.active) {
        void connection.terminate();
        void pool.discard(connection);
      }
    }
  }

  #of(role: Role): ResourcePool<Connection> {
    return role === "writer" ? this.#writer : this.#readers;
  }

  #lend(connection: Connection, label: string): Connection {
    const since = performance.now();
    connection.askedFor = undefined;
    const hold = this.#holds.get(connection);
    if (hold) {
      hold.label = label;
      hold.since = since;
    } else {
      this.#holds.set(connection, { label, since });
      lenders.set(connection, this);
    }
    return connection;
  }

  async #open(role: Role): Promise<Connection> {
    const { only } = this.#options;
    if (only) return only;
    try {
      return await this.#openOnce(role);
    } catch (error) {
      if ((error as { code?: unknown }).code !== "SQLITE_IOERR") throw error;
      // Someone may have deleted the WAL, and connections of this process that still have the old one open keep SQLite
      // from beginning another (https://sqlite.org/howtocorrupt.html#_unlinking_or_renaming_a_database_file_while_in_use).
      await evictIdle(this.#options.path);
      return await this.#openOnce(role);
    }
  }

  async #openOnce(role: Role): Promise<Connection> {
    const { path, setUp } = this.#options;
    // Only the first connection may create the file: later a missing one has been deleted under us.
    const mode = this.#options.mode === "rwc" && this.#created ? "rw" : this.#options.mode;
    const connection = await openConnection({ path, mode, role });
    try {
      // Now: what takes its place while it is made ready is another file.
      this.#files.set(connection, this.#identify());
      await setUp(connection);
      // Still there, and not empty any more.
      this.#identify();
      this.#created = true;
      openPools.add(this);
    } catch (error) {
      await connection.close();
      throw error;
    }
    return connection;
  }

  /** Whether the connection answers, and the file it has open is still the one at the path. */
  async #ping(connection: Connection): Promise<boolean> {
    await connection.all("PRAGMA schema_version");
    return this.#identify() === this.#files.get(connection);
  }

  /** The file at the path, which has to be there. */
  #identify(): string {
    if (this.isSingle) return ":memory:";
    const { path } = this.#options;
    const file = identify(path);
    if (!file) throw new Error(`There is no file at ${JSON.stringify(path)}.`);
    if (!file.isEmpty) this.#filled = file.identity;
    return file.identity;
  }
}
