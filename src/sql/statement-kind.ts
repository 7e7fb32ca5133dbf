import type { StatementTokens } from "./statement-tokens";

/** `schema` is CREATE, DROP, ALTER, REINDEX and ANALYZE; `empty` is nothing but spaces, comments and semicolons. */
export type StatementKind =
  | "select"
  | "insert"
  | "update"
  | "delete"
  | "pragma"
  | "explain"
  | "begin"
  | "commit"
  | "rollback"
  | "rollbackTo"
  | "savepoint"
  | "release"
  | "vacuum"
  | "attach"
  | "detach"
  | "schema"
  | "empty"
  | "other";

const KINDS: ReadonlyMap<string, StatementKind> = new Map([
  ["SELECT", "select"],
  ["VALUES", "select"],
  ["INSERT", "insert"],
  ["REPLACE", "insert"],
  ["UPDATE", "update"],
  ["DELETE", "delete"],
  ["PRAGMA", "pragma"],
  ["EXPLAIN", "explain"],
  ["BEGIN", "begin"],
  ["COMMIT", "commit"],
  ["END", "commit"],
  ["ROLLBACK", "rollback"],
  ["SAVEPOINT", "savepoint"],
  ["RELEASE", "release"],
  ["VACUUM", "vacuum"],
  ["ATTACH", "attach"],
  ["DETACH", "detach"],
  ["CREATE", "schema"],
  ["DROP", "schema"],
  ["ALTER", "schema"],
  ["REINDEX", "schema"],
  ["ANALYZE", "schema"],
]);

/** The kind of the statement whose tokens are those from `start` to before `end`. */
export function kindOfStatement(tokens: StatementTokens, start: number, end: number): StatementKind {
  if (start === end) return "empty";
  const first = tokens.word(start);
  if (first === "WITH") return kindAfterWith(tokens, start + 1, end);
  const kind = KINDS.get(first) ?? "other";
  if (kind !== "rollback") return kind;
  // ROLLBACK [TRANSACTION [name]] TO [SAVEPOINT] name: TO cannot be a name itself.
  for (let index = start; index < end; index++) if (tokens.word(index) === "TO") return "rollbackTo";
  return kind;
}

// The common table expressions are in parentheses, so the first verb outside of them is the statement's own.
function kindAfterWith(tokens: StatementTokens, from: number, end: number): StatementKind {
  let depth = 0;
  for (let index = from; index < end; index++) {
    if (tokens.is(index, "(")) depth++;
    else if (tokens.is(index, ")")) depth--;
    else if (depth === 0 && isVerb(tokens, index)) return KINDS.get(tokens.word(index)) ?? "other";
  }
  return "other";
}

function isVerb(tokens: StatementTokens, index: number): boolean {
  const word = tokens.word(index);
  // REPLACE may be the name of a table expression (https://sqlite.org/lang_keywords.html), the others may not.
  if (word === "REPLACE") return tokens.word(index + 1) === "INTO";
  return ["SELECT", "VALUES", "INSERT", "UPDATE", "DELETE"].includes(word);
}
