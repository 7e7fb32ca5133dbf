import { DatabaseClosedError, SessionClosedError } from "../errors";
import { FairLock, WaitTimeoutError } from "../pool/fair-lock";
import { anySignal } from "./any-signal";
import type { Connection } from "./connection";
import { savepointTimeout } from "./pool-timeout";
import type { PendingWrites, SavepointOptions, TransactionScope } from "./transaction-scope";

/** What the statement failed with that made SQLite end the transaction by itself. */
export class Lost {
  constructor(readonly cause: unknown) {}
}

export abstract class Scope implements TransactionScope {
  readonly #lock = new FairLock();
  /** The savepoint that is open in it and holds its lock, and since when. */
  #child: TransactionScope | undefined;
  #childSince = 0;
  #committed = false;
  /** Whether its end is waited for; what would begin in it now comes too late. */
  #ending = false;
  #rollback: Promise<void> | undefined;
  /** The reason of its signal, if that has ended it. */
  #endedBy: unknown;
  #isAbandoned = false;
  isOpen = true;

  abstract readonly readonly: boolean;
  abstract readonly label: string;
  abstract readonly signal: AbortSignal | undefined;
  abstract readonly connection: Connection | undefined;
  abstract readonly depth: number;
  /** Milliseconds that what waits for a savepoint to end may wait. */
  abstract readonly poolTimeout: number;
  abstract lost: Lost | undefined;
  abstract readonly parent: Scope | undefined;
  abstract pending: PendingWrites | undefined;
  abstract isWithin(scope: TransactionScope): boolean;
  /** The connection, inside the transaction. This and what follows is called with the lock held. */
  abstract begin(signal?: AbortSignal): Promise<Connection>;
  /** What `run` does on the connection. */
  protected attempt<T>(connection: Connection, use: (connection: Connection) => Promise<T>): Promise<T> {
    return use(connection);
  }
  /** Called with what a statement failed with. */
  protected failed(_error: unknown): void {}
  /** A statement that begins, marks or ends the transaction, as the observer sees it. */
  abstract control(sql: string): Promise<void>;
  protected abstract keep(): Promise<void>;
  protected abstract undo(): Promise<void>;
  protected abstract renew(how: "commit" | "rollback"): Promise<void>;
  protected over(): void {}

  assertNotEnded(): void {
    if (this.isOpen) return;
    if (this.#isAbandoned)
      throw new DatabaseClosedError("The database was closed while this session was open.");
    const cause = this.#endedBy;
    throw new SessionClosedError(undefined, cause === undefined ? undefined : { cause });
  }

  async run<T>(use: (connection: Connection) => Promise<T>, signal = this.signal): Promise<T> {
    this.assertNotEnded();
    const release = this.#lock.tryAcquire() ?? (await this.#acquire(signal));
    try {
      this.#assertOpen();
      const connection = this.connection ?? (await this.begin(signal));
      try {
        return await this.attempt(connection, use);
      } catch (error) {
        this.failed(error);
        await this.#notice(connection, error);
        throw error;
      }
    } finally {
      release();
    }
  }

  async savepoint({
    readonly = this.readonly,
    label,
    signal,
    waitSignal,
  }: SavepointOptions = {}): Promise<TransactionScope> {
    this.assertNotEnded();
    const both = anySignal(this.signal, signal);
    const waiting = anySignal(both, waitSignal);
    const release = await this.#acquire(waiting);
    try {
      if (this.#ending) throw new SessionClosedError();
      this.#assertOpen();
      await this.begin(waiting);
      const savepoint = new Savepoint(this, { readonly, label, signal: both }, () => {
        this.#child = undefined;
        release();
      });
      await this.control(`SAVEPOINT ${savepoint.name}`);
      this.#child = savepoint;
      this.#childSince = performance.now();
      if (this.#ending) {
        await savepoint.rollback();
        throw new SessionClosedError();
      }
      return savepoint;
    } catch (error) {
      release();
      throw error;
    }
  }

  async commit(): Promise<void> {
    const release = await this.#acquireToEnd();
    try {
      this.#assertOpen();
      await this.keep();
      this.#committed = true;
      this.isOpen = false;
      this.over();
    } finally {
      release();
    }
  }

  rollback(): Promise<void> {
    if (this.isOpen) this.#endedBy = this.signal?.reason;
    this.isOpen = false;
    this.#rollback ??= this.#undo();
    return this.#rollback;
  }

  abandon(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.#isAbandoned = true;
    this.over();
  }

  async restart(how: "commit" | "rollback"): Promise<void> {
    this.assertNotEnded();
    const release = await this.#acquireAlone();
    try {
      if (how === "commit") this.#assertOpen();
      else this.assertNotEnded();
      await this.renew(how);
    } finally {
      release();
    }
  }

  async #undo(): Promise<void> {
    const release = await this.#acquireToEnd();
    try {
      if (!this.#committed) await this.undo();
    } catch (error) {
      // Whatever is open on a connection ends without a trace when that is closed.
      if (!(error instanceof DatabaseClosedError)) throw error;
    } finally {
      if (!this.#committed) this.pending?.rolledBack(this);
      this.over();
      release();
    }
  }

  /** The lock, for good. */
  async #acquireToEnd(): Promise<() => void> {
    this.#ending = true;
    const release = await this.#acquireAlone();
    this.#ending = false;
    return release;
  }

  /** The lock, in its turn: a savepoint that is still open was not awaited, and is undone. */
  async #acquireAlone(): Promise<() => void> {
    while (this.#child) await this.#child.rollback();
    return this.#lock.tryAcquire() ?? (await this.#lock.acquire());
  }

  /** The lock in its turn. Statements end some time, so that only a savepoint is not waited for without a limit. */
  async #acquire(signal: AbortSignal | undefined): Promise<() => void> {
    const { poolTimeout: timeout } = this;
    const extend = (): number | undefined => {
      const longer = this.#child ? timeout - this.#childAge : timeout;
      return this.#child && longer <= 0 ? undefined : longer;
    };
    try {
      return await this.#lock.acquire({ signal, timeout, extend });
    } catch (error) {
      const child = this.#child;
      if (!child || !(error instanceof WaitTimeoutError)) throw error;
      const statement = this.connection?.askedFor ?? this.connection?.lastStatement;
      const holder = { label: child.label, age: this.#childAge / 1000, statement };
      throw savepointTimeout({ label: this.label, timeout }, holder, error);
    }
  }

  /** Milliseconds. */
  get #childAge(): number {
    return performance.now() - this.#childSince;
  }

  #assertOpen(): void {
    this.assertNotEnded();
    this.signal?.throwIfAborted();
    if (this.lost) {
      throw new SessionClosedError(
        "SQLite has rolled this transaction back because a statement in it failed; nothing more can be done in it.",
        { cause: this.lost.cause },
      );
    }
  }

  /**
   * Some errors make SQLite roll the whole transaction back (https://sqlite.org/lang_transaction.html, "response to
   * errors within a transaction"), after which each statement would commit by itself. BEGIN tells: it fails inside a
   * transaction, and succeeds only where there is none any more.
   */
  async #notice(connection: Connection, error: unknown): Promise<void> {
    const ended = await connection.run("BEGIN").then(
      () => true,
      () => false,
    );
    if (!ended) return;
    this.lost = new Lost(error);
    await connection.run("ROLLBACK").catch(() => {});
  }
}

class Savepoint extends Scope {
  readonly #parent: Scope;
  readonly #leave: () => void;
  readonly depth: number;
  readonly name: string;
  readonly readonly: boolean;
  readonly label: string;
  readonly signal: AbortSignal | undefined;

  /** `leave` gives back the parent's lock, which is held for as long as the savepoint is open. */
  constructor(
    parent: Scope,
    { readonly = false, label = parent.label, signal }: SavepointOptions,
    leave: () => void,
  ) {
    super();
    this.label = label;
    this.readonly = readonly;
    this.signal = signal;
    this.#parent = parent;
    this.#leave = leave;
    this.depth = parent.depth + 1;
    this.name = `savepoint_${this.depth}`;
  }

  get poolTimeout(): number {
    return this.#parent.poolTimeout;
  }

  get connection(): Connection | undefined {
    return this.#parent.connection;
  }

  get lost(): Lost | undefined {
    return this.#parent.lost;
  }

  set lost(lost: Lost | undefined) {
    this.#parent.lost = lost;
  }

  get parent(): Scope {
    return this.#parent;
  }

  get pending(): PendingWrites | undefined {
    return this.#parent.pending;
  }

  set pending(pending: PendingWrites | undefined) {
    this.#parent.pending = pending;
  }

  isWithin(scope: TransactionScope): boolean {
    return scope === this || this.#parent.isWithin(scope);
  }

  begin(signal = this.signal): Promise<Connection> {
    return this.#parent.begin(signal);
  }

  control(sql: string): Promise<void> {
    return this.#parent.control(sql);
  }

  protected async keep(): Promise<void> {
    await this.control(`RELEASE ${this.name}`);
    this.#leave();
  }

  protected async renew(how: "commit" | "rollback"): Promise<void> {
    if (how === "rollback") {
      await this.control(`ROLLBACK TO ${this.name}`);
    } else {
      await this.control(`RELEASE ${this.name}`);
      await this.control(`SAVEPOINT ${this.name}`);
    }
  }

  protected async undo(): Promise<void> {
    try {
      if (this.lost) return;
      await this.control(`ROLLBACK TO ${this.name}`);
      await this.control(`RELEASE ${this.name}`);
    } catch (error) {
      // What the savepoint wrote may still be there, so the transaction around it must not commit.
      this.lost ??= new Lost(error);
      throw error;
    } finally {
      this.#leave();
    }
  }
}
