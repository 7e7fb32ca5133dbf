import { lstat, mkdir, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigurationError } from "..";

/**
 * The temporary folder that this process shares with those of the same parent, such as the workers of a test runner.
 * Nobody but the user can read it.
 *
 * @throws ConfigurationError where another user has made a folder of that name
 */
export async function processTreeFolder(): Promise<string> {
  const folder = join(await userFolder(), String(process.ppid));
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return folder;
}

/** Removes what processes have left behind that are no more, and whose parent is no more. */
export async function removeLeftovers(): Promise<void> {
  const parent = await userFolder();
  for (const name of await readdir(parent)) {
    const folder = join(parent, name);
    if (isAlive(Number(name))) continue;
    const owners = (await readdir(folder).catch(() => [])).map((entry) => /^\w+-(\d+)-/.exec(entry)?.[1]);
    if (owners.some((owner) => owner !== undefined && isAlive(Number(owner)))) continue;
    await rm(folder, { recursive: true, force: true });
  }
}

async function userFolder(): Promise<string> {
  const user = process.getuid?.();
  const folder = join(tmpdir(), `typeorm-sqlite-database-testing${user === undefined ? "" : `-${user}`}`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const found = await lstat(folder);
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
