/** Counts what has begun and not ended. */
export class WorkInFlight {
  #count = 0;
  #allEnded: (() => void) | undefined;

  /** The function to call when it has ended, once or more often. */
  begin(): () => void {
    this.#count++;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      if (--this.#count === 0) this.#allEnded?.();
    };
  }

  /** Resolves once nothing is in flight any more. */
  async allEnded(): Promise<void> {
    if (this.#count === 0) return;
    await new Promise<void>((resolve) => {
      this.#allEnded = resolve;
    });
  }
}
