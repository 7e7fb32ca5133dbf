/** Thrown to a waiter whose turn did not come in time. */
export class WaitTimeoutError extends Error {}

export interface WaitOptions {
  /** Milliseconds to wait; `Infinity`, the default, waits for ever. */
  readonly timeout?: number | undefined;
  /** Asked when the time is up: how many milliseconds more to wait, if any. */
  readonly extend?: () => number | undefined;
  /** Stops waiting and rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** What for; of interest only to who gives what is waited for. */
  readonly purpose?: unknown;
}

/** One who waits in line: settled exactly once, by its turn, its timeout or its signal. */
export class Waiter<T> {
  readonly promise: Promise<T>;
  #resolve!: (value: T) => void;
  #reject!: (reason: unknown) => void;
  #timer: NodeJS.Timeout | undefined;
  #abort: (() => void) | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly purpose: unknown;

  /** `leave` is called when the waiter gives up, so that the line can forget it. */
  constructor(
    { timeout = Infinity, extend, signal, purpose }: WaitOptions,
    leave: (waiter: Waiter<T>) => void,
  ) {
    this.promise = new Promise<T>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const giveUp = (reason: unknown): void => {
      leave(this);
      this.reject(reason);
    };
    this.#signal = signal;
    this.purpose = purpose;
    const wait = (milliseconds: number): void => {
      this.#timer = setTimeout(() => {
        const longer = extend?.();
        if (longer === undefined) giveUp(new WaitTimeoutError(`waited ${timeout} ms`));
        else wait(longer);
      }, milliseconds);
    };
    if (timeout !== Infinity) wait(timeout);
    if (signal) {
      this.#abort = () => giveUp(signal.reason);
      if (signal.aborted) queueMicrotask(this.#abort);
      else signal.addEventListener("abort", this.#abort, { once: true });
    }
  }

  resolve(value: T): void {
    this.#settle();
    this.#resolve(value);
  }

  reject(reason: unknown): void {
    this.#settle();
    this.#reject(reason);
  }

  #settle(): void {
    clearTimeout(this.#timer);
    if (this.#abort) this.#signal?.removeEventListener("abort", this.#abort);
  }
}

/**
 * A lock that is given out in the order it was asked for.
 *
 * @example
 * const release = await lock.acquire();
 * try { … } finally { release(); }
 */
export class FairLock {
  #isHeld = false;
  readonly #waiters = new Set<Waiter<() => void>>();

  get isHeld(): boolean {
    return this.#isHeld;
  }

  get waiting(): number {
    return this.#waiters.size;
  }

  /** The lock at once, as {@link acquire} gives it, if it is free. */
  tryAcquire(): (() => void) | undefined {
    return this.#isHeld ? undefined : this.#take();
  }

  /** Resolves with the function that gives the lock back; calling that more than once is harmless. */
  async acquire(options: WaitOptions = {}): Promise<() => void> {
    options.signal?.throwIfAborted();
    if (!this.#isHeld) return this.#take();
    const waiter = new Waiter<() => void>(options, (gone) => this.#waiters.delete(gone));
    this.#waiters.add(waiter);
    return waiter.promise;
  }

  #take(): () => void {
    this.#isHeld = true;
    let released = false;
    return () => {
      if (released) return;
      released = true;
      this.#isHeld = false;
      const [next] = this.#waiters;
      if (next) {
        this.#waiters.delete(next);
        next.resolve(this.#take());
      }
    };
  }
}
