import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { UsageError } from "../usage-error";
import { parseTortureOptions, TORTURE_HELP } from "./options";
import { RunFolder } from "./run-folder";
import { Torture } from "./torture";

const TEMPORARY = join(tmpdir(), "typeorm-sqlite-database-torture-");

/** Runs the command, and gives the exit code. */
export async function tortureCommand(args: readonly string[]): Promise<number> {
  const options = parseTortureOptions(args);
  if (!options) {
    console.log(TORTURE_HELP);
    return 0;
  }
  const folder = makeFolder(options.path);
  console.log(`seed ${options.seed}, files in ${folder.path}`);
  const interrupted = new AbortController();
  process.once("SIGINT", () => interrupted.abort());
  const torture = new Torture(options, folder);
  await torture.run(interrupted.signal, console.log);
  const { totals } = torture;
  console.log(`\n${totals.summary(options.seed)}`);
  const isWell = totals.problems.length === 0;
  if (isWell && options.path === undefined) rmSync(folder.path, { recursive: true });
  if (!isWell) console.log(`\nThe files are kept in ${folder.path}`);
  return isWell ? 0 : 1;
}

function makeFolder(path: string | undefined): RunFolder {
  const folder = new RunFolder(path === undefined ? mkdtempSync(TEMPORARY) : resolve(path));
  // The ledgers of another run would be compared with the database of this one.
  if (filesIn(folder.path).length > 0) {
    throw new UsageError(`--path takes a new or an empty folder, and "${path}" is not empty.`);
  }
  folder.make();
  return folder;
}

function filesIn(path: string): string[] {
  try {
    mkdirSync(path, { recursive: true });
    return readdirSync(path);
  } catch (error) {
    throw new UsageError(`--path takes a folder: ${(error as Error).message}`, { cause: error });
  }
}
