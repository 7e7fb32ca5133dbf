import { statSync } from "node:fs";

/** A file, whatever its name. */
export interface FileIdentity {
  /** Device and inode: another file in its place has others. */
  readonly identity: string;
  /** Whether it has 0 bytes. */
  readonly isEmpty: boolean;
}

/** The file at a path, if there is one. Looked up without a turn of the event loop, which takes some microseconds. */
export function identify(path: string): FileIdentity | undefined {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stats && { identity: `${stats.dev}:${stats.ino}`, isEmpty: stats.size === 0n };
}

/** Whether there is nothing at a path, or a file of 0 bytes. What cannot be looked up is taken for something. */
export function isNothingAt(path: string): boolean {
  try {
    return identify(path)?.isEmpty ?? true;
  } catch {
    return false;
  }
}
