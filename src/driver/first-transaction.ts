import type { Connection } from "./connection";

/**
 * Runs the first transaction of a new file in one call.
 *
 * @param transaction from BEGIN to COMMIT
 * @returns whether it was committed. If not, nothing has changed; why, is found by running what is in it one by one
 */
export async function runFirstTransaction(connection: Connection, transaction: string): Promise<boolean> {
  try {
    await connection.script(transaction);
    return true;
  } catch {
    // There is none where it did not begin.
    await connection.script("ROLLBACK").catch(() => {});
    return false;
  }
}
