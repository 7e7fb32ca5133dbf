import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { plainEnvironment } from "./plain-environment";

const MAIN = join(__dirname, "../../examples/nest-api/main.ts");

/** The example application in a process of its own. */
export class NestApi {
  readonly #path: string;
  #child: ChildProcess | undefined;
  #output = "";
  /** Where it listens; the same after every start. */
  url = "";

  constructor(path: string) {
    this.#path = path;
  }

  async start(): Promise<this> {
    const port = this.url === "" ? "0" : new URL(this.url).port;
    const child = spawn(
      process.execPath,
      ["-r", join(__dirname, "register-typescript.cjs"), MAIN, this.#path, "--port", port],
      { stdio: ["ignore", "pipe", "pipe"], env: plainEnvironment },
    );
    this.#child = child;
    this.#output = "";
    const listening = new Promise<string>((resolve, reject) => {
      const read = (chunk: Buffer): void => {
        this.#output += chunk.toString();
        const [, url] = /Listening on (\S+),/.exec(this.#output) ?? [];
        if (url) resolve(url);
      };
      child.stdout.on("data", read);
      child.stderr.on("data", read);
      child.once("exit", (code) => reject(new Error(`it ended with ${code}: ${this.#output}`)));
    });
    this.url = await listening;
    return this;
  }

  /** Ends it by a signal; resolves when the process is gone. */
  async stop(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null) return;
    const gone = once(child, "exit");
    child.kill(signal);
    await gone;
  }

  async request(method: string, path: string, body?: unknown): Promise<{ status: number; text: string }> {
    const response = await fetch(this.url + path, {
      method,
      ...(body !== undefined && {
        body: JSON.stringify(body),
        headers: { "content-type": "application/json" },
      }),
    });
    return { status: response.status, text: await response.text() };
  }
}
