import type { SqliteDataSource } from "../driver/sqlite-data-source";
import { DatabaseClosedError } from "../errors";
import { checkCallOptions } from "../options/call-options";
import { copyPath } from "./copy-path";

export interface VacuumOptions {
  /** Write a compact copy to this path, where there must be no file yet, instead of rebuilding the database. */
  readonly into?: string | undefined;
}

/** Waits for the writer's turn and vacuums. */
export async function vacuum(dataSource: SqliteDataSource, options: VacuumOptions): Promise<void> {
  checkCallOptions("vacuum", options, ["into"]);
  // SQLite writes a copy without a name, or into memory, and forgets it at once: https://sqlite.org/lang_vacuum.html#vacuuminto
  const into = options.into === undefined ? undefined : copyPath(options.into);
  const runner = dataSource.createQueryRunner();
  try {
    if (into !== undefined) {
      // Which forbids writing to every file, while under ?mode=ro SQLite itself refuses to write to the one that is open.
      if (dataSource.driver.settings.location.mode === "ro") await runner.query("PRAGMA query_only=OFF");
      await runner.query("VACUUM INTO ?", [into]);
      return;
    }
    await runner.query("VACUUM");
    // In WAL mode the file shrinks at the next checkpoint; a reader may put that off.
    await runner.query("PRAGMA wal_checkpoint(TRUNCATE)").catch((error) => {
      // So does close(), which has begun meanwhile.
      if (!(error instanceof DatabaseClosedError)) throw error;
    });
  } finally {
    await runner.release();
  }
}
