import { setTimeout as sleep } from "node:timers/promises";
import { CHORES } from "./ledger";
import type { TortureOptions } from "./options";
import { Random } from "./random";
import type { RunFolder } from "./run-folder";
import { settle } from "./settle";
import { Totals } from "./totals";
import { verify, verifyLive } from "./verify";
import { WorkerProcess } from "./worker-process";

/** Sessions of one process that run at the same time. */
const SESSIONS = 4;
/** Milliseconds from what is to be interrupted until the kill, at most; mostly less. A commit would be over. */
const LONGEST_DELAY = 80;
const LONGEST_DELAY_IN_COMMIT = 3;
const LONGEST_PAUSE = 150;
/** Whether a worker is killed during its chore, may go on, or is waited for. */
const FATES = ["kill", "kill", "kill", "go on", "finish"] as const;

/** Mostly short, and often none at all. */
async function delay(random: Random, longest: number): Promise<void> {
  const milliseconds = random.next() ** 2 * longest;
  // A timer takes a millisecond at least.
  if (milliseconds >= 1) await sleep(milliseconds);
}

/** Starts workers, kills them, and checks what they have left. All of its choices come from the seed. */
export class Torture {
  readonly totals = new Totals();
  readonly #options: TortureOptions;
  readonly #folder: RunFolder;
  readonly #random: Random;
  #started = 0;

  constructor(options: TortureOptions, folder: RunFolder) {
    this.#options = options;
    this.#folder = folder;
    this.#random = new Random(options.seed);
  }

  /** Ends when the time or the rounds are over, when `signal` says so, or when something is lost. */
  async run(signal: AbortSignal, onRound: (line: string) => void): Promise<void> {
    const { minutes, rounds } = this.#options;
    const { totals } = this;
    do {
      await this.#round();
      onRound(totals.line);
    } while (
      !signal.aborted &&
      totals.problems.length === 0 &&
      totals.rounds < rounds &&
      totals.minutes < minutes
    );
  }

  async #round(): Promise<void> {
    const random = new Random(this.#random.nextSeed());
    const workers = Array.from({ length: this.#options.writers }, () => this.#start(random));
    try {
      await Promise.all(workers.map((worker) => worker.ready()));
      const steps = 6 + random.below(10);
      const checked = random.below(steps);
      for (let step = 0; step < steps; step++) {
        await this.#step(workers, random);
        // Most backups are killed; one in each round is not.
        if (step === checked) await Promise.all([this.#checkLive(), random.pick(workers).finish("backup")]);
      }
    } catch (error) {
      this.totals.problems.push(String(error));
    } finally {
      await this.#killAll(workers, random);
    }
    const findings = await verify(this.#folder);
    this.totals.addRound(findings);
    if (this.totals.problems.length === 0 && findings.contents) await settle(this.#folder, findings.contents);
  }

  /** Something happens to one worker: a chore, a kill, or a kill during a chore. */
  async #step(workers: WorkerProcess[], random: Random): Promise<void> {
    const index = random.below(workers.length);
    const chore = random.chance(0.8) ? random.pick(CHORES) : undefined;
    await sleep(random.next() * LONGEST_PAUSE);
    const fate = random.pick(FATES);
    const worker = workers[index]!;
    if (chore && chore !== "commit" && fate === "finish") await worker.finish(chore);
    else if (chore) await worker.begin(chore);
    if (fate !== "kill") return;
    await delay(random, chore === "commit" ? LONGEST_DELAY_IN_COMMIT : LONGEST_DELAY);
    await this.#kill(worker);
    workers[index] = this.#start(random);
    // Opening is what recovers from the kill before.
    while (random.chance(0.2)) {
      await workers[index].opening();
      await delay(random, LONGEST_DELAY);
      await this.#kill(workers[index]);
      workers[index] = this.#start(random);
    }
  }

  #start(random: Random): WorkerProcess {
    return new WorkerProcess({
      folder: this.#folder.path,
      name: `w${++this.#started}`,
      seed: random.nextSeed(),
      sessions: SESSIONS,
      synchronous: random.pick(["NORMAL", "FULL"]),
    });
  }

  async #checkLive(): Promise<void> {
    const problems = await verifyLive(this.#folder);
    for (const problem of problems) this.totals.problems.push(`while others wrote: ${problem}`);
    this.totals.liveChecks++;
  }

  async #kill(worker: WorkerProcess): Promise<void> {
    const { problem } = worker;
    if (problem !== undefined) this.totals.problems.push(problem);
    this.totals.addKill(await worker.kill());
  }

  /** All at once, or one after another. */
  async #killAll(workers: readonly WorkerProcess[], random: Random): Promise<void> {
    const apart = random.chance(0.5) ? LONGEST_DELAY : 0;
    const delays = workers.map(() => random.next() * apart);
    await Promise.all(
      workers.map(async (worker, index) => {
        if (apart > 0) await sleep(delays[index]);
        await this.#kill(worker);
      }),
    );
  }
}
