import { stat } from "node:fs/promises";
import { setImmediate as turn } from "node:timers/promises";

/** A promise that the test settles: where the one side of a race waits for the other. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(reason: unknown): void;
}

export function deferred<T = void>(): Deferred<T> {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<T>((fulfil, refuse) => {
    resolve = fulfil;
    reject = refuse;
  });
  return { promise, resolve, reject };
}

/** Lets everyone go on once `count` have arrived. */
export function barrier(count: number): () => Promise<void> {
  const { promise, resolve } = deferred();
  let arrived = 0;
  return () => {
    arrived++;
    if (arrived >= count) resolve();
    return promise;
  };
}

/** Lets everything happen that waits for nothing but its turn in the event loop. */
export async function settle(): Promise<void> {
  for (let turns = 0; turns < 5; turns++) await turn();
}

/** Lets native calls that were started, and those that follow them, come back from libuv's threads as well. */
export async function settleNative(): Promise<void> {
  for (let turns = 0; turns < 5; turns++) {
    await stat("/");
    await settle();
  }
}

/** Whether a promise still waits after everything that could happen at once has happened. */
export async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const settle = (): void => {
    settled = true;
  };
  promise.then(settle, settle);
  await settleNative();
  return !settled;
}

/** Resolves when `condition` holds; the test's own time limit ends it otherwise. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn();
}
