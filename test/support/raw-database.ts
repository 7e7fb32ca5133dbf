import sqlite3 from "sqlite3";

export type RawRow = Record<string, unknown>;

/**
 * A connection that the library knows nothing of: the witness of what others see, and the other process that holds a
 * lock. It is of the same SQLite library, because two of them in one process break each other's POSIX locks
 * (https://sqlite.org/howtocorrupt.html#_multiple_copies_of_sqlite_linked_into_the_same_application).
 */
export class RawDatabase {
  readonly #handle: sqlite3.Database;

  private constructor(handle: sqlite3.Database) {
    this.#handle = handle;
    handle.configure("busyTimeout", 0);
  }

  static open(path: string): Promise<RawDatabase> {
    return new Promise((resolve, reject) => {
      const handle = new sqlite3.Database(path, (error) =>
        error ? reject(error) : resolve(new RawDatabase(handle)),
      );
    });
  }

  all(sql: string): Promise<RawRow[]> {
    return traced((settle) => this.#handle.all<RawRow>(sql, settle));
  }

  /** Runs every statement of the text. */
  async exec(sql: string): Promise<void> {
    await traced((settle) => this.#handle.exec(sql, (error) => settle(error, undefined)));
  }

  async close(): Promise<void> {
    await traced((settle) => this.#handle.close((error) => settle(error, undefined)));
  }
}

/** A native error has no stack; this one tells which call of the test it was. */
async function traced<T>(call: (settle: (error: Error | null, result: T) => void) => void): Promise<T> {
  try {
    return await new Promise<T>((resolve, reject) => {
      call((error, result) => (error ? reject(error) : resolve(result)));
    });
  } catch (error) {
    throw new Error(`the raw connection: ${(error as Error).message}`, { cause: error });
  }
}

/** Lets `work` use a raw connection to the file at `path`. */
export async function withRaw<T>(path: string, work: (raw: RawDatabase) => Promise<T>): Promise<T> {
  const raw = await RawDatabase.open(path);
  try {
    return await work(raw);
  } finally {
    await raw.close();
  }
}

/** What a second connection, opened for just this query, sees. */
export function rawRead(path: string, sql: string): Promise<RawRow[]> {
  return withRaw(path, (raw) => raw.all(sql));
}

/** Runs statements through a second connection, as another process would. */
export function rawExec(path: string, sql: string): Promise<void> {
  return withRaw(path, (raw) => raw.exec(sql));
}
