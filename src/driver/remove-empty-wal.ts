import { realpath, stat } from "node:fs/promises";
import { openConnection } from "./connection";

/**
 * Has SQLite remove the WAL and its index, which it makes also for reading only, and which a read-only connection
 * leaves behind (https://sqlite.org/wal.html#read_only_databases). It keeps them as long as anyone has the file open.
 *
 * Never rejects: where nobody may write, they stay. So does a WAL with something in it, which is to be recovered by
 * someone who wants to write.
 */
export async function removeEmptyWal(path: string): Promise<void> {
  try {
    // SQLite names it after the file that a link leads to.
    if ((await stat(`${await realpath(path)}-wal`)).size > 0) return;
    const connection = await openConnection({ path, mode: "rw", role: "writer" });
    try {
      // The WAL is opened by the first look into the file, and removed only by who has opened it.
      await connection.all("PRAGMA schema_version");
    } finally {
      await connection.close();
    }
  } catch {
    // There is no WAL, or no writing.
  }
}
