import { spawn } from "node:child_process";
import { join } from "node:path";

export interface ChildOutcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
}

export interface ChildOptions {
  /** The user that it runs as. */
  readonly uid?: number;
  /** Environment variables beside those of this process. */
  readonly env?: NodeJS.ProcessEnv;
}

/** Runs a TypeScript file in a process of its own, and kills it if it does not end in time. */
export function runScript(
  script: string,
  args: readonly string[],
  timeoutMilliseconds: number,
  { uid, env }: ChildOptions = {},
): Promise<ChildOutcome> {
  const child = spawn(process.execPath, ["-r", join(__dirname, "register-typescript.cjs"), script, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    timeout: timeoutMilliseconds,
    killSignal: "SIGKILL",
    ...(uid !== undefined && { uid }),
    ...(env && { env: { ...process.env, ...env } }),
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, output }));
  });
}
