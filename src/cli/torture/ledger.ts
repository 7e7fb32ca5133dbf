import { closeSync, openSync, readdirSync, readFileSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";

/** What a worker can be told to do beside its sessions; `commit` is to announce the next one. */
export const CHORES = ["commit", "VACUUM", "backup", "checkpoint", "close"] as const;
export type Chore = (typeof CHORES)[number];

/** What a worker does beside its sessions. */
export type Activity = "open" | Chore;

/** How many bytes of each ledger had been written at some moment. */
export type Positions = Readonly<Record<string, number>>;

export type Entry =
  /** A session begins that will leave the batch in this state. */
  | { readonly kind: "intent"; readonly batch: string; readonly state: string }
  /** A session begins that will be rolled back on purpose. */
  | { readonly kind: "doomed"; readonly batch: string }
  /** The session's work is done; what follows is its commit. */
  | { readonly kind: "wrote"; readonly batch: string }
  /** `session()` has resolved. */
  | { readonly kind: "acknowledged"; readonly batch: string }
  /** `session()` has rejected. */
  | { readonly kind: "rejected"; readonly batch: string; readonly code: string }
  /** A former check found the batch in this state. */
  | { readonly kind: "settled"; readonly batch: string; readonly state: string }
  | { readonly kind: "begun"; readonly activity: Activity; readonly backup?: BackupNote | undefined }
  | { readonly kind: "done"; readonly activity: Activity; readonly backup?: BackupNote | undefined }
  | { readonly kind: "refused"; readonly activity: Activity }
  /** Something that must not happen. */
  | { readonly kind: "problem"; readonly message: string };

export interface BackupNote {
  readonly name: string;
  /** Whatever was acknowledged up to here must be in it. */
  readonly since: Positions;
}

/**
 * What a process was promised, outside of the database. A line is with the operating system before the next statement
 * runs, so it outlives the process; it does not outlive a power loss.
 */
export class Ledger {
  readonly #descriptor: number;

  constructor(path: string) {
    this.#descriptor = openSync(path, "a");
  }

  append(entry: Entry): void {
    writeSync(this.#descriptor, `${JSON.stringify(entry)}\n`);
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

/** How far the ledgers in `folder` have come. */
export function positionsOf(folder: string): Positions {
  return Object.fromEntries(readdirSync(folder).map((name) => [name, statSync(join(folder, name)).size]));
}

/** The entries from one byte of a ledger to another; a line that was not written to its end does not count. */
export function readLedger(path: string, from = 0, to?: number): Entry[] {
  const lines = readFileSync(path).subarray(from, to).toString().split("\n");
  return lines.slice(0, -1).map((line) => JSON.parse(line) as Entry);
}
