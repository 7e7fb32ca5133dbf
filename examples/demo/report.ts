import { performance } from "node:perf_hooks";

/** Thrown by {@link check}; ends the demo with exit code 1. */
export class CheckFailed extends Error {
  override readonly name = "CheckFailed";
}

/** States what has just been shown, or ends the demo because it is not so. */
export function check(holds: boolean, statement: string): asserts holds {
  expect(holds, statement);
  line(`✓ ${statement}`);
}

/** A check that is not worth a line of its own when it holds. */
export function expect(holds: boolean, statement: string): asserts holds {
  if (!holds) throw new CheckFailed(`Not so: ${statement}`);
}

export function line(text: string): void {
  console.log(`   ${text}`);
}

/** Runs one numbered part of the demo and says how long it took. */
export async function step<T>(title: string, work: () => Promise<T>): Promise<T> {
  console.log(`\n${title}`);
  const start = performance.now();
  const result = await work();
  line(`(${duration(performance.now() - start)})`);
  return result;
}

export function duration(milliseconds: number): string {
  return milliseconds < 1000 ? `${milliseconds.toFixed(0)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}

export function count(value: number): string {
  return value.toLocaleString("en");
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}

/** A bar that redraws itself on a terminal; elsewhere, a line for every quarter. */
export class Progress {
  readonly #total: number;
  readonly #start = performance.now();
  #done = 0;

  constructor(total: number) {
    this.#total = total;
  }

  advance(rows: number): void {
    const quarter = this.#quarter;
    this.#done += rows;
    if (process.stdout.isTTY) {
      process.stdout.write(`\r   ${this.#bar} ${this}\x1b[K${this.#done === this.#total ? "\n" : ""}`);
    } else if (this.#quarter > quarter) {
      line(this.toString());
    }
  }

  toString(): string {
    const rate = this.#done / ((performance.now() - this.#start) / 1000);
    return `${count(this.#done)} of ${count(this.#total)} rows, ${count(Math.round(rate))} rows/s`;
  }

  get #quarter(): number {
    return Math.floor((4 * this.#done) / this.#total);
  }

  get #bar(): string {
    return "█".repeat(Math.round((30 * this.#done) / this.#total)).padEnd(30, "░");
  }
}
