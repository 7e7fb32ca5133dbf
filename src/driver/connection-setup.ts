import { ConfigurationError } from "../errors";
import { canonicalPragma, pragmaMatches } from "../options/pragma-matches";
import { type Pragma, pragmaStatement } from "../options/pragmas";
import { quotedName } from "../sql/quoted-name";
import type { Role } from "./admission";
import { isEngineError, retryWhileBusy } from "./busy-retry";
import type { Connection } from "./connection";
import type { DriverSettings } from "./driver-settings";
import { throwMapped } from "./error-mapping";
import { openError } from "./open-error";
import { namesOfVirtualTables } from "./virtual-tables";

/** They cannot be read by a query, as others can (https://sqlite.org/pragma.html#pragfunc). */
const NO_TABLE: ReadonlySet<string> = new Set(["case_sensitive_like", "mmap_size", "wal_autocheckpoint"]);

const QUERY_ONLY: Pragma = { name: "query_only", value: "ON", scope: "connection" };

/** How a database was found, or begun. */
interface Found {
  readonly virtualTables: readonly string[];
  /** Whether it was begun here, and nothing is in it. */
  readonly isBegun: boolean;
}

/**
 * Applies the pragmas of a connection, and reads them back: SQLite ignores what it cannot do. All at once, because each
 * call is a way to a thread and back.
 *
 * @param options `isNew`: whether it is about to be created
 * @throws ConfigurationError naming the pragma that was not taken
 */
export async function setPragmas(
  connection: Connection,
  settings: DriverSettings,
  { isNew = false } = {},
): Promise<Found> {
  const { location, busyTimeout } = settings;
  const wanted = pragmasOf(connection.role, settings);
  const deadline = performance.now() + busyTimeout;
  const attempt = <T>(sql: string, run: () => Promise<T>): Promise<T> =>
    retryWhileBusy(run, { busyTimeout, deadline }).catch((error) => throwMapped(sql, [], error, connection));
  const query = (sql: string) => attempt(sql, () => connection.all(sql));

  const script = wanted.map(pragmaStatement).join("; ");
  const uncertain = wanted.filter((pragma) => !cannotFail(pragma));
  const inTables = uncertain.filter(({ name }) => !NO_TABLE.has(name));
  const isBegun = isNew && (await begin(connection, script, inTables));
  if (!isBegun) await attempt(script, () => connection.script(script));
  // Reads the file for the first time, for what is no database at all. What is no pragma, or has no table, is found below.
  const [values = {}] = isBegun ? [] : await query(readBack(inTables)).catch(unlessUnreadable);
  for (const pragma of isBegun ? uncertain.filter(({ name }) => NO_TABLE.has(name)) : uncertain) {
    let actual = values[pragma.name];
    if (actual === undefined) {
      const [row] = await query(`PRAGMA ${pragma.name}`);
      actual = row && Object.values(row)[0];
    }
    if (!pragmaMatches(pragma.name, pragma.value, actual)) throw notTaken(pragma, actual, location.text);
  }
  return {
    virtualTables: JSON.parse(String(values.virtual_tables ?? "[]")),
    isBegun,
  };
}

/** @throws what is the fault of the file, and not of the query */
function unlessUnreadable(error: { code?: unknown }): [] {
  if (error.code !== "SQLITE_ERROR") throw error;
  return [];
}

/** Sets the pragmas of an empty file, in one call. Whether it is begun, with all of them taken. */
async function begin(connection: Connection, script: string, pragmas: readonly Pragma[]): Promise<boolean> {
  try {
    // SQLite would write a journal of nothing, and wait for the disk three times more; the first look begins the WAL.
    // Once only: where someone else has begun the file since, to leave WAL mode takes all of its locks.
    await connection.script(`PRAGMA journal_mode = MEMORY; ${script}; ${refusalUnlessEmpty(pragmas)}`);
    return true;
  } catch {
    return false;
  }
}

/** To map nothing is always possible; to read it back would be a call more for every connection. */
function cannotFail({ name, value }: Pragma): boolean {
  return name === "mmap_size" && Number(value) === 0;
}

function pragmasOf(role: Role, { location, pragmas }: DriverSettings): Pragma[] {
  // What is kept in the file is the writer's to set; WAL is not for memory.
  const applies = ({ name, scope }: Pragma) =>
    (scope === "connection" || role === "writer") && !(location.memory && name === "journal_mode");
  return [...pragmas.filter(applies), ...(role === "reader" ? [QUERY_ONLY] : [])];
}

/** Fails where there is something in the file, or where a pragma was not taken or reads back in words of its own. */
function refusalUnlessEmpty(pragmas: readonly Pragma[]): string {
  const taken = pragmas.map(({ name, value }) => {
    const expected = canonicalPragma(name, value);
    return `(SELECT * FROM pragma_${name}) IS ${typeof expected === "number" ? expected : `'${expected}'`}`;
  });
  const isEmpty = "(SELECT count(*) FROM sqlite_schema) = 0";
  return `SELECT iif(${[isEmpty, ...taken].join(" AND ")}, 1, json('it is not'))`;
}

function readBack(readable: readonly Pragma[]): string {
  const pragmas = readable.map(({ name }) => `(SELECT * FROM pragma_${name}) AS ${name}`);
  return `SELECT ${[...pragmas, `${namesOfVirtualTables()} AS virtual_tables`].join(", ")}`;
}

/**
 * Attaches the database of an entity that has one of its own, in the same journal mode as the main one.
 *
 * @throws what opening the main one throws, with the path
 */
export async function attach(
  connection: Connection,
  path: string,
  handle: string,
  { pragmas, location, busyTimeout }: DriverSettings,
): Promise<void> {
  const deadline = performance.now() + busyTimeout;
  const attempt = async (sql: string): Promise<void> => {
    try {
      await retryWhileBusy(() => connection.all(sql), { busyTimeout, deadline });
    } catch (error) {
      const isMissing = isEngineError(error) && error.code === "SQLITE_CANTOPEN";
      const refused = isMissing
        ? error
        : await throwMapped(sql, [], error, connection).catch((mapped) => mapped);
      throw openError(path, refused);
    }
  };
  await attempt(`ATTACH '${path.replaceAll("'", "''")}' AS ${quotedName(handle)}`);
  const journalMode = pragmas.find(({ name }) => name === "journal_mode");
  if (journalMode && connection.role === "writer" && !location.memory) {
    await attempt(`PRAGMA ${quotedName(handle)}.journal_mode = '${journalMode.value}'`);
  }
}

function notTaken({ name, value }: Pragma, actual: unknown, location: string): ConfigurationError {
  const reason =
    name === "journal_mode"
      ? " The file system may not support shared memory (network drives do not, https://sqlite.org/wal.html); " +
        'use another folder, or pragmas: { journal_mode: "DELETE" }, with which readers and the writer wait for each other.'
      : " Remove it from the option pragmas, or correct it.";
  return new ConfigurationError(
    `Cannot use ${JSON.stringify(location)}: PRAGMA ${name} = ${value} was not taken, it is ${String(actual)}.${reason}`,
  );
}
