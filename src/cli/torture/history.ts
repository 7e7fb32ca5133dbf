import { join } from "node:path";
import { GONE } from "./entities";
import { type BackupNote, type Entry, type Positions, positionsOf, readLedger } from "./ledger";

/** The states that a batch may be in: the one that was acknowledged last, then those that sessions were to bring. */
export interface Expectation {
  readonly acknowledged: string;
  readonly begun: readonly string[];
  /** Whether the last session that wrote it was to be rolled back. */
  readonly doomed: boolean;
}

const UNKNOWN: Expectation = { acknowledged: GONE, begun: [], doomed: false };

/** What the ledgers tell. */
export class History {
  readonly #batches = new Map<string, Expectation>();
  readonly counts = { acknowledged: 0, rolledBack: 0, refused: 0 };
  /** Backups that were begun, and those that were acknowledged. */
  readonly backups: { readonly begun: BackupNote[]; readonly acknowledged: BackupNote[] } = {
    begun: [],
    acknowledged: [],
  };
  readonly problems: string[] = [];

  /**
   * Reads all ledgers of a folder. What was acknowledged up to `since` must be there; what was acknowledged later
   * may be, as may what nobody was told of.
   */
  static read(folder: string, since: Positions = positionsOf(folder)): History {
    const history = new History();
    for (const name of Object.keys(positionsOf(folder))) {
      const path = join(folder, name);
      const known = since[name] ?? 0;
      for (const entry of readLedger(path, 0, known)) history.#add(entry, true);
      for (const entry of readLedger(path, known)) history.#add(entry, false);
    }
    return history;
  }

  get batches(): IterableIterator<string> {
    return this.#batches.keys();
  }

  /** What a batch may be; one that no ledger names must not exist. */
  expectationOf(batch: string): Expectation {
    return this.#batches.get(batch) ?? UNKNOWN;
  }

  #add(entry: Entry, isBinding: boolean): void {
    switch (entry.kind) {
      case "intent":
        this.#change(entry.batch, ({ begun }) => ({ begun: [...begun, entry.state], doomed: false }));
        break;
      case "doomed":
        this.#change(entry.batch, () => ({ doomed: true }));
        break;
      case "acknowledged":
        this.counts.acknowledged++;
        if (isBinding)
          this.#change(entry.batch, ({ begun }) => ({ acknowledged: begun.at(-1) ?? GONE, begun: [] }));
        break;
      case "settled":
        this.#change(entry.batch, () => ({ acknowledged: entry.state }));
        break;
      case "rejected":
        this.#reject(entry.batch, entry.code);
        break;
      case "begun":
        if (entry.backup) this.backups.begun.push(entry.backup);
        break;
      case "done":
        if (entry.backup) this.backups.acknowledged.push(entry.backup);
        break;
      case "problem":
        this.problems.push(entry.message);
        break;
    }
  }

  /** A session that rejects has changed nothing, whatever the reason. */
  #reject(batch: string, code: string): void {
    this.counts[code === "DELIBERATE" ? "rolledBack" : "refused"]++;
    this.#change(batch, ({ begun, doomed }) => (doomed ? {} : { begun: begun.slice(0, -1) }));
  }

  #change(batch: string, change: (before: Expectation) => Partial<Expectation>): void {
    const before = this.expectationOf(batch);
    this.#batches.set(batch, { ...before, ...change(before) });
  }
}
