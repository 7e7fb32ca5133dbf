/** Numbers that look random and come again with the same seed (mulberry32). */
export class Random {
  #state: number;

  constructor(readonly seed: number) {
    this.#state = seed | 0;
  }

  /** From 0 to below 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 to below `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }
}

/** The seed from the environment variable SEED, or a new one. */
export function chooseSeed(): number {
  const given = process.env.SEED;
  return given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
}

/** A test that is different each time; where it fails, it says how to repeat it. */
export function randomTest(name: string, body: (random: Random) => Promise<void>): void {
  test(name, async () => {
    const random = new Random(chooseSeed());
    try {
      await body(random);
    } catch (error) {
      if (error instanceof Error) {
        error.message = `${error.message}\n\nRepeat it with SEED=${random.seed}`;
        error.stack = `${error.message}\n${error.stack ?? ""}`;
      }
      throw error;
    }
  });
}
