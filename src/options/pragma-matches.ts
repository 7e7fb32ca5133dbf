import type { PragmaValue } from "./pragmas";

/** SQLite takes these as words and reads them back as numbers: https://sqlite.org/pragma.html. */
const WORDS: ReadonlyMap<string, Readonly<Record<string, number>>> = new Map([
  ["synchronous", { normal: 1, full: 2, extra: 3 }],
  ["temp_store", { default: 0, file: 1, memory: 2 }],
  ["auto_vacuum", { none: 0, full: 1, incremental: 2 }],
  ["secure_delete", { fast: 2 }],
]);

const BOOLEANS: Readonly<Record<string, number>> = { on: 1, yes: 1, true: 1, off: 0, no: 0, false: 0 };

/**
 * Whether what `PRAGMA name` reads back is what was asked for. SQLite does not refuse a pragma that it does not know,
 * or that has no effect here, so reading it back is the only way to notice.
 *
 * @param readBack the first column of the first row, `undefined` when there was none
 * @example
 * pragmaMatches("synchronous", "NORMAL", 1); // true
 * pragmaMatches("journal_mode", "WAL", "delete"); // false
 */
export function pragmaMatches(name: string, wanted: PragmaValue, readBack: unknown): boolean {
  const key = name.toLowerCase();
  // The one setting that cannot be read.
  if (key === "case_sensitive_like") return true;
  if (readBack === undefined || readBack === null) {
    // A database in memory maps nothing, whatever was asked, and answers without a row.
    return key === "mmap_size";
  }
  const asked = canonicalPragma(key, wanted);
  const found = canonicalPragma(key, readBack);
  // Reads back the number of pages, which is at least the size of the cache.
  if (key === "cache_spill") return (asked === 0) === (found === 0);
  // UTF-16 reads back with the byte order of the machine.
  if (key === "encoding" && asked === "utf16") return String(found).startsWith("utf16");
  return asked === found;
}

/**
 * The value of a pragma as SQLite reads back most of them: text in lower case, or a number.
 *
 * @param name in lower case
 */
export function canonicalPragma(name: string, value: unknown): string | number {
  const text = String(value).toLowerCase();
  const number = WORDS.get(name)?.[text] ?? BOOLEANS[text];
  if (number !== undefined) return number;
  if (name === "encoding") return text.replace("-", "");
  return text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text);
}
