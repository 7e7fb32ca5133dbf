import { numberParameters } from "./parameter-numbers";
import { quotedName } from "./quoted-name";
import { splitStatements } from "./statement";
import { StatementTokens } from "./statement-tokens";

/** A query that can be sent several times at once, with other values each time. */
export interface CombinedStatement {
  /** The query `count` times; the first column of each row says for which of them it is, from 0. */
  text(count: number): string;
  /** The values of one time, in the order of the text's parameters, given those of the query. */
  valuesOf<Value>(values: readonly Value[]): Value[];
}

/**
 * Makes one query of several that differ in their values only.
 *
 * Each stays a query of its own, with parameters of its own, so that SQLite runs it by the plan that it has alone. The
 * names of the columns may be others than those of the query, for example where one occurs twice.
 *
 * @param sql a query, of the kind "select"
 * @param indexName the name of the first column
 */
export function combinedStatement(sql: string, indexName: string): CombinedStatement {
  const query = splitStatements(sql)[0]!;
  const parameters = new StatementTokens(query).ofKind("parameter");
  const { numbers } = numberParameters(parameters.map(({ start, end }) => query.slice(start, end)));
  // A name or number would be the same parameter in all of them.
  let anonymous = "";
  let copied = 0;
  for (const { start, end } of parameters) {
    anonymous += `${query.slice(copied, start)}?`;
    copied = end;
  }
  anonymous += query.slice(copied);
  const index = quotedName(indexName);
  const texts = new Map<number, string>();
  return {
    text(count) {
      const known = texts.get(count);
      if (known) return known;
      const each = Array.from(
        { length: count },
        (_, at) => `SELECT ${at} AS ${index}, one.* FROM (${anonymous}\n) AS one`,
      );
      const text = each.join(" UNION ALL ");
      texts.set(count, text);
      return text;
    },
    valuesOf: (values) => numbers.map((number) => values[number - 1]!),
  };
}
