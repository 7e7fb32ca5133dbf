import { setTimeout as sleep } from "node:timers/promises";
import type { EngineError } from "./connection";

const FIRST_PAUSE = 1;
const LONGEST_PAUSE = 25;

export interface BusyRetryOptions {
  /** Milliseconds to go on trying. */
  readonly busyTimeout: number;
  readonly signal?: AbortSignal | undefined;
}

export function isEngineError(error: unknown): error is EngineError {
  return error instanceof Error && typeof (error as Partial<EngineError>).errno === "number";
}

export function isBusy(error: unknown): boolean {
  return isEngineError(error) && error.code === "SQLITE_BUSY";
}

/**
 * Runs `attempt` again while another process holds the lock.
 *
 * SQLite's own busy handler would sleep on a thread of libuv's pool, four of which stop the whole process; this waits
 * on a timer. Only for what had no effect when it failed with BUSY: an autocommit statement, BEGIN, COMMIT, the first
 * read of a transaction.
 */
export async function retryWhileBusy<T>(
  attempt: () => Promise<T>,
  { busyTimeout, signal }: BusyRetryOptions,
): Promise<T> {
  let deadline: number | undefined;
  for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
    try {
      return await attempt();
    } catch (error) {
      const now = performance.now();
      deadline ??= now + busyTimeout;
      if (!isBusy(error) || now >= deadline) throw error;
      await sleep(Math.min(pause, deadline - now), undefined, { signal });
    }
  }
}
