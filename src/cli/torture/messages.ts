import type { Activity, Chore } from "./ledger";

/** The argument of a worker, as JSON. */
export interface WorkerOptions {
  readonly folder: string;
  /** Of this worker alone, in the whole run. */
  readonly name: string;
  readonly seed: number;
  /** How many write at the same time. */
  readonly sessions: number;
  readonly synchronous: "NORMAL" | "FULL";
}

export interface ToWorker {
  readonly perform: Chore;
}

export type FromWorker = { readonly begun: Activity } | { readonly done: Activity };
