import { CHORES } from "./ledger";
import type { Findings } from "./verify";
import type { Phase } from "./worker-process";

const PHASES: readonly Phase[] = ["start", "open", "session", ...CHORES];
const MOST_SHOWN = 20;

/** What came of a run so far. */
export class Totals {
  readonly problems: string[] = [];
  rounds = 0;
  kills = 0;
  liveChecks = 0;
  readonly #killsBy = new Map<Phase, number>();
  #acknowledged = 0;
  #rolledBack = 0;
  #refused = 0;
  #unacknowledged = 0;
  #backups = 0;
  #leftovers = 0;
  readonly #begin = performance.now();

  get minutes(): number {
    return (performance.now() - this.#begin) / 60_000;
  }

  addKill(phases: ReadonlySet<Phase>): void {
    this.kills++;
    for (const phase of phases) this.#killsBy.set(phase, (this.#killsBy.get(phase) ?? 0) + 1);
  }

  addRound({ problems, counts, unacknowledged, backups, leftovers }: Findings): void {
    this.rounds++;
    // Not all at once, as arguments: of a damaged database there are very many.
    for (const problem of problems) this.problems.push(problem);
    this.#acknowledged += counts.acknowledged;
    this.#rolledBack += counts.rolledBack;
    this.#refused += counts.refused;
    this.#unacknowledged += unacknowledged;
    this.#backups += backups;
    this.#leftovers += leftovers;
  }

  /** One line for the round that has just ended. */
  get line(): string {
    return `round ${this.rounds}: ${this.kills} kills, ${this.#acknowledged} sessions acknowledged, ${this.#backups} backups checked`;
  }

  /** The figures, and the verdict at the end. */
  summary(seed: number): string {
    const figures: [string, string | number][] = [
      ["rounds", `${this.rounds} in ${(this.minutes * 60).toFixed(1)} s`],
      ["kills", this.kills],
      ...PHASES.map((phase): [string, number] => [`  during ${phase}`, this.#killsBy.get(phase) ?? 0]),
      ["sessions acknowledged", this.#acknowledged],
      ["  committed, but the process was killed before it was told", this.#unacknowledged],
      ["  rolled back on purpose", this.#rolledBack],
      ["  refused while closing or busy", this.#refused],
      ["checks while others wrote", this.liveChecks],
      ["backups checked", this.#backups],
      ["unfinished backups of killed processes", this.#leftovers],
      ["seed", seed],
    ];
    const width = Math.max(...figures.map(([name]) => name.length));
    return [...figures.map(([name, value]) => `${name.padEnd(width)}  ${value}`), "", this.#verdict].join(
      "\n",
    );
  }

  get #verdict(): string {
    if (this.problems.length === 0) return "Nothing was lost.";
    const shown = this.problems.slice(0, MOST_SHOWN).map((problem) => `- ${problem}`);
    const more = this.problems.length - shown.length;
    return ["THIS WENT WRONG:", ...shown, ...(more > 0 ? [`- and ${more} more`] : [])].join("\n");
  }
}
