import type { BindValue } from "./bind-value";
import { quotedName } from "./quoted-name";
import { analyzeStatement, splitStatements } from "./statement";
import { StatementTokens } from "./statement-tokens";
import { writeTarget } from "./target-table";

/** A query about the columns of a statement, which reads none of its rows. */
export interface ColumnsQuery {
  readonly sql: string;
  readonly values: readonly BindValue[];
}

/**
 * How to learn the names of the columns of a statement that gave no row, with which sqlite3 tells no names either: from
 * one row of NULLs. `undefined` for what cannot be a subquery, such as a PRAGMA. A column that occurs in other letters
 * than in CREATE TABLE has those of the statement, and of two columns with one name the second has a number after it.
 */
export function columnNamesQuery(sql: string, values: readonly BindValue[]): ColumnsQuery | undefined {
  return about(sql, values, (none) => `SELECT named.* FROM (SELECT 1) LEFT JOIN (${none}) AS named ON 0`);
}

/**
 * How to learn which place each of the columns has: from one row with the places, under the names. SQLite refuses it if
 * there are not as many columns.
 */
export function columnPlacesQuery(
  sql: string,
  values: readonly BindValue[],
  count: number,
): ColumnsQuery | undefined {
  const places = Array.from({ length: count }, (_, place) => place);
  return about(sql, values, (none) => `SELECT * FROM (${none}) UNION ALL SELECT ${places.join(", ")}`);
}

/** `ask` makes the query, of one that has the columns and no rows. */
function about(
  sql: string,
  values: readonly BindValue[],
  ask: (none: string) => string,
): ColumnsQuery | undefined {
  const { kind, returnsRows } = analyzeStatement(sql);
  const of = (query: string) => ask(`SELECT * FROM (${query}\n) LIMIT 0`);
  if (kind === "select") return { sql: of(splitStatements(sql)[0]!), values };
  const returned = returnsRows && kind !== "pragma" && kind !== "explain" ? returningQuery(sql) : undefined;
  return returned === undefined ? undefined : { sql: of(returned), values: [] };
}

/** What RETURNING gives of a table, a query of that table can give as well. */
function returningQuery(sql: string): string | undefined {
  const target = writeTarget(sql);
  const tokens = new StatementTokens(splitStatements(sql)[0]!);
  let at = tokens.length - 1;
  while (at > 0 && tokens.word(at) !== "RETURNING") at--;
  const list = tokens.sql.slice(tokens.at(at)?.end);
  if (!target || /[?:@$]/.test(list)) return undefined;
  const path = [target.schema ?? [], target.table].flat().map(quotedName).join(".");
  return `SELECT ${list} FROM ${path}`;
}
