import { setTimeout as sleep } from "node:timers/promises";
import { types } from "node:util";
import type { EngineError } from "./connection";

const FIRST_PAUSE = 1;
const LONGEST_PAUSE = 25;

export interface BusyRetryOptions {
  /** Milliseconds to go on trying, from the first BUSY on. */
  readonly busyTimeout: number;
  /** When to give up at the latest, as `performance.now()` tells the time: for several statements that share a timeout. */
  readonly deadline?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export function isEngineError(error: unknown): error is EngineError {
  // Not `instanceof Error`: in a Jest sandbox or a `vm` context, a native error may be of another realm.
  return types.isNativeError(error) && /^SQLITE_/.test(String((error as Partial<EngineError>).code));
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
  { busyTimeout, deadline, signal }: BusyRetryOptions,
): Promise<T> {
  let end = deadline;
  for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
    try {
      return await attempt();
    } catch (error) {
      const now = performance.now();
      end ??= now + busyTimeout;
      if (!isBusy(error) || now >= end) throw error;
      await sleep(Math.min(pause, end - now), undefined, { signal }).catch(() => signal?.throwIfAborted());
    }
  }
}
