import { DatabaseClosedError, DatabaseError } from "../errors";
import type { BindValue } from "../sql/bind-value";
import { anySignal } from "./any-signal";
import type { Changes, Connection, EngineError, Row } from "./connection";
import { refusedInSandbox } from "./refused-in-sandbox";

/** Those of nested sandboxes may have the same name: SQLite means the innermost (https://sqlite.org/lang_savepoint.html). */
const SAVEPOINT = "sandboxed";

/** Whether a commit has to look for rows that refer to nothing, because some foreign key waits for it. */
const IS_DEFERRED = `SELECT (SELECT defer_foreign_keys FROM pragma_defer_foreign_keys)
  OR EXISTS (SELECT 1 FROM sqlite_schema WHERE sql LIKE '%INITIALLY%DEFERRED%') AS deferred`;

/**
 * A connection inside of a transaction that will be rolled back. To whom it is lent it is a connection of its own: what
 * would begin, commit and roll back a transaction does so with a savepoint.
 */
export class SandboxConnection implements Connection {
  readonly role = "writer";
  askedFor: string | undefined;
  readonly #connection: Connection;
  readonly #ended = new AbortController();
  #inTransaction = false;
  /** What made SQLite roll back more than the savepoint. */
  #lost: DatabaseError | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  get lastStatement(): string | undefined {
    return this.#connection.lastStatement;
  }

  all(sql: string, values?: readonly BindValue[], signal?: AbortSignal): Promise<Row[]> {
    return this.#watched((stop) => this.#connection.all(sql, values, stop), signal);
  }

  async run(sql: string, values?: readonly BindValue[], signal?: AbortSignal): Promise<Changes> {
    const control = this.#controlOf(sql);
    if (!control) return await this.#watched((stop) => this.#connection.run(sql, values, stop), signal);
    await control();
    return { changes: 0, lastInsertRowid: 0 };
  }

  async script(sql: string): Promise<void> {
    await this.#watched(() => this.#connection.script(sql));
  }

  /** Who waits for the connection may be outside of the sandbox. */
  async commitAndBegin(): Promise<boolean> {
    await this.run("COMMIT");
    return false;
  }

  /** SQLite copies nothing while the connection itself writes (https://sqlite.org/c3ref/backup_finish.html). */
  async backup(): Promise<void> {
    throw refusedInSandbox("backup()");
  }

  /** Refuses what is sent from now on with `reason`, and interrupts what runs. */
  end(reason: Error): void {
    this.#ended.abort(reason);
  }

  /** The connection itself goes back to where it is from. */
  async close(): Promise<void> {
    this.end(new DatabaseClosedError());
  }

  async terminate(): Promise<void> {
    this.end(new DatabaseClosedError("The database was closed, which interrupted this."));
  }

  #controlOf(sql: string): (() => Promise<void>) | undefined {
    switch (sql) {
      case "BEGIN":
      case "BEGIN IMMEDIATE":
        return () => this.#begin();
      case "COMMIT":
        return () => this.#commit();
      case "ROLLBACK":
        return () => this.#rollback();
      default:
        return undefined;
    }
  }

  async #begin(): Promise<void> {
    if (this.#inTransaction) {
      // It is how a transaction finds out whether SQLite has ended it.
      if (this.#lost) return;
      throw engineError("SQLITE_ERROR", 1, "cannot start a transaction within a transaction");
    }
    await this.#send(`SAVEPOINT ${SAVEPOINT}`);
    this.#inTransaction = true;
  }

  async #commit(): Promise<void> {
    // RELEASE does not look at deferred foreign keys, because a transaction around it may still mend them.
    const [row] = await this.#watched((stop) => this.#connection.all(IS_DEFERRED, [], stop));
    if (row?.deferred) {
      const broken = await this.#watched((stop) =>
        this.#connection.all("PRAGMA foreign_key_check", [], stop),
      );
      if (broken.length > 0) throw engineError("SQLITE_CONSTRAINT", 19, "FOREIGN KEY constraint failed");
      await this.#send("PRAGMA defer_foreign_keys = OFF");
    }
    await this.#send(`RELEASE ${SAVEPOINT}`);
    this.#inTransaction = false;
  }

  async #rollback(): Promise<void> {
    if (!this.#inTransaction)
      throw engineError("SQLITE_ERROR", 1, "cannot rollback - no transaction is active");
    // What ended the sandbox has undone it already.
    if (!this.#lost && !this.#ended.signal.aborted) {
      await this.#send(`ROLLBACK TO ${SAVEPOINT}`);
      await this.#send(`RELEASE ${SAVEPOINT}`);
      await this.#send("PRAGMA defer_foreign_keys = OFF");
    }
    this.#inTransaction = false;
  }

  async #send(sql: string): Promise<void> {
    await this.#watched((stop) => this.#connection.run(sql, [], stop));
  }

  async #watched<T>(call: (stop: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.#lost) throw this.#lost;
    try {
      return await call(anySignal(signal, this.#ended.signal)!);
    } catch (error) {
      if (!this.#ended.signal.aborted) await this.#notice(error);
      throw error;
    }
  }

  /**
   * Some errors end the whole transaction, as ON CONFLICT ROLLBACK does, and with it all that the code under test has
   * committed. BEGIN succeeds only then.
   */
  async #notice(error: unknown): Promise<void> {
    const ended = await this.#connection.run("BEGIN").then(
      () => true,
      () => false,
    );
    if (!ended) return;
    await this.#connection.run("ROLLBACK").catch(() => {});
    this.#lost = new DatabaseError(
      "SANDBOX_LOST",
      "A statement failed in a way that made SQLite roll back everything in the sandbox, also what was committed " +
        "before. Restore it; to test code with ON CONFLICT ROLLBACK, or whose timeout or signal interrupts a write, use " +
        "a database of its own and reset().",
      { cause: error },
    );
  }
}

function engineError(code: string, errno: number, message: string): EngineError {
  return Object.assign(new Error(`${code}: ${message}`), { code, errno });
}
