/** What opens and closes. */
export interface Lifecycled {
  open(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opening and closing as everyone expects them: calls of one kind in a row share one run, each run waits for the one
 * before it, so that the last call decides; what failed to open can be opened again.
 */
export class Lifecycle {
  readonly #subject: Lifecycled;
  /** The run that was asked for last, until it fails. */
  #latest: { readonly kind: "open" | "close"; readonly done: Promise<void> } | undefined;
  /** `new` before it was ever open; `closing` from the call on. */
  state: "new" | "open" | "closing" | "closed" = "new";

  constructor(subject: Lifecycled) {
    this.#subject = subject;
  }

  open(): Promise<void> {
    return this.#next("open", async () => {
      await this.#subject.open();
      this.state = "open";
    });
  }

  close(): Promise<void> {
    if (this.state === "open") this.state = "closing";
    return this.#next("close", async () => {
      if (this.state !== "open" && this.state !== "closing") return;
      this.state = "closing";
      try {
        await this.#subject.close();
      } finally {
        this.state = "closed";
      }
    });
  }

  #next(kind: "open" | "close", run: () => Promise<void>): Promise<void> {
    if (this.#latest?.kind === kind) return this.#latest.done;
    // Whether the one before succeeded is for its own callers.
    const before = this.#latest?.done.catch(() => {});
    const done = before ? before.then(run) : run();
    const latest = { kind, done };
    this.#latest = latest;
    const forget = (): void => {
      if (this.#latest === latest) this.#latest = undefined;
    };
    // A run of closing leaves nothing to share; one of opening only where it failed.
    done.then(kind === "close" ? forget : undefined, forget);
    return done;
  }
}
