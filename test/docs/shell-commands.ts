import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./code-blocks";

const { name, bin, scripts, peerDependencies, dependencies } = JSON.parse(
  readFileSync(join(ROOT, "package.json"), "utf8"),
);
const installable = new Set([name, ...Object.keys(peerDependencies), ...Object.keys(dependencies)]);

/** What is wrong with the commands of a shell block: a script, a package or a program that does not exist. */
export function shellProblems(code: string): string[] {
  const commands = code
    .split("\n")
    .map((line) => line.replace(/(^|\s)#.*$/, ""))
    .flatMap((line) => line.split("&&"))
    .map((command) => command.trim())
    .filter((command) => command !== "");
  return commands
    .filter((command) => !isKnown(command))
    .map((command) => `Nobody knows how to run: ${command}`);
}

function isKnown(command: string): boolean {
  const [program, verb, ...words] = command.split(/\s+/);
  if (program === "npm" && verb === "ci") return words.length === 0;
  if (program === "npm" && verb === "test") return "test" in scripts;
  if (program === "npm" && verb === "run") return (words[0] ?? "") in scripts;
  if (program === "npm" && verb === "install") return words.every((word) => installable.has(word));
  // What a build makes is not there yet.
  if (program === "node") return verb?.startsWith("build/") || existsSync(join(ROOT, verb ?? ""));
  if (program === "npx" && (verb ?? "") in bin) return true;
  if (program === "npx") return existsSync(join(ROOT, "node_modules/.bin", verb ?? ""));
  return false;
}
