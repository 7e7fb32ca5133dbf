import type { Connection } from "./connection";

/**
 * Begins the transaction that waits for the writer in the native call that commits the one before it. Whether that
 * succeeds is of no concern to the one that commits, and the other one then begins for itself.
 */
export class HandOver {
  /** Those on which the transaction of whoever gets them next has begun. */
  readonly #begun = new WeakSet<Connection>();

  hasBegun(connection: Connection): boolean {
    return this.#begun.has(connection);
  }

  async begin(connection: Connection): Promise<void> {
    if (!this.#begun.delete(connection)) await connection.run("BEGIN IMMEDIATE");
  }

  async commit(connection: Connection, isNextToBegin: boolean): Promise<void> {
    if (!isNextToBegin) await connection.run("COMMIT");
    else if (await connection.commitAndBegin()) this.#begun.add(connection);
  }

  /** Where the transaction that was begun waits no longer. */
  async takeBack(connection: Connection): Promise<void> {
    this.#begun.delete(connection);
    await connection.run("ROLLBACK");
  }
}
