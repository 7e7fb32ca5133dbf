import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { RawRow } from "./raw-database";

/** A raw connection in another process, which really holds its locks against this one. */
export class OtherProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;

  constructor(path: string) {
    const script = join(__dirname, "raw-process.ts");
    this.#child = spawn(process.execPath, ["-r", join(__dirname, "register-typescript.cjs"), script, path], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#answers = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  /** Runs one statement. */
  async run(sql: string): Promise<RawRow[]> {
    this.#child.stdin!.write(`${JSON.stringify(sql)}\n`);
    const { value } = await this.#answers.next();
    if (value === undefined) throw new Error("the other process has ended");
    const answer: RawRow[] | { error: string } = JSON.parse(value);
    if (Array.isArray(answer)) return answer;
    throw new Error(`the other process: ${answer.error}`);
  }

  /** As `kill -9` does. */
  async kill(): Promise<void> {
    await this.#end(() => this.#child.kill("SIGKILL"));
  }

  /** Closes its connection and ends. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end(() => this.#child.stdin!.end());
  }

  async #end(tell: () => void): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once("close", resolve));
    tell();
    await ended;
  }
}
