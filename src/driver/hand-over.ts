import type { Connection } from "./connection";

/**
 * Milliseconds for which the file's lock may stay in this process. Another process that waits for it asks only now and
 * then, and would nearly always find it taken; this is a tenth of the default of `busyTimeout`.
 */
const MOST_AT_A_STRETCH = 500;

/**
 * Begins the transaction that waits for the writer in the native call that commits the one before it. Whether that
 * succeeds is of no concern to the one that commits, and the other one then begins for itself.
 */
export class HandOver {
  /** Those on which the transaction of whoever gets them next has begun. */
  readonly #begun = new WeakSet<Connection>();

  /** When the first of those that followed each other without a pause was committed. */
  #since: number | undefined;

  hasBegun(connection: Connection): boolean {
    return this.#begun.has(connection);
  }

  async begin(connection: Connection): Promise<void> {
    if (!this.#begun.delete(connection)) await connection.run("BEGIN IMMEDIATE");
  }

  async commit(connection: Connection, isNextToBegin: boolean): Promise<void> {
    if (!isNextToBegin) this.#since = undefined;
    if (!isNextToBegin || !this.#mayGoOn()) await connection.run("COMMIT");
    else if (await connection.commitAndBegin()) this.#begun.add(connection);
  }

  /** Whether other processes had their chance, which they have again until nobody waits any more. */
  #mayGoOn(): boolean {
    const now = performance.now();
    this.#since ??= now;
    return now - this.#since < MOST_AT_A_STRETCH;
  }

  /** Where the transaction that was begun waits no longer. */
  async takeBack(connection: Connection): Promise<void> {
    this.#begun.delete(connection);
    await connection.run("ROLLBACK");
  }
}
