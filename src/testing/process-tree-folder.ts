import { lstatSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigurationError } from "..";

/**
 * The temporary folder that this process shares with those of the same parent, such as the workers of a test runner.
 * Nobody but the user can read it.
 *
 * @throws ConfigurationError where another user has made a folder of that name
 */
export function processTreeFolder(): string {
  const folder = join(userFolder(), String(process.ppid));
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return folder;
}

/**
 * Removes what processes have left behind that are no more: their databases, and the whole folder where nobody is left
 * who could use its templates.
 */
export function removeLeftovers(): void {
  const parent = userFolder();
  for (const name of readdirSync(parent)) {
    const folder = join(parent, name);
    const owned = ownedIn(folder);
    const left = owned.filter(({ owner }) => !isAlive(owner));
    const isUnused = left.length === owned.length && !isAlive(Number(name));
    for (const path of isUnused ? [folder] : left.map(({ path }) => path)) {
      rmSync(path, { recursive: true, force: true });
    }
  }
}

/** The databases in the folder, and the templates that are being built, with the process that has each. */
function ownedIn(folder: string): { owner: number; path: string }[] {
  let names: string[] = [];
  try {
    names = readdirSync(folder);
  } catch {
    // Another process is removing it.
  }
  return names.flatMap((name) => {
    const owner = /^(?:database|building)-(\d+)-/.exec(name)?.[1];
    return owner === undefined ? [] : [{ owner: Number(owner), path: join(folder, name) }];
  });
}

function userFolder(): string {
  const user = process.getuid?.();
  const folder = join(tmpdir(), `typeorm-sqlite-database-testing${user === undefined ? "" : `-${user}`}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const found = lstatSync(folder);
  // The name can be guessed, so someone else may have been there first.
  const isOurs = user === undefined || (found.uid === user && (found.mode & 0o077) === 0);
  if (found.isDirectory() && isOurs) return folder;
  throw new ConfigurationError(
    `Cannot keep test databases in ${folder}, which other users can change. Remove it, or set TMPDIR to a folder of your own.`,
  );
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // A process of another user.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
