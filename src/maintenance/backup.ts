import { randomUUID } from "node:crypto";
import { link, lstat, open, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { anySignal } from "../driver/any-signal";
import { openConnection } from "../driver/connection";
import { throwMapped } from "../driver/error-mapping";
import type { BackupProgress } from "../driver/native-backup";
import type { SqliteDataSource } from "../driver/sqlite-data-source";
import { ConfigurationError, DatabaseError } from "../errors";
import { checkCallOptions } from "../options/call-options";
import { describe } from "../options/describe";
import { copyPath } from "./copy-path";
import { damageOf } from "./integrity";

export type { BackupProgress } from "../driver/native-backup";

export interface BackupOptions {
  /** Called after every step of a few megabytes. What it throws, or rejects with, ends the backup. */
  readonly onProgress?: ((progress: BackupProgress) => void) | undefined;
  /** Ends the backup, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Files that SQLite keeps beside a database, and would take for those of a new one of that name. */
const COMPANIONS = ["-wal", "-shm", "-journal"];

/** Copies a snapshot to a file beside the target, checks it, and only then gives it its name. */
export async function backup(
  dataSource: SqliteDataSource,
  location: string | URL,
  options: BackupOptions,
): Promise<void> {
  checkCallOptions("backup", options, ["onProgress", "signal"]);
  const { onProgress = () => {}, signal } = options;
  if (typeof onProgress !== "function") {
    throw new ConfigurationError(
      `The onProgress of backup() must be a function (got ${describe(onProgress)}).`,
    );
  }
  const target = copyPath(location);
  signal?.throwIfAborted();
  await assertFree(target);
  // Without the name of the target, which may be as long as names can be.
  const part = join(dirname(target), `.${randomUUID()}.part`);
  try {
    await reserve(part, target, await modeOf(dataSource));
    await copyReporting(dataSource, part, onProgress, signal);
    await check(part);
    signal?.throwIfAborted();
    await sync(part);
    await rename(part, target);
  } finally {
    // What went wrong is what the caller must see, and not that something could not be removed either.
    for (const suffix of ["", ...COMPANIONS]) await rm(part + suffix, { force: true }).catch(() => {});
  }
}

async function assertFree(target: string): Promise<void> {
  for (const path of [target, ...COMPANIONS.map((suffix) => target + suffix)]) {
    const exists = await lstat(path).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === "ENAMETOOLONG")
          throw refused(target, "its name is too long. Choose a shorter one", error);
        return false;
      },
    );
    if (exists) throw refused(target, `${path} exists. Choose another name, or move that file away`);
  }
}

/** A copy is as private as the database. */
async function modeOf(dataSource: SqliteDataSource): Promise<number> {
  const { path } = dataSource.driver.settings.location;
  return path === ":memory:" ? 0o600 : (await stat(path)).mode & 0o777;
}

/** Makes the file before SQLite does, which knows no other mode than that of the process. */
async function reserve(part: string, target: string, mode: number): Promise<void> {
  try {
    const file = await open(part, "wx", mode);
    try {
      await file.chmod(mode);
    } finally {
      await file.close();
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const remedy =
      code === "ENOENT" ? "Make the folder first" : "Check that this process may write in the folder";
    throw refused(target, `${(error as Error).message}. ${remedy}`, error);
  }
}

/** No step waits for what `onProgress` promises, during which the copy would hold its connection; only its end does. */
async function copyReporting(
  dataSource: SqliteDataSource,
  part: string,
  onProgress: (progress: BackupProgress) => unknown,
  signal: AbortSignal | undefined,
): Promise<void> {
  const failing = new AbortController();
  const reports: unknown[] = [];
  const report = (progress: BackupProgress): void => {
    const reported = onProgress(progress);
    reports.push(reported);
    Promise.resolve(reported).catch((reason) => failing.abort(reason));
  };
  await copy(dataSource, part, report, anySignal(signal, failing.signal));
  await Promise.all(reports);
}

async function copy(
  dataSource: SqliteDataSource,
  part: string,
  onProgress: (progress: BackupProgress) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  const snapshot = dataSource.driver.openTransaction({ readonly: true, label: "backup", signal });
  try {
    await snapshot.run(async (connection) => {
      // A transaction has no snapshot before it has read: https://sqlite.org/isolation.html
      await connection.all("SELECT 1 FROM sqlite_schema LIMIT 1");
      await connection.backup(part, onProgress, signal);
    });
  } catch (error) {
    await throwMapped("backup", [part], error);
  } finally {
    await snapshot.rollback();
  }
}

/** Opens the copy as anyone would who needs it. */
async function check(part: string): Promise<void> {
  const connection = await openConnection({ path: part, mode: "rw", role: "writer" });
  try {
    const damage = await damageOf(connection);
    if (damage.length === 0) return;
    throw new DatabaseError(
      "BACKUP",
      `The copy is damaged, and so most likely is the database: ${damage.slice(0, 3).join("; ")}. ` +
        "checkIntegrity() tells more; keep the backups there are.",
    );
  } finally {
    await connection.close();
  }
}

async function sync(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** As one step, and never over a file that came meanwhile, which rename() would replace. */
async function rename(part: string, target: string): Promise<void> {
  try {
    await link(part, target);
  } catch (error) {
    throw refused(target, (error as Error).message, error);
  }
  // So that the name outlives a power loss; not every system can do that.
  await sync(dirname(target)).catch(() => {});
}

function refused(target: string, problem: string, cause?: unknown): DatabaseError {
  return new DatabaseError("BACKUP", `Cannot write a backup to ${JSON.stringify(target)}: ${problem}.`, {
    cause,
  });
}
