import { showCaller } from "./caller-stack";

/** Where the rows of a {@link RowStream} come from. */
export interface Pages<T> extends AsyncIterator<readonly T[], void> {
  return(): Promise<IteratorResult<readonly T[], void>>;
}

/**
 * Rows one by one, from pages. An async generator does the same with several promises for each row, each of which
 * `AsyncLocalStorage` takes note of; this needs one.
 */
export class RowStream<T> implements AsyncIterableIterator<T> {
  readonly #pages: Pages<T>;
  readonly #signal: AbortSignal | undefined;
  readonly #asked = new Error("asked for here");
  #page: readonly T[] = [];
  #next = 0;
  #ended = false;
  /** The calls that have not come back, which those that follow wait for. */
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(pages: Pages<T>, signal?: AbortSignal) {
    this.#pages = pages;
    this.#signal = signal;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#waiting === 0 && this.#next < this.#page.length && !this.#signal?.aborted) {
      return Promise.resolve({ value: this.#page[this.#next++]!, done: false });
    }
    return this.#inTurn(() => this.#advance());
  }

  /** Ends the reading, which frees the connection. */
  return(): Promise<IteratorResult<T, undefined>> {
    return this.#inTurn(async () => {
      await this.#end();
      return { value: undefined, done: true };
    });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async #advance(): Promise<IteratorResult<T, undefined>> {
    for (;;) {
      if (this.#ended) return { value: undefined, done: true };
      if (this.#signal?.aborted) {
        await this.#end();
        throw this.#signal.reason;
      }
      if (this.#next < this.#page.length) return { value: this.#page[this.#next++]!, done: false };
      try {
        const { value, done } = await this.#pages.next();
        this.#page = value ?? [];
        this.#next = 0;
        this.#ended = done === true;
      } catch (error) {
        this.#ended = true;
        showCaller(error, this.#asked);
        throw error;
      }
    }
  }

  async #end(): Promise<void> {
    this.#ended = true;
    this.#page = [];
    await this.#pages.return();
  }

  async #inTurn<R>(call: () => Promise<R>): Promise<R> {
    const before = this.#last;
    this.#waiting++;
    const result = before.then(call).finally(() => {
      this.#waiting--;
    });
    this.#last = result.catch(() => {});
    return await result;
  }
}
