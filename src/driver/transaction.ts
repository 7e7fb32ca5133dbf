import { SessionClosedError } from "../errors";
import { FairLock } from "../pool/fair-lock";
import { retryWhileBusy } from "./busy-retry";
import type { Connection } from "./connection";

/** A transaction or a savepoint in one: what statements run in until it is committed or rolled back. */
export interface TransactionScope {
  readonly readonly: boolean;
  readonly label: string;
  /** Neither committed nor rolled back. */
  readonly isOpen: boolean;
  /** The connection it holds, once it has begun. */
  readonly connection: Connection | undefined;
  /** Whether this is `scope` or a savepoint inside it. */
  isWithin(scope: TransactionScope): boolean;
  /**
   * Runs `use` with the transaction's connection, alone: after the statements and savepoints that came before.
   * Begins the transaction if nothing has yet.
   */
  run<T>(use: (connection: Connection) => Promise<T>): Promise<T>;
  /** Opens a savepoint; what comes after in this scope waits until that has ended. */
  savepoint(options?: { readonly?: boolean }): Promise<TransactionScope>;
  commit(): Promise<void>;
  /** Ends it without a trace. Rolling back what has ended already is harmless. */
  rollback(): Promise<void>;
  /** Ends what was done so far in one of the two ways; the next statement begins anew. */
  restart(how: "commit" | "rollback"): Promise<void>;
}

/** Where a transaction gets its connection, and how it gives it back. */
export interface ConnectionSource {
  acquire(): Promise<Connection>;
  release(connection: Connection): Promise<void>;
  /** Takes back a connection whose state is unknown. */
  discard(connection: Connection): Promise<void>;
}

export interface TransactionOptions {
  readonly source: ConnectionSource;
  readonly readonly: boolean;
  /** Named in timeouts. */
  readonly label: string;
  /** Milliseconds to go on trying while another process holds the lock. */
  readonly busyTimeout: number;
  readonly signal?: AbortSignal | undefined;
  /** Sees the statements that begin and end it, for logging. */
  readonly observe?: (sql: string, run: () => Promise<unknown>) => Promise<unknown>;
  /** Called when it is over, however it ended. */
  readonly ended?: (transaction: TransactionScope) => void;
}

/** What the statement failed with that made SQLite end the transaction by itself. */
class Lost {
  constructor(readonly cause: unknown) {}
}

abstract class Scope implements TransactionScope {
  readonly #lock = new FairLock();
  /** The savepoint that is open in it and holds its lock. */
  #child: TransactionScope | undefined;
  #committed = false;
  #rollback: Promise<void> | undefined;
  isOpen = true;

  abstract readonly readonly: boolean;
  abstract readonly label: string;
  abstract readonly connection: Connection | undefined;
  abstract readonly depth: number;
  abstract lost: Lost | undefined;
  abstract isWithin(scope: TransactionScope): boolean;
  /** The connection, inside the transaction. This and what follows is called with the lock held. */
  abstract begin(): Promise<Connection>;
  /** A statement that begins, marks or ends the transaction, as the observer sees it. */
  abstract control(sql: string): Promise<void>;
  protected abstract keep(): Promise<void>;
  protected abstract undo(): Promise<void>;
  protected abstract renew(how: "commit" | "rollback"): Promise<void>;
  protected over(): void {}

  async run<T>(use: (connection: Connection) => Promise<T>): Promise<T> {
    const release = await this.#lock.acquire();
    try {
      this.#assertOpen();
      const connection = await this.begin();
      try {
        return await use(connection);
      } catch (error) {
        await this.#notice(connection, error);
        throw error;
      }
    } finally {
      release();
    }
  }

  async savepoint({ readonly = this.readonly } = {}): Promise<TransactionScope> {
    const release = await this.#lock.acquire();
    try {
      this.#assertOpen();
      await this.begin();
      const savepoint = new Savepoint(this, readonly, () => {
        this.#child = undefined;
        release();
      });
      await this.control(`SAVEPOINT ${savepoint.name}`);
      this.#child = savepoint;
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
    this.isOpen = false;
    this.#rollback ??= this.#undo();
    return this.#rollback;
  }

  async restart(how: "commit" | "rollback"): Promise<void> {
    const release = await this.#acquireToEnd();
    try {
      if (how === "commit") this.#assertOpen();
      else if (!this.isOpen) throw new SessionClosedError();
      await this.renew(how);
    } finally {
      release();
    }
  }

  async #undo(): Promise<void> {
    const release = await this.#acquireToEnd();
    try {
      if (!this.#committed) await this.undo();
    } finally {
      this.over();
      release();
    }
  }

  /** The lock, for good: a savepoint that is still open in it was not awaited, and is undone. */
  async #acquireToEnd(): Promise<() => void> {
    while (this.#child) await this.#child.rollback();
    return this.#lock.acquire();
  }

  #assertOpen(): void {
    if (!this.isOpen) throw new SessionClosedError();
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

/** The outermost scope: holds a connection from its first statement to its end. */
export class Transaction extends Scope {
  readonly #options: TransactionOptions;
  readonly depth = 0;
  #connection: Connection | undefined;
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

  get connection(): Connection | undefined {
    return this.#connection;
  }

  isWithin(scope: TransactionScope): boolean {
    return scope === this;
  }

  async begin(): Promise<Connection> {
    if (this.#connection) return this.#connection;
    const { source, readonly } = this.#options;
    const connection = await source.acquire();
    this.#connection = connection;
    try {
      // On the single connection of a memory database nothing else would stop a write.
      if (readonly && connection.role === "writer") await connection.run("PRAGMA query_only=ON");
      await this.control(readonly ? "BEGIN" : "BEGIN IMMEDIATE");
    } catch (error) {
      await this.#giveBack(connection);
      throw error;
    }
    return connection;
  }

  async control(sql: string): Promise<void> {
    const { busyTimeout, signal, observe } = this.#options;
    const connection = this.#connection!;
    const run = () => retryWhileBusy(() => connection.run(sql), { busyTimeout, signal });
    await (observe ? observe(sql, run) : run());
  }

  protected async keep(): Promise<void> {
    if (!this.#connection) return;
    await this.control("COMMIT");
    await this.#giveBack(this.#connection);
  }

  protected async undo(): Promise<void> {
    const connection = this.#connection;
    if (!connection) return;
    try {
      if (!this.lost) await this.control("ROLLBACK");
    } catch (error) {
      this.#connection = undefined;
      await this.#options.source.discard(connection);
      throw error;
    }
    await this.#giveBack(connection);
  }

  protected override over(): void {
    this.#options.ended?.(this);
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
    if (readonly && connection.role === "writer") await connection.run("PRAGMA query_only=OFF");
    await source.release(connection);
  }
}

class Savepoint extends Scope {
  readonly #parent: Scope;
  readonly #leave: () => void;
  readonly depth: number;
  readonly name: string;

  /** `leave` gives back the parent's lock, which is held for as long as the savepoint is open. */
  constructor(
    parent: Scope,
    readonly readonly: boolean,
    leave: () => void,
  ) {
    super();
    this.#parent = parent;
    this.#leave = leave;
    this.depth = parent.depth + 1;
    this.name = `savepoint_${this.depth}`;
  }

  get label(): string {
    return this.#parent.label;
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

  isWithin(scope: TransactionScope): boolean {
    return scope === this || this.#parent.isWithin(scope);
  }

  begin(): Promise<Connection> {
    return this.#parent.begin();
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
