/** What opens and closes. */
export interface Lifecycled {
  open(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opening and closing as everyone expects them: concurrent calls share one run, closing waits for opening and the other
 * way round, what failed to open can be opened again, and closing what is closed is harmless.
 */
export class Lifecycle {
  readonly #subject: Lifecycled;
  #opening: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  /** `new` before it was ever open. */
  state: "new" | "open" | "closing" | "closed" = "new";

  constructor(subject: Lifecycled) {
    this.#subject = subject;
  }

  open(): Promise<void> {
    this.#opening ??= this.#open();
    return this.#opening;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close().finally(() => {
      this.#closing = undefined;
    });
    return this.#closing;
  }

  async #open(): Promise<void> {
    try {
      await this.#closing?.catch(() => {});
      await this.#subject.open();
      this.state = "open";
    } catch (error) {
      this.#opening = undefined;
      throw error;
    }
  }

  async #close(): Promise<void> {
    await this.#opening?.catch(() => {});
    if (this.state !== "open") return;
    this.state = "closing";
    // Whoever opens from here on waits for the end of this.
    this.#opening = undefined;
    try {
      await this.#subject.close();
    } finally {
      this.state = "closed";
    }
  }
}
