/** A value as `PRAGMA name = value` takes it: `true` and `false` are ON and OFF. */
export type PragmaValue = string | number | boolean;

/** One setting of a connection. */
export interface Pragma {
  /** In lower case. */
  readonly name: string;
  readonly value: string | number;
  /**
   * `file`: kept in the database file, so only the writer sets it, and readers find it there.
   * `connection`: belongs to one connection, so each one sets it.
   */
  readonly scope: "connection" | "file";
}

/**
 * What only a database without tables takes, and only before WAL: later, SQLite ignores it without a word. The size of a
 * page comes first, since auto_vacuum fixes it.
 */
const LAYOUT: readonly string[] = ["page_size", "auto_vacuum", "encoding"];

/** https://sqlite.org/pragma.html: what is written to the file, and refused under `query_only`. */
const FILE_SCOPE: ReadonlySet<string> = new Set([
  ...LAYOUT,
  "journal_mode",
  "user_version",
  "application_id",
]);

/**
 * What every connection is set to, in this order, unless the option `pragmas` says otherwise. An in-memory database
 * skips `journal_mode`: it cannot be in WAL mode.
 */
export const DEFAULT_PRAGMAS: readonly Pragma[] = Object.freeze([
  pragma("foreign_keys", "ON"),
  // Readers neither wait for the writer nor make it wait: https://sqlite.org/wal.html.
  pragma("journal_mode", "WAL"),
  // In WAL mode the file survives a power loss; the last commits may not. FULL keeps those too.
  pragma("synchronous", "NORMAL"),
  // A native wait would hold a thread of libuv's pool; waiting happens in JavaScript (the option `busyTimeout`).
  pragma("busy_timeout", 0),
  // KiB, as it is negative. Eight times SQLite's own 2 MB, which is an upper bound per connection, filled only by
  // pages that were read: with the 31 connections of the default pool, at most 484 MiB.
  pragma("cache_size", -16_000),
  // 64 MiB: one large transaction does not leave a large -wal file behind for good.
  pragma("journal_size_limit", 67_108_864),
  // Functions and virtual tables with side effects stay out of reach of the schema of a foreign file.
  pragma("trusted_schema", "OFF"),
  // An I/O error on a mapped file kills the process instead of failing a statement: https://sqlite.org/mmap.html.
  pragma("mmap_size", 0),
]);

/**
 * The pragmas of a connection in the order in which to apply them: those that must come before WAL, the defaults with
 * overrides in their place, then the rest as given. Of two spellings of a name the later one counts.
 *
 * @example
 * mergePragmas({ synchronous: "FULL", temp_store: "MEMORY" });
 */
export function mergePragmas(overrides: Readonly<Record<string, PragmaValue>> = {}): readonly Pragma[] {
  const merged = new Map(DEFAULT_PRAGMAS.map((standard) => [standard.name, standard]));
  for (const [name, value] of Object.entries(overrides)) {
    const override = pragma(name.toLowerCase(), value);
    merged.set(override.name, override);
  }
  const layout = LAYOUT.flatMap((name) => merged.get(name) ?? []);
  return [...new Set([...layout, ...merged.values()])];
}

/**
 * The statement that applies a pragma. Text is quoted: `PRAGMA encoding = UTF-16` is a syntax error.
 *
 * @example
 * pragmaStatement({ name: "journal_mode", value: "WAL" }); // "PRAGMA journal_mode = 'WAL'"
 */
export function pragmaStatement({ name, value }: Pick<Pragma, "name" | "value">): string {
  return `PRAGMA ${name} = ${typeof value === "number" ? value : `'${value}'`}`;
}

function pragma(name: string, value: PragmaValue): Pragma {
  return Object.freeze({
    name,
    value: typeof value === "boolean" ? (value ? "ON" : "OFF") : value,
    scope: FILE_SCOPE.has(name) ? "file" : "connection",
  });
}
