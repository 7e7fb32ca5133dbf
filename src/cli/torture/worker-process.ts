import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Activity, type Chore, type Entry, readLedger } from "./ledger";
import type { FromWorker, ToWorker, WorkerOptions } from "./messages";
import { RunFolder } from "./run-folder";

/** A worker that says nothing for so long hangs. In milliseconds. */
const PATIENCE = 120_000;

/** What a process was at when it was killed. */
export type Phase = "start" | "session" | Activity;

/** A worker, as its parent sees it. */
export class WorkerProcess {
  readonly #child: ChildProcess;
  readonly #options: WorkerOptions;
  readonly #exit: Promise<unknown>;
  #isKilled = false;

  constructor(options: WorkerOptions) {
    this.#options = options;
    // In a group of its own, or Ctrl-C would end it too, and not only the run.
    this.#child = fork(require.resolve("./worker"), [JSON.stringify(options)], { detached: true });
    this.#exit = once(this.#child, "exit");
  }

  /** Resolves when it begins to open the database. */
  async opening(): Promise<void> {
    await this.#hear("start", (message) => "begun" in message && message.begun === "open");
  }

  /** Resolves when it has opened the database. */
  async ready(): Promise<void> {
    await this.#hear("open the database", (message) => "done" in message && message.done === "open");
  }

  /** Resolves when it has begun. */
  async begin(chore: Chore): Promise<void> {
    const begun = this.#hear(`begin ${chore}`, (message) => "begun" in message && message.begun === chore);
    // One that has just died fails to be heard.
    this.#child.send({ perform: chore } satisfies ToWorker, () => {});
    await begun;
  }

  /** Resolves when it is done, or was refused. */
  async finish(chore: Exclude<Chore, "commit">): Promise<void> {
    const done = this.#hear(`finish ${chore}`, (message) => "done" in message && message.done === chore);
    await Promise.all([this.begin(chore), done]);
  }

  /** Kills it, without a chance to do anything about it, and tells what it was at. */
  async kill(): Promise<ReadonlySet<Phase>> {
    this.#isKilled = true;
    this.#child.kill("SIGKILL");
    await this.#exit;
    const { folder, name } = this.#options;
    const ledger = join(new RunFolder(folder).ledgers, `${name}.log`);
    return existsSync(ledger) ? phasesOf(readLedger(ledger)) : new Set(["start"]);
  }

  /** What went wrong with it, if it ended by itself. */
  get problem(): string | undefined {
    const { exitCode, signalCode } = this.#child;
    if (this.#isKilled || (exitCode === null && signalCode === null)) return undefined;
    return `worker ${this.#options.name} ended by itself (${signalCode ?? `exit code ${exitCode}`})`;
  }

  #hear(what: string, isIt: (message: FromWorker) => boolean): Promise<void> {
    const name = `worker ${this.#options.name}`;
    const { problem } = this;
    if (problem !== undefined) return Promise.reject(new Error(problem));
    return new Promise((resolve, reject) => {
      const settle = (end: () => void) => {
        clearTimeout(timer);
        this.#child.off("message", onMessage).off("exit", onExit);
        end();
      };
      const onMessage = (message: FromWorker) => {
        if (isIt(message)) settle(resolve);
      };
      const onExit = () => settle(() => reject(new Error(`${name} ended before it could ${what}`)));
      const onTime = () => settle(() => reject(new Error(`${name} hangs: it did not ${what}`)));
      const timer = setTimeout(onTime, PATIENCE);
      this.#child.on("message", onMessage).on("exit", onExit);
    });
  }
}

function phasesOf(entries: readonly Entry[]): ReadonlySet<Phase> {
  const sessions = new Map<string, Phase>();
  const activities = new Set<Phase>();
  for (const entry of entries) {
    if (entry.kind === "intent" || entry.kind === "doomed") sessions.set(entry.batch, "session");
    if (entry.kind === "wrote") sessions.set(entry.batch, "commit");
    if (entry.kind === "acknowledged" || entry.kind === "rejected") sessions.delete(entry.batch);
    if (entry.kind === "begun") activities.add(entry.activity);
    if (entry.kind === "done" || entry.kind === "refused") activities.delete(entry.activity);
  }
  return new Set([...sessions.values(), ...activities]);
}
