import type { Database } from "sqlite3";
import { admission, type Role } from "./admission";

/** How far a copy has come, in pages of the database. */
export interface BackupProgress {
  readonly totalPages: number;
  readonly remainingPages: number;
}

/** What sqlite3 has and its types leave out (https://sqlite.org/c3ref/backup_finish.html). */
interface NativeBackup {
  readonly remaining: number;
  readonly pageCount: number;
  step(pages: number, callback: (error: Error | null, isDone: boolean) => void): void;
  finish(callback: () => void): void;
}

type BackupSource = Database & {
  backup(path: string, callback: (error: Error | null) => void): NativeBackup;
};

/** So few that a step ends soon: it cannot be interrupted. */
const PAGES_A_STEP = 500;

/**
 * Copies what the connection sees into a file, step by step; between two steps the thread is everyone's.
 *
 * The connection must be in a transaction that has read: else every commit of another one makes the copy begin anew
 * (https://sqlite.org/c3ref/backup_finish.html#sqlite3_backup_step).
 *
 * @param proceed called after each step; what it throws ends the copy
 */
export async function copyDatabase(
  handle: Database,
  role: Role,
  path: string,
  proceed: (progress: BackupProgress) => void,
): Promise<void> {
  const backup = await admitted<NativeBackup>(role, (settle) => {
    const begun = (handle as BackupSource).backup(path, (error) => settle(error, begun));
  });
  try {
    for (let isDone = false; !isDone; ) {
      isDone = await admitted<boolean>(role, (settle) => backup.step(PAGES_A_STEP, settle));
      proceed({ totalPages: backup.pageCount, remainingPages: backup.remaining });
    }
  } finally {
    await admitted<void>(role, (settle) => backup.finish(() => settle(null)));
  }
}

function admitted<T>(
  role: Role,
  call: (settle: (error: Error | null, result?: T) => void) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    admission.enter(role, () =>
      call((error, result) => {
        admission.leave(role);
        if (error) reject(error);
        else resolve(result as T);
      }),
    );
  });
}
