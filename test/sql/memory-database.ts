import sqlite3 from "sqlite3";

export type Row = Record<string, unknown>;

/** SQLite itself, as the judge of what a text means. */
export class MemoryDatabase {
  readonly #handle = new sqlite3.Database(":memory:");

  /** Prepares, runs and finalizes the first statement of the text. */
  all(sql: string, values: unknown = []): Promise<Row[]> {
    return new Promise((resolve, reject) => {
      this.#handle.all<Row>(sql, values, (error, rows) => (error ? reject(error) : resolve(rows)));
    });
  }

  /** Runs every statement of the text. */
  exec(sql: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#handle.exec(sql, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** The message with which SQLite refuses a statement, or undefined. */
  async refusal(sql: string, values: unknown = []): Promise<string | undefined> {
    return this.all(sql, values).then(
      () => undefined,
      (error: Error) => error.message,
    );
  }

  close(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#handle.close((error) => (error ? reject(error) : resolve()));
    });
  }
}
