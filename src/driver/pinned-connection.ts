import type { Connection } from "./connection";
import { ConnectionPool } from "./connection-pool";
import type { SqliteDriver } from "./sqlite-driver";

/**
 * The connection that a query runner keeps because a statement changed the connection itself: with a pragma, a
 * temporary table, an ATTACH. Nobody else gets it in that state.
 */
export class PinnedConnection {
  readonly #driver: SqliteDriver;
  #taking: Promise<Connection> | undefined;
  connection: Connection | undefined;

  constructor(driver: SqliteDriver) {
    this.#driver = driver;
  }

  /** Whether it has one, or is waiting for it. */
  get isTaken(): boolean {
    return this.#taking !== undefined || this.connection !== undefined;
  }

  /** The writer, from now on this runner's. */
  async take(): Promise<Connection> {
    this.#taking ??= this.#driver.lender.acquire("writer", "query runner with a connection of its own");
    try {
      const connection = await this.#taking;
      await ConnectionPool.of(connection).markAltered(connection);
      this.adopt(connection);
      return connection;
    } catch (error) {
      this.#taking = undefined;
      throw error;
    }
  }

  /** Keeps a connection that the runner has for its transaction, also after that. */
  adopt(connection: Connection): void {
    this.connection = connection;
  }

  async giveBack(): Promise<void> {
    await this.#taking?.catch(() => {});
    const { connection } = this;
    this.connection = undefined;
    this.#taking = undefined;
    if (!connection) return;
    // A SAVEPOINT outside of a transaction begins one, and is not counted; mostly there is none.
    await connection.run("ROLLBACK").catch(() => {});
    await ConnectionPool.of(connection).release(connection);
  }
}
