import { ResultError, UnsafeIntegerError } from "../errors";

/** What a {@link Result} is made of. */
export interface ResultData<T> {
  readonly rows: T[];
  readonly columns: string[];
  readonly changes: number;
  readonly lastInsertRowid: number;
}

/**
 * What a statement gave: its rows, and what it changed.
 *
 * @example
 * const result = await database.exec<User>("SELECT * FROM users WHERE age > :age", { age: 21 });
 * for (const user of result) console.log(user.username);
 *
 * const { changes } = await database.exec("DELETE FROM users WHERE age < 18");
 */
export class Result<T = Record<string, unknown>> implements Iterable<T> {
  /** Empty if the statement has no result set. */
  readonly rows: T[];
  /** The names of the columns, in the order of the statement. */
  readonly columns: string[];
  /** How many rows were inserted, updated or deleted; 0 for a statement that only reads. */
  readonly changes: number;
  /**
   * The rowid of the last row inserted (https://sqlite.org/c3ref/last_insert_rowid.html). Reading one beyond ±2^53
   * throws an `UnsafeIntegerError`: it has been rounded.
   */
  declare readonly lastInsertRowid: number;

  constructor({ rows, columns, changes, lastInsertRowid }: ResultData<T>) {
    this.rows = rows;
    this.columns = columns;
    this.changes = changes;
    Object.defineProperty(this, "lastInsertRowid", rowidProperty(lastInsertRowid));
  }

  [Symbol.iterator](): Iterator<T> {
    return this.rows[Symbol.iterator]();
  }

  /** Every row. */
  all(): T[] {
    return this.rows;
  }

  /** The first row, or `null` if there is none. Further rows do not matter. */
  first(): T | null {
    return this.rows[0] ?? null;
  }

  /**
   * The only row.
   *
   * @throws {ResultError} if there is none, or more than one
   */
  one(): T {
    const row = this.oneOrNull();
    if (row === null)
      throw new ResultError("Expected one row, but there is none. Use oneOrNull() if that is fine.");
    return row;
  }

  /**
   * The only row, or `null` if there is none.
   *
   * @throws {ResultError} if there is more than one
   */
  oneOrNull(): T | null {
    if (this.rows.length > 1) {
      throw new ResultError(
        `Expected one row, but there are ${this.rows.length}. Use first() if any will do.`,
      );
    }
    return this.first();
  }

  /** The first column of the first row, or `null` if there is no row. */
  scalar<V = unknown>(): V | null {
    const row = this.first();
    return row === null ? null : this.#firstColumn<V>(row);
  }

  /** The first column of every row. */
  scalars<V = unknown>(): V[] {
    return this.rows.map((row) => this.#firstColumn<V>(row));
  }

  #firstColumn<V>(row: T): V {
    return (row as Record<string, unknown>)[this.columns[0] ?? ""] as V;
  }
}

/** The row was written, so only who asks for its rowid is to be refused. */
function rowidProperty(rowid: number): PropertyDescriptor {
  if (Number.isSafeInteger(rowid)) return { value: rowid, enumerable: true };
  const remedy = "Add RETURNING CAST(rowid AS TEXT) AS rowid to the INSERT, and make a BigInt of it.";
  return {
    enumerable: false,
    get: () => {
      throw new UnsafeIntegerError("rowid", remedy);
    },
  };
}
