import { readdirSync } from "node:fs";
import { join } from "node:path";
import { SqliteDatabase } from "../..";
import { type Contents, compare, countUnacknowledged, readContents } from "./contents";
import { ENTITIES } from "./entities";
import { History } from "./history";
import { type Positions, positionsOf } from "./ledger";
import type { RunFolder } from "./run-folder";

/** The unfinished copy of a killed backup, and the files beside it. */
const LEFTOVER = /^\..*\.part(-\w+)?$/;

/** What a check found. */
export interface Findings {
  /** Everything that is not as it must be; empty if nothing was lost. */
  readonly problems: readonly string[];
  readonly counts: History["counts"];
  /** Batches that were committed, although the process was killed before it was told so. */
  readonly unacknowledged: number;
  /** Backups that were opened and compared with the ledgers. */
  readonly backups: number;
  /** Files that killed backups have left; none of them has the name of a backup. */
  readonly leftovers: number;
  /** What the database holds; `undefined` if it could not be read. */
  readonly contents: Contents | undefined;
}

/** Compares the database of a run, and its backups, with the ledgers. Nobody may be writing any more. */
export async function verify(folder: RunFolder): Promise<Findings> {
  const history = History.read(folder.ledgers);
  const database = await inspect(folder.database, history);
  const backups = await inspectBackups(folder, history);
  return {
    problems: [...history.problems, ...database.problems, ...backups.problems],
    counts: history.counts,
    unacknowledged: database.contents ? countUnacknowledged(database.contents, history) : 0,
    backups: backups.checked,
    leftovers: backups.leftovers,
    contents: database.contents,
  };
}

/** Compares one snapshot of a database that others are writing with what had been acknowledged before it. */
export async function verifyLive(folder: RunFolder): Promise<readonly string[]> {
  const since = positionsOf(folder.ledgers);
  const { problems, contents } = await inspect(folder.database);
  return contents ? [...problems, ...compare(contents, History.read(folder.ledgers, since))] : problems;
}

interface Inspection {
  readonly problems: string[];
  readonly contents?: Contents;
}

/** Opens a file as anyone would. */
async function inspect(path: string, history?: History): Promise<Inspection> {
  try {
    // Missing tables must not be made: they would be missing rows.
    await using database = await new SqliteDatabase(`${path}?mode=rw`, {
      entities: ENTITIES,
      createAll: false,
    }).init();
    const { integrity, foreignKeys } = await database.checkIntegrity();
    const problems = [
      ...integrity.map((line) => `integrity_check: ${line}`),
      ...foreignKeys.map(
        ({ table, rowid, parent }) => `foreign_key_check: row ${rowid} of ${table} has no ${parent}`,
      ),
    ];
    if (integrity.length > 0) return { problems };
    const contents = await readContents(database);
    return { problems: [...problems, ...(history ? compare(contents, history) : [])], contents };
  } catch (error) {
    return { problems: [`it cannot be read: ${String(error)}`] };
  }
}

async function inspectBackups(
  folder: RunFolder,
  history: History,
): Promise<{ problems: string[]; checked: number; leftovers: number }> {
  const files = readdirSync(folder.backups);
  const notes = new Map(history.backups.begun.map(({ name, since }): [string, Positions] => [name, since]));
  const found = files.filter((name) => notes.has(name));
  const problems = history.backups.acknowledged
    .filter(({ name }) => !files.includes(name))
    .map(({ name }) => `backup ${name} was acknowledged, and is not there`);
  const leftovers = files.filter((name) => LEFTOVER.test(name));
  const strange = files.filter((name) => !notes.has(name) && !LEFTOVER.test(name));
  problems.push(...strange.map((name) => `${name} looks like a backup, but nobody made it`));
  for (const name of found) {
    const known = History.read(folder.ledgers, notes.get(name));
    const inspection = await inspect(join(folder.backups, name), known);
    for (const problem of inspection.problems) problems.push(`backup ${name}: ${problem}`);
  }
  return { problems, checked: found.length, leftovers: leftovers.length };
}
