import { fileURLToPath } from "node:url";
import type { ConfigurationError } from "../errors";

export const MEMORY = ":memory:";

/** The usual forms of a location, for messages. */
export const FORMS = "Write sqlite:///relative.db, sqlite:////absolute.db, :memory: or a path";

/** Makes the error about a location, which it names. */
export type Refused = (problem: string) => ConfigurationError;

/**
 * The path in a location without its query, as it stands there: `:memory:`, relative or absolute.
 *
 * @param scheme in lower case, `undefined` for a plain path
 * @param decode turns percent-escapes into their text
 * @throws ConfigurationError for another scheme, a host, or the wrong number of slashes
 */
export function pathOf(
  address: string,
  scheme: string | undefined,
  decode: (escaped: string) => string,
  refused: Refused,
): string {
  if (scheme === undefined) {
    // Docker's --env-file, for one, leaves the quotes in; without this, a folder called `"sqlite:` would be made.
    if (/^["'\s]+[a-z][\w+.-]+:\/\//i.test(address)) throw refused("remove what stands before the scheme.");
    return address;
  }
  if (/^sqlite(\+.+)?$/.test(scheme)) return sqlitePath(address.slice(scheme.length + 1), decode, refused);
  if (scheme === "file") return fileUrlPath(address, refused);
  throw refused(
    `"${scheme}:" is no scheme of SQLite. ${FORMS}; where a file's name has a colon, put "./" before it.`,
  );
}

/** @param rest what follows `sqlite:`. A "#" in it belongs to the name, as in SQLAlchemy: nothing is cut off unseen. */
function sqlitePath(rest: string, decode: (escaped: string) => string, refused: Refused): string {
  if (rest === "//") return MEMORY;
  if (!rest.startsWith("//")) {
    throw refused("did you mean three slashes (sqlite:///relative.db), or four (sqlite:////absolute.db)?");
  }
  if (!rest.startsWith("///")) {
    throw refused(
      "SQLite has no host; did you mean three slashes (sqlite:///relative.db, sqlite:///:memory:)?",
    );
  }
  const path = decode(rest.slice(3));
  // SQLAlchemy opens a database in memory here. More likely a variable in sqlite:///${FILE} was empty, and then
  // all data would be gone with the process.
  if (path === "") throw refused(`it names no file. An in-memory database is ":memory:" or sqlite://.`);
  return path;
}

function fileUrlPath(address: string, refused: Refused): string {
  if (!/^file:\//i.test(address))
    throw refused("a file: URL is absolute; a relative path is written without file:.");
  if (address.includes("#")) throw refused(`a "#" in a file: URL is written %23.`);
  // Before URL has a say: it would strip a NUL at the end.
  if (address.includes("\0")) return address;
  try {
    const url = new URL(address);
    if (url.host === "") return fileURLToPath(url);
  } catch (error) {
    // Not as the cause: Node's errors carry the whole URL as a property, passwords and all.
    throw refused(`${error instanceof Error ? error.message : error}. A "%" itself is written %25.`);
  }
  throw refused("a file: URL cannot name a host; did you mean three slashes (file:///absolute.db)?");
}
