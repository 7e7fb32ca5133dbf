import { statSync } from "node:fs";
import { resolve, sep } from "node:path";
import { ConfigurationError } from "../errors";
import { describe } from "./describe";
import { FORMS, MEMORY, pathOf, type Refused } from "./location-path";
import { type OpenMode, parseMode } from "./open-mode";
import { maskSecrets } from "./secrets";

export type { OpenMode } from "./open-mode";

/** Where a database is, and how it is to be opened. */
export interface Location {
  /** Whether the database lives in memory and ends with its connection. */
  readonly memory: boolean;
  /** An absolute path, or `:memory:`. */
  readonly path: string;
  /** From `?mode=`; `rwc` unless given. */
  readonly mode: OpenMode;
  /** What the user wrote, with any password masked: for messages. */
  readonly text: string;
}

/**
 * Reads the first argument of `SqliteDatabase`.
 *
 * - `sqlite:///rel.db` is relative to the working directory of this moment, `sqlite:////abs.db` absolute, and a driver
 *   suffix (`sqlite+aiosqlite:///…`) is ignored, so that a SQLAlchemy URI works unchanged.
 * - `sqlite://`, `sqlite:///:memory:` and `:memory:` are in memory.
 * - `file:///abs.db` and `URL` objects (`file:` or `sqlite:`) work too. A `URL` object has lost its `..` segments
 *   before it gets here: `new URL("sqlite:///../a.db")` is `a.db`.
 * - Anything without a scheme is a path, taken as it stands: `100%.db` is a file of that name. In the other forms
 *   percent-escapes are decoded.
 * - `?mode=ro|rw|rwc` is understood in every form.
 *
 * Missing parent folders are left to whoever opens the file.
 *
 * @throws ConfigurationError for anything else; it names the location with passwords masked
 * @example
 * parseLocation("sqlite:///app.db?mode=ro"); // { memory: false, path: "/srv/app.db", mode: "ro", … }
 */
export function parseLocation(location: string | URL): Location {
  const written = textOf(location);
  const text = maskSecrets(written);
  const refused: Refused = (problem) =>
    new ConfigurationError(`Cannot use ${JSON.stringify(text)} as a location: ${problem}`);

  if (written.trim() === "") throw refused(`it is empty. ${FORMS}.`);
  const scheme = schemeOf(written);
  const decode = scheme === undefined ? (plain: string) => plain : decoder(refused);
  const [address, query] = splitQuery(written);
  const path = pathOf(address, scheme, decode, refused);
  if (path.includes("\0")) throw refused("it contains a NUL character, which no file name can.");
  const mode = parseMode(query, decode, refused);

  if (path !== MEMORY) return { memory: false, path: filePath(path, refused), mode, text };
  if (mode === "ro") throw refused("an in-memory database starts empty, and with mode=ro would stay so.");
  return { memory: true, path, mode, text };
}

function textOf(location: unknown): string {
  if (typeof location === "string") return location;
  // By shape, because a URL made in another realm (Jest, a vm context) is no instance of this realm's URL.
  if (typeof location === "object" && location !== null && "href" in location && "protocol" in location) {
    const { href, protocol } = location;
    if (typeof href === "string" && /^(file|sqlite(\+.+)?):$/.test(String(protocol))) return href;
    throw new ConfigurationError(
      `Cannot use ${describe(href)} as a location: a URL object must be a file: or a sqlite: URL.`,
    );
  }
  throw new ConfigurationError(
    `The location must be a string or a URL (got ${describe(location)}). ${FORMS}.`,
  );
}

/** The scheme in lower case. A single letter is none: it is a drive, as in `C:\app.db`. */
function schemeOf(written: string): string | undefined {
  return /^([a-z][\w+.-]+):/i.exec(written)?.[1]?.toLowerCase();
}

function splitQuery(written: string): [address: string, query: string] {
  // Windows spells long paths \\?\C:\…, and that "?" begins no query.
  const at = written.indexOf("?", written.startsWith("\\\\?\\") ? 4 : 0);
  return at === -1 ? [written, ""] : [written.slice(0, at), written.slice(at + 1)];
}

function decoder(refused: Refused): (escaped: string) => string {
  return (escaped) => {
    try {
      return decodeURIComponent(escaped);
    } catch {
      throw refused(`it has a broken percent-escape. A "%" itself is written %25.`);
    }
  };
}

function filePath(path: string, refused: Refused): string {
  const absolute = resolve(path);
  if (path.endsWith("/") || path.endsWith(sep) || isFolder(absolute)) {
    throw refused("it is a folder. Add the name of a file.");
  }
  return absolute;
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    // Missing, or not ours to see: opening it will tell.
    return false;
  }
}
