import { ConfigurationError, type SqliteDatabase } from "..";

/** What is done through a database until it is restored. */
export interface Sandbox extends AsyncDisposable {
  /**
   * Undoes everything since the sandbox was opened. Sessions that have not ended, and statements that still run, are
   * refused with `SessionClosedError`. Restoring twice is harmless.
   */
  restore(): Promise<void>;
}

/**
 * From now on, until `restore()`, everything that is done through this database is undone by it, also what the code
 * under test commits, wherever that runs in this process: all of it happens inside one transaction, in which sessions
 * and transactions are savepoints. Nobody else sees any of it.
 *
 * There is one connection meanwhile, so sessions take turns, readers too. Code that keeps two transactions open at
 * once, such as a session that awaits work it has detached, waits for itself until `poolTimeout`. What cannot be part
 * of a transaction (`vacuum`, `checkpoint`, `backup`, `synchronize`, migrations, `dropAll`) is refused. A sandbox in a
 * sandbox is part of it.
 *
 * @throws ConfigurationError for what is no `SqliteDatabase`
 * @throws PoolTimeoutError where a session that began before does not end
 * @throws NotInitializedError, DatabaseClosedError, BusyError
 * @example
 * const { restore } = await sandbox(database);
 * await request(app.getHttpServer()).post("/users").send({ username: "ada" }).expect(201);
 * await restore();
 */
export async function sandbox(database: SqliteDatabase): Promise<Sandbox> {
  const lender = (database as Partial<SqliteDatabase> | undefined | null)?.dataSource?.driver?.lender;
  if (!lender) {
    throw new ConfigurationError("sandbox() takes a SqliteDatabase. Await what creates or opens it first.");
  }
  const restore = await lender.openSandbox();
  return { restore, [Symbol.asyncDispose]: restore };
}
