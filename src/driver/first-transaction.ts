import { canonicalPragma } from "../options/pragma-matches";
import { type Pragma, pragmaStatement } from "../options/pragmas";
import type { Connection } from "./connection";

/** What SQLite does unless told otherwise: https://sqlite.org/pragma.html#pragma_wal_autocheckpoint */
const AUTOCHECKPOINT: Pragma = { name: "wal_autocheckpoint", value: 1000, scope: "connection" };

/**
 * Runs the first transaction of a new file in one call, without waiting for the disk where nothing that follows would.
 *
 * @param transaction from BEGIN to COMMIT
 * @returns whether it was committed. If not, nothing has changed; why, is found by running what is in it one by one
 */
export async function runFirstTransaction(
  connection: Connection,
  transaction: string,
  pragmas: readonly Pragma[],
): Promise<boolean> {
  const relaxed = relax(pragmas);
  try {
    await connection.script([...relaxed.before, transaction, ...relaxed.after].join("; "));
    return true;
  } catch {
    // There is none where it did not begin.
    await connection.script("ROLLBACK").catch(() => {});
    if (relaxed.after.length > 0) await connection.script(relaxed.after.join("; "));
    return false;
  }
}

/**
 * With `synchronous = NORMAL` no commit waits for the disk. Only the first write to a WAL does, lest one that was used
 * before is taken for what it says now (https://sqlite.org/src/info/ff5be73dee): this one was not. A checkpoint waits for
 * the WAL before it writes to the file, and must not come in between.
 */
function relax(pragmas: readonly Pragma[]): { before: readonly string[]; after: readonly string[] } {
  const has = (wanted: string, setting: unknown) =>
    pragmas.some(({ name, value }) => name === wanted && canonicalPragma(name, value) === setting);
  if (!has("journal_mode", "wal") || !has("synchronous", 1)) return { before: [], after: [] };
  const changed = pragmas.filter(({ name }) => name === "synchronous" || name === AUTOCHECKPOINT.name);
  return {
    before: ["PRAGMA wal_autocheckpoint = 0", "PRAGMA synchronous = OFF"],
    after: [AUTOCHECKPOINT, ...changed].map(pragmaStatement),
  };
}
