import { spawn } from "node:child_process";
import { join } from "node:path";

export interface ChildOutcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
}

/** Runs a TypeScript file in a process of its own, as the user that is named, and kills it if it does not end in time. */
export function runScript(
  script: string,
  args: readonly string[],
  timeoutMilliseconds: number,
  uid?: number,
): Promise<ChildOutcome> {
  const child = spawn(process.execPath, ["-r", join(__dirname, "register-typescript.cjs"), script, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    timeout: timeoutMilliseconds,
    killSignal: "SIGKILL",
    ...(uid !== undefined && { uid }),
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
