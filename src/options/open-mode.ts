import type { Refused } from "./location-path";

/** `ro` reads only, `rw` writes to a file that must exist, `rwc` makes the file when it is missing. */
export type OpenMode = "ro" | "rw" | "rwc";

const MODES: ReadonlySet<string> = new Set<OpenMode>(["ro", "rw", "rwc"]);

/** What to do instead about query keys that SQLAlchemy, Python's sqlite3 or SQLite's own URIs understand. */
const REMEDIES: ReadonlyMap<string, string> = new Map([
  ["timeout", "set the option busyTimeout instead, in seconds"],
  ["check_same_thread", "leave it out: every session has a connection of its own"],
  ["uri", "leave it out: mode is understood without it"],
  ["cache", "leave it out: connections do not share a cache"],
]);

/**
 * Reads the mode from the query of a location.
 *
 * @param query what follows the `?`, without it
 * @param decode turns an escaped key or value into its text
 * @param refused makes the error for a problem
 * @throws ConfigurationError for a mode that does not exist, a key given twice, and any key but `mode`
 */
export function parseMode(query: string, decode: (escaped: string) => string, refused: Refused): OpenMode {
  let mode: OpenMode | undefined;
  for (const pair of query.split("&")) {
    if (pair === "") continue;
    const [key = "", ...rest] = pair.split("=");
    const name = decode(key);
    const value = decode(rest.join("="));
    if (name !== "mode")
      throw refused(`the query key ${JSON.stringify(name)} is not understood, ${remedyFor(name)}.`);
    if (mode !== undefined) throw refused(`the query key "mode" is given twice.`);
    if (!isOpenMode(value)) throw refused(`mode=${value} does not exist, ${remedyForMode(value)}.`);
    mode = value;
  }
  return mode ?? "rwc";
}

function isOpenMode(value: string): value is OpenMode {
  return MODES.has(value);
}

function remedyFor(name: string): string {
  return (
    REMEDIES.get(name.toLowerCase()) ??
    `only mode=ro, mode=rw and mode=rwc are; a "?" in a file's name is written %3F, as in sqlite:///what%3F.db`
  );
}

function remedyForMode(value: string): string {
  const allowed = "the modes are ro, rw and rwc";
  return value.toLowerCase() === "memory" ? `${allowed}; an in-memory database is ":memory:"` : allowed;
}
