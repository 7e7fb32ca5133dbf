/** A prepared statement, whichever engine it is of. */
interface Finalizable {
  finalize(): unknown;
}

/** Prepares a text; where that is not possible `failed` is called, and the call on the statement never answers. */
export type Prepare<Statement> = (sql: string, failed: (error: Error) => void) => Statement;

/** Enough for the statements of a busy application; an entry costs SQLite some kilobytes. */
const MOST_STATEMENTS = 200;
/** Longer texts are bulk statements: large when prepared, and sent once, or again and again. */
export const SHORT_TEXT = 8192;
/** Prepared, a text takes about 15 times its own memory. */
const LONGEST_TEXT = 65_536;
/** After so many short ones a long one is over; it also keeps the values that were bound last. */
const MOST_AFTER_LONG = 50;

/** What takes its answer from the schema when it is prepared, and would repeat it for ever. */
const ANSWERS_WHEN_PREPARED = /^\s*PRAGMA|\bEXPLAIN\b/i;

/**
 * Prepared statements of one connection, by SQL text, the least recently used leaving first; and a single long one,
 * while that is sent repeatedly.
 */
export class StatementCache<Statement extends Finalizable> {
  readonly #prepare: Prepare<Statement>;
  readonly #statements = new Map<string, Statement>();
  /** The long text that was sent last; it is kept from the second time on. */
  #longText: string | undefined;
  #long: Statement | undefined;
  #afterLong = 0;

  constructor(prepare: Prepare<Statement>) {
    this.#prepare = prepare;
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
    const long = this.#long;
    if (long && sql === this.#longText) {
      this.#long = undefined;
      return long;
    }
    return this.#prepare(sql, failed);
  }

  giveBack(sql: string, statement: Statement, error: Error | null): void {
    // After BUSY a statement is still running until it is reset, and keeps the ones after it from being committed.
    if (error || sql.length > LONGEST_TEXT || ANSWERS_WHEN_PREPARED.test(sql)) {
      statement.finalize();
      return;
    }
    if (sql.length > SHORT_TEXT) {
      this.#giveBackLong(sql, statement);
      return;
    }
    if (this.#long && ++this.#afterLong > MOST_AFTER_LONG) this.#forgetLong();
    this.#statements.set(sql, statement);
    if (this.#statements.size > MOST_STATEMENTS) {
      const [oldest] = this.#statements;
      if (oldest) this.#evict(...oldest);
    }
  }

  clear(): void {
    for (const [sql, statement] of this.#statements) this.#evict(sql, statement);
    this.#forgetLong();
  }

  #giveBackLong(sql: string, statement: Statement): void {
    this.#afterLong = 0;
    if (sql === this.#longText) {
      this.#long = statement;
      return;
    }
    statement.finalize();
    this.#forgetLong();
    this.#longText = sql;
  }

  #forgetLong(): void {
    this.#long?.finalize();
    this.#long = undefined;
    this.#longText = undefined;
  }

  #evict(sql: string, statement: Statement): void {
    this.#statements.delete(sql);
    statement.finalize();
  }
}
