import { describe } from "./describe";
import { isPlainObject } from "./plain-object";

const NO_ENCRYPTION = "is not possible: this SQLite has no encryption, and would ignore it without a word";

/** Pragmas that would break a promise of this library, with the reason and the remedy. */
const REFUSED: ReadonlyMap<string, string> = new Map([
  ["query_only", "is set by the pool; for a database that is only read use ?mode=ro, or readonly sessions"],
  ...["key", "hexkey", "textkey", "rekey", "hexrekey", "textrekey"].map(
    (name) => [name, NO_ENCRYPTION] as const,
  ),
]);

/**
 * Everything that is wrong with the option `pragmas`, each as a sentence naming the pragma. Names and values end up in
 * SQL text, where nothing can be bound, so only plain words and whole numbers pass.
 */
export function pragmaProblems(pragmas: unknown): string[] {
  if (!isPlainObject(pragmas)) {
    return [`pragmas must be an object such as { synchronous: "FULL" } (got ${describe(pragmas)})`];
  }
  return Object.entries(pragmas).flatMap(([name, value]) => {
    const problem = pragmaProblem(name, value);
    return problem === undefined ? [] : [`pragmas.${name} ${problem}`];
  });
}

function pragmaProblem(name: string, value: unknown): string | undefined {
  const key = name.toLowerCase();
  const reason = REFUSED.get(key);
  // Without the value: of `key` it is the password.
  if (reason !== undefined) return reason;
  if (!/^[a-z_]+$/.test(key)) return "is no name of a pragma: only letters and underscores";
  if (!isPragmaValue(value)) {
    return `must be a word such as "FULL", a whole number, true or false (got ${describe(value)})`;
  }
  if (key === "busy_timeout" && Number(value) !== 0) {
    return `stays 0; set the option busyTimeout, in seconds, which waits in JavaScript, so the event loop stays free (got ${describe(value)})`;
  }
  if (key === "locking_mode" && String(value).toUpperCase() !== "NORMAL") {
    return `stays NORMAL: one connection would lock out all others, also those of the same pool (got ${describe(value)})`;
  }
  return undefined;
}

function isPragmaValue(value: unknown): boolean {
  if (typeof value === "string") return /^[\w.+-]+$/.test(value);
  return typeof value === "boolean" || Number.isSafeInteger(value);
}
