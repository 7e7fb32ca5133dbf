import { setTimeout as sleep } from "node:timers/promises";
import { retryWhileBusy } from "../driver/busy-retry";
import type { Connection, Row } from "../driver/connection";
import { throwMapped } from "../driver/error-mapping";
import type { SqliteDataSource } from "../driver/sqlite-data-source";
import { ConfigurationError } from "../errors";
import { describe } from "../options/describe";

type Mode = "passive" | "full" | "restart" | "truncate";

/**
 * How far a checkpoint goes (https://sqlite.org/pragma.html#pragma_wal_checkpoint): `passive` copies what it can without
 * waiting for anyone; `full` waits until all is copied; `restart` also until nobody reads from the WAL any more, so that
 * the next writer begins it anew; `truncate` also empties the file. Small letters and capitals are the same.
 */
export type CheckpointMode = Mode | Uppercase<Mode>;

/** What a checkpoint did. Both numbers are -1 where there is no WAL. */
export interface CheckpointResult {
  /** Whether a reader, or another process, kept it from going as far as its mode says. */
  readonly busy: boolean;
  /** Pages in the WAL. */
  readonly log: number;
  /** How many of them have been copied into the database. */
  readonly checkpointed: number;
}

const MODES: ReadonlySet<unknown> = new Set<Mode>(["passive", "full", "restart", "truncate"]);

/** Readers are waited for in JavaScript, and not by SQLite on a thread of the pool. */
const PAUSE_MS = 2;

/** Waits for the writer's turn, then for up to `busyTimeout` for those who are in the way. */
export async function checkpoint(
  dataSource: SqliteDataSource,
  mode: CheckpointMode,
): Promise<CheckpointResult> {
  if (typeof mode !== "string" || !MODES.has(mode.toLowerCase())) {
    throw new ConfigurationError(
      `There is no checkpoint mode ${describe(mode)}; there are ${[...MODES].join(", ")}.`,
    );
  }
  const { driver } = dataSource;
  const sql = `PRAGMA wal_checkpoint(${mode})`;
  // Where another process has the file for itself, it is an error.
  const attempt = (connection: Connection): Promise<Row[]> =>
    retryWhileBusy(() => connection.all(sql), driver.settings).catch((error) =>
      throwMapped(sql, [], error, connection),
    );
  return await driver.lender.useOnce("writer", "checkpoint", async (connection) => {
    const end = performance.now() + driver.settings.busyTimeout;
    for (;;) {
      const [row] = await attempt(connection);
      const { busy, log, checkpointed } = row as Record<"busy" | "log" | "checkpointed", number>;
      if (busy === 0 || performance.now() >= end) return { busy: busy !== 0, log, checkpointed };
      await sleep(PAUSE_MS);
    }
  });
}
