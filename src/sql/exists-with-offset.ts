import { StatementTokens } from "./statement-tokens";

const MENTIONS_EXISTS = /\bexists\b/i;
const MENTIONS_OFFSET = /\b(?:offset|limit)\b/i;
/** What stands before a term that SQLite may take out of a condition. */
const BEFORE_TERM = new Set(["WHERE", "AND"]);

/**
 * The same text with `+EXISTS` for each EXISTS of a condition, where a statement leaves out rows.
 *
 * From 3.51 on SQLite makes a join of `WHERE EXISTS (…)`, and in 3.52 an OFFSET then counts a row once for each that was
 * found in the subquery, so that too few are left out. A `+` changes no value and keeps the term from being a join.
 * Views are not looked into, and a CREATE stays as it is, for it is kept in the file.
 *
 * @example
 * keepExists("SELECT id FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.a = a.id) LIMIT 5 OFFSET 10");
 * // SELECT id FROM a WHERE +EXISTS (SELECT 1 FROM b WHERE b.a = a.id) LIMIT 5 OFFSET 10
 */
export function keepExists(sql: string): string {
  if (!MENTIONS_EXISTS.test(sql) || !MENTIONS_OFFSET.test(sql)) return sql;
  const tokens = new StatementTokens(sql);
  let kept = "";
  let copied = 0;
  for (let start = tokens.statementStart(0); start < tokens.length; ) {
    const end = tokens.statementEnd(start);
    for (const index of tokens.word(start) === "CREATE" ? [] : termsIn(tokens, start, end)) {
      const at = tokens.at(index)!.start;
      kept += `${sql.slice(copied, at)}+`;
      copied = at;
    }
    start = tokens.statementStart(end);
  }
  return kept + sql.slice(copied);
}

/** The indexes of each EXISTS that is a term of a condition, if the statement has an OFFSET. */
function termsIn(tokens: StatementTokens, start: number, end: number): number[] {
  const terms: number[] = [];
  let leavesOut = false;
  let depth = 0;
  /** The depths at which a LIMIT was met: a comma after it separates the offset from the limit. */
  const limits = new Set<number>();
  for (let index = start; index < end; index++) {
    if (tokens.is(index, "(")) depth++;
    else if (tokens.is(index, ")")) limits.delete(depth--);
    const word = tokens.word(index);
    if (word === "LIMIT") limits.add(depth);
    leavesOut ||= word === "OFFSET" || (tokens.is(index, ",") && limits.has(depth));
    if (word === "EXISTS" && BEFORE_TERM.has(tokens.word(beforeParentheses(tokens, index))))
      terms.push(index);
  }
  return leavesOut ? terms : [];
}

function beforeParentheses(tokens: StatementTokens, index: number): number {
  let before = index - 1;
  while (tokens.is(before, "(")) before--;
  return before;
}
