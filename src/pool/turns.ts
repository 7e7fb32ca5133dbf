import { Waiter } from "./fair-lock";

interface TurnsOptions {
  /** How many have a turn at once. */
  readonly permits: number;
  /** Milliseconds without a turn given back, after which nobody waits any longer. */
  readonly patience: number;
}

const NO_TURN = (): void => {};

/**
 * Turns in the order they were asked for, for as long as they are given back soon. Where none is for a while, those who
 * wait go on without one: they wait for something slow, and not only for each other.
 *
 * @example
 * const done = await turns.take();
 * try { … } finally { done(); }
 */
export class Turns {
  readonly #patience: number;
  readonly #waiters = new Set<Waiter<() => void>>();
  #free: number;
  /** Runs while someone waits. One for all, as a timer for each would cost more than a short turn. */
  #timer: NodeJS.Timeout | undefined;
  /** Since when nothing was given back, on the clock of `performance`. */
  #stalledSince = 0;

  constructor({ permits, patience }: TurnsOptions) {
    this.#free = permits;
    this.#patience = patience;
  }

  /** Whether there is a turn at once. */
  get isFree(): boolean {
    return this.#free > 0;
  }

  /** A turn at once, if there is one: the function that gives it back, to be called once. */
  tryTake(): (() => void) | undefined {
    return this.#free > 0 ? this.#begin() : undefined;
  }

  /** Resolves with the function that gives the turn back, to be called once. */
  async take(signal?: AbortSignal): Promise<() => void> {
    signal?.throwIfAborted();
    if (this.#free > 0) return this.#begin();
    const waiter = new Waiter<() => void>({ signal }, (gone) => {
      this.#waiters.delete(gone);
      this.#settle();
    });
    this.#waiters.add(waiter);
    if (this.#timer === undefined) {
      this.#stalledSince = performance.now();
      this.#watch(this.#patience);
    }
    return waiter.promise;
  }

  #begin(): () => void {
    this.#free--;
    return () => {
      this.#free++;
      if (this.#timer !== undefined) this.#stalledSince = performance.now();
      const [next] = this.#waiters;
      if (!next) return;
      this.#waiters.delete(next);
      this.#settle();
      next.resolve(this.#begin());
    };
  }

  /** Timers are not always Node's, which can be started again: a test's fake ones and jsdom's cannot. */
  #watch(milliseconds: number): void {
    this.#timer = setTimeout(() => {
      const left = this.#stalledSince + this.#patience - performance.now();
      if (left > 0) this.#watch(left);
      else this.#goOn();
    }, milliseconds);
  }

  #goOn(): void {
    for (const waiter of this.#waiters) waiter.resolve(NO_TURN);
    this.#waiters.clear();
    this.#settle();
  }

  #settle(): void {
    if (this.#waiters.size > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
