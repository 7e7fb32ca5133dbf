import type { BindValue } from "./bind-value";
import { quotedName } from "./quoted-name";
import { analyzeStatement, splitStatements } from "./statement";
import { StatementTokens } from "./statement-tokens";
import { writeTarget } from "./target-table";

/** A query for the names of a statement's columns: it has one row, of NULLs, and reads none of the rows. */
export interface NamesQuery {
  readonly sql: string;
  readonly values: readonly BindValue[];
}

/**
 * How to learn the names of the columns of a statement that gave no row, with which sqlite3 tells no names either;
 * `undefined` for what cannot be a subquery, such as a PRAGMA. A column that occurs in other letters than in
 * CREATE TABLE has those of the statement, and of two columns with one name the second has a number after it.
 */
export function columnNamesQuery(sql: string, values: readonly BindValue[]): NamesQuery | undefined {
  const { kind, returnsRows } = analyzeStatement(sql);
  if (kind === "select") return { sql: namesOf(splitStatements(sql)[0]!), values };
  return returnsRows && kind !== "pragma" && kind !== "explain" ? returningNames(sql) : undefined;
}

/** What RETURNING gives of a table, a query of that table can give as well. */
function returningNames(sql: string): NamesQuery | undefined {
  const target = writeTarget(sql);
  const tokens = new StatementTokens(splitStatements(sql)[0]!);
  let at = tokens.length - 1;
  while (at > 0 && tokens.word(at) !== "RETURNING") at--;
  const list = tokens.sql.slice(tokens.at(at)?.end);
  if (!target || /[?:@$]/.test(list)) return undefined;
  const path = [target.schema ?? [], target.table].flat().map(quotedName).join(".");
  return { sql: namesOf(`SELECT ${list} FROM ${path}`), values: [] };
}

function namesOf(query: string): string {
  return `SELECT named.* FROM (SELECT 1) LEFT JOIN (SELECT * FROM (${query}\n) LIMIT 0) AS named ON 0`;
}
