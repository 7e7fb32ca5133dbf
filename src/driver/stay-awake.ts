import { availableParallelism } from "node:os";

/** Milliseconds that the event loop stays awake for one call; most calls by key are over by then. */
const LONGEST = 0.1;
/** Calls after which the two ways are compared. */
const ROUND = 64;
/** Rounds in which the way that was quicker is kept, until the other is tried again. */
const ROUNDS_TO_KEEP = 16;

// Taken here, since a test may put fake timers into its place, which nobody would run.
const { setImmediate } = globalThis;

/** With a single processor it would only keep SQLite's thread waiting. */
const isPossible = availableParallelism() > 1;

let running = 0;
/** When the call that runs alone has begun. */
let began = 0;
let isAlone = false;
let end = 0;
let isAwake = false;

function turn(): void {
  isAwake = running > 0 && performance.now() < end;
  if (isAwake) setImmediate(turn);
}

/** Which of the two ways is quicker, by how long a round of calls takes with each. */
export class Trial {
  staysAwake = isPossible;
  readonly #took = { awake: 0, asleep: 0 };
  #calls = 0;
  #sum = 0;
  #rounds = 0;

  add(duration: number): void {
    this.#sum += Math.min(duration, LONGEST);
    if (++this.#calls < ROUND) return;
    const took = this.#took;
    took[this.staysAwake ? "awake" : "asleep"] = this.#sum;
    this.#calls = 0;
    this.#sum = 0;
    const isQuicker = took.awake < took.asleep;
    this.staysAwake = ++this.#rounds % ROUNDS_TO_KEEP === 0 ? !isQuicker : isQuicker;
  }
}

const trial = new Trial();

/**
 * To be called when a call to SQLite's thread begins, and {@link callEnded} when it has ended.
 *
 * Who sleeps in the kernel is woken up in 5 to 30 microseconds, which is longer than it takes to read a row. So the event
 * loop goes on turning for a moment while a call runs, and does everything else meanwhile as ever. Whether that is
 * quicker depends on the machine and on what it has to do, so it is tried from time to time.
 */
export function callStarted(): void {
  if (!isPossible) return;
  isAlone = ++running === 1;
  began = performance.now();
  if (!trial.staysAwake) return;
  end = began + LONGEST;
  if (isAwake) return;
  isAwake = true;
  setImmediate(turn);
}

export function callEnded(): void {
  if (!isPossible) return;
  running--;
  // What ran beside others has waited for them as well.
  if (isAlone) trial.add(performance.now() - began);
  isAlone = false;
}
