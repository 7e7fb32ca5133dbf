import type { BindValue } from "../sql/bind-value";
import { columnNamesQuery, columnPlacesQuery } from "../sql/column-names";
import type { Connection, Row } from "./connection";

interface Query {
  readonly sql: string;
  readonly values: readonly BindValue[];
}

/** The names of the columns of a row, in their order; of no row, as far as SQLite tells them. */
export async function namesOf(connection: Connection, query: Query, row: Row | undefined): Promise<string[]> {
  const names = row
    ? Object.keys(row)
    : distinct(Object.keys((await ask(connection, columnNamesQuery(query.sql, query.values))) ?? {}));
  return hasLostOrder(names) ? ((await inOrder(connection, query, names)) ?? names) : names;
}

/** Of two columns with one name a row has one property, and a subquery names the second with a number after it. */
function distinct(names: readonly string[]): string[] {
  return names.filter((name) => !names.includes(name.replace(/:\d+$/, "")) || !/:\d+$/.test(name));
}

/** Whether the properties of a row may be in another order than its columns: those named by a number come first. */
export function hasLostOrder([first, second]: readonly string[]): boolean {
  return first !== undefined && second !== undefined && /^\d+$/.test(first);
}

/** The names in the order of the columns; `undefined` where SQLite does not tell. */
export async function inOrder(
  connection: Connection,
  { sql, values }: Query,
  names: readonly string[],
): Promise<string[] | undefined> {
  const places = await ask(connection, columnPlacesQuery(sql, values, names.length));
  if (!places || !names.every((name) => name in places)) return undefined;
  return [...names].sort((one, other) => Number(places[one]) - Number(places[other]));
}

async function ask(connection: Connection, query: Query | undefined): Promise<Row | undefined> {
  const [row] = query ? await connection.all(query.sql, query.values).catch(() => []) : [];
  return row;
}
