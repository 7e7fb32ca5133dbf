import sqlite3, { type Database, type Statement } from "sqlite3";

/** `Database#prepare` would add a native call that binds nothing; the constructor is all that is needed. */
const PreparedStatement = sqlite3.Statement as unknown as new (
  handle: Database,
  sql: string,
  prepared: (error: Error | null) => void,
) => Statement;

/** Enough for the statements of a busy application; an entry costs SQLite some kilobytes. */
const MOST_STATEMENTS = 200;
/** Longer texts are bulk statements: large when prepared, and rarely sent twice. */
const LONGEST_TEXT = 8192;

/** What takes its answer from the schema when it is prepared, and would repeat it for ever. */
const ANSWERS_WHEN_PREPARED = /^\s*PRAGMA|\bEXPLAIN\b/i;

/** Prepared statements of one connection, by SQL text, the least recently used leaving first. */
export class StatementCache {
  readonly #handle: Database;
  readonly #statements = new Map<string, Statement>();

  constructor(handle: Database) {
    this.#handle = handle;
  }

  /**
   * A statement ready for one call, which {@link giveBack} must follow.
   * Where it cannot be prepared, `failed` is called and the call's own callback never is.
   */
  take(sql: string, failed: (error: Error) => void): Statement {
    const cached = this.#statements.get(sql);
    if (cached) {
      this.#statements.delete(sql);
      return cached;
    }
    return new PreparedStatement(this.#handle, sql, (error) => {
      if (error) failed(error);
    });
  }

  giveBack(sql: string, statement: Statement, error: Error | null): void {
    // After BUSY a statement is still running until it is reset, and keeps the ones after it from being committed.
    if (error || sql.length > LONGEST_TEXT || ANSWERS_WHEN_PREPARED.test(sql)) {
      statement.finalize();
      return;
    }
    this.#statements.set(sql, statement);
    if (this.#statements.size > MOST_STATEMENTS) {
      const [oldest] = this.#statements;
      if (oldest) this.#evict(...oldest);
    }
  }

  clear(): void {
    for (const [sql, statement] of this.#statements) this.#evict(sql, statement);
  }

  #evict(sql: string, statement: Statement): void {
    this.#statements.delete(sql);
    statement.finalize();
  }
}
