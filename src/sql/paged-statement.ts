import type { BindValue } from "./bind-value";
import { numberParameters } from "./parameter-numbers";
import { analyzeStatement } from "./statement";
import { StatementTokens } from "./statement-tokens";

/** A query that can be read in parts. */
export interface PagedStatement {
  /** The query; its last two parameters are how many rows to give at most (-1: all), and how many to leave out. */
  readonly sql: string;
  /** The values of the query's own parameters, which come before those two. */
  readonly values: BindValue[];
  /** Gives the query's own `LIMIT` and `OFFSET` as the columns `most` and `skip`, if it has any. */
  readonly bounds: { readonly sql: string; readonly values: BindValue[] } | undefined;
}

/**
 * The same query with a LIMIT and an OFFSET that change from part to part, or `undefined` for what cannot have them:
 * a PRAGMA, an EXPLAIN. It is not put into a subquery, where SQLite would give other names to some columns (`rowid`,
 * or those that occur twice).
 */
export function pagedStatement(sql: string, values: readonly BindValue[]): PagedStatement | undefined {
  if (analyzeStatement(sql).kind !== "select") return undefined;
  const tokens = new StatementTokens(sql);
  const start = tokens.statementStart(0);
  const end = tokens.statementEnd(start);
  const text = (from: number, to: number) => sql.slice(tokens.at(from)?.start, tokens.at(to - 1)?.end);
  const { core, limit, separator } = clausesOf(tokens, start, end);
  // Neither LIMIT nor ORDER BY can follow VALUES (https://sqlite.org/lang_select.html#the_values_clause).
  const isValues = tokens.word(core) === "VALUES";
  const body = isValues
    ? `${core > start ? text(start, core) : ""} SELECT * FROM (${text(core, end)})`
    : text(start, limit ?? end);
  const parameters = tokens.ofKind("parameter").map((token) => ({
    text: sql.slice(token.start, token.end),
    start: token.start,
  }));
  const { numbers } = numberParameters(parameters.map((parameter) => parameter.text));
  const limitAt = limit === undefined ? Number.POSITIVE_INFINITY : tokens.at(limit)!.start;
  const own = numberParameters(
    parameters.filter((parameter) => parameter.start < limitAt).map((parameter) => parameter.text),
  );
  // A number that the planner can see may change the plan, and so the order in which the rows come.
  const paged = `${body}\nLIMIT ?+0 OFFSET ?+0`;
  if (limit === undefined) return { sql: paged, values: values.slice(0, own.highest), bounds: undefined };

  const boundValues: BindValue[] = [];
  const expression = (from: number, to: number): string => {
    let copied = "";
    let at = tokens.at(from)!.start;
    for (const [index, parameter] of parameters.entries()) {
      if (parameter.start < at || parameter.start >= tokens.at(to - 1)!.end) continue;
      copied += `${sql.slice(at, parameter.start)}?`;
      at = parameter.start + parameter.text.length;
      boundValues.push(values[numbers[index]! - 1] ?? null);
    }
    return `(${copied}${sql.slice(at, tokens.at(to - 1)!.end)})`;
  };
  // LIMIT most OFFSET skip, or LIMIT skip, most
  const first = expression(limit + 1, separator ?? end);
  const second = separator === undefined ? "0" : expression(separator + 1, end);
  const [most, skip] =
    separator !== undefined && tokens.is(separator, ",") ? [second, first] : [first, second];
  return {
    sql: paged,
    values: values.slice(0, own.highest),
    bounds: { sql: `SELECT ${most} AS most, ${skip} AS skip`, values: boundValues },
  };
}

/** The indexes of the last SELECT or VALUES, of the LIMIT, and of what is between its two numbers, outside parentheses. */
function clausesOf(tokens: StatementTokens, start: number, end: number) {
  let core = start;
  let limit: number | undefined;
  let separator: number | undefined;
  let depth = 0;
  for (let index = start; index < end; index++) {
    if (tokens.is(index, "(")) depth++;
    else if (tokens.is(index, ")")) depth--;
    if (depth > 0) continue;
    const word = tokens.word(index);
    if (word === "SELECT" || word === "VALUES") core = index;
    if (word === "LIMIT") limit = index;
    else if (limit !== undefined && (word === "OFFSET" || tokens.is(index, ","))) separator = index;
  }
  return { core, limit, separator };
}
