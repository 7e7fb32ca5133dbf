import { ConfigurationError } from "../errors";
import { pragmaMatches } from "../options/pragma-matches";
import { type Pragma, pragmaStatement } from "../options/pragmas";
import { quotedName } from "../sql/quoted-name";
import { retryWhileBusy } from "./busy-retry";
import type { Connection, Row } from "./connection";
import type { DriverSettings } from "./driver-settings";
import { throwMapped } from "./error-mapping";

const QUERY_ONLY: Pragma = { name: "query_only", value: "ON", scope: "connection" };

/**
 * Applies the pragmas of a connection, and reads each one back: SQLite ignores what it cannot do.
 *
 * @throws ConfigurationError naming the pragma that was not taken
 */
export async function setPragmas(connection: Connection, settings: DriverSettings): Promise<void> {
  const { location, pragmas } = settings;
  // What is kept in the file is the writer's to set; WAL is not for memory.
  const applies = ({ name, scope }: Pragma) =>
    (scope === "connection" || connection.role === "writer") && !(location.memory && name === "journal_mode");
  const { busyTimeout } = settings;
  const deadline = performance.now() + busyTimeout;
  const query = (sql: string): Promise<Row[]> =>
    retryWhileBusy(() => connection.all(sql), { busyTimeout, deadline }).catch((error) =>
      throwMapped(sql, [], error, connection),
    );

  for (const pragma of [...pragmas.filter(applies), ...(connection.role === "reader" ? [QUERY_ONLY] : [])]) {
    // Some answer with their new value at once.
    const [answer] = await query(pragmaStatement(pragma));
    const [row] = answer ? [answer] : await query(`PRAGMA ${pragma.name}`);
    const actual = row && Object.values(row)[0];
    if (!pragmaMatches(pragma.name, pragma.value, actual)) throw notTaken(pragma, actual, location.text);
  }
  // The first statement that reads the file, for what is no database at all.
  await query("PRAGMA schema_version");
}

/** Attaches the database of an entity that has one of its own, in the same journal mode as the main one. */
export async function attach(
  connection: Connection,
  path: string,
  handle: string,
  settings: DriverSettings,
): Promise<void> {
  const retry = (sql: string) => retryWhileBusy(() => connection.all(sql), settings);
  await retry(`ATTACH '${path.replaceAll("'", "''")}' AS ${quotedName(handle)}`);
  const journalMode = settings.pragmas.find(({ name }) => name === "journal_mode");
  if (journalMode && connection.role === "writer" && !settings.location.memory) {
    await retry(`PRAGMA ${quotedName(handle)}.journal_mode = '${journalMode.value}'`);
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
