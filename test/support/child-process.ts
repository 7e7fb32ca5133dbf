import { spawn } from "node:child_process";
import { join } from "node:path";
import { plainEnvironment } from "./plain-environment";

export interface ChildOutcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
}

export interface ChildOptions {
  /** The user that it runs as. */
  readonly uid?: number;
  /** Of its resources, as prlimit(1) takes them: `--nofile=100`. */
  readonly limits?: readonly string[];
  /** Environment variables beside those of this process. */
  readonly env?: NodeJS.ProcessEnv;
}

/** Runs a TypeScript file in a process of its own, and kills it if it does not end in time. */
export function runScript(
  script: string,
  args: readonly string[],
  timeoutMilliseconds: number,
  { uid, env, limits }: ChildOptions = {},
): Promise<ChildOutcome> {
  const command = [process.execPath, "-r", join(__dirname, "register-typescript.cjs"), script, ...args];
  if (limits) command.unshift("prlimit", ...limits);
  const child = spawn(command[0]!, command.slice(1), {
    stdio: ["ignore", "pipe", "pipe"],
    timeout: timeoutMilliseconds,
    killSignal: "SIGKILL",
    ...(uid !== undefined && { uid }),
    env: { ...plainEnvironment, ...env },
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
