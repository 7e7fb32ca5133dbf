import { UnsafeIntegerError } from "../errors";
import type { BindValue } from "../sql/bind-value";
import { analyzeStatement, splitStatements } from "../sql/statement";
import type { Connection, Row } from "./connection";
import { hasLostOrder, inOrder } from "./ordered-columns";

const LEAST = 2 ** 53;
/** What is beyond it cannot have been an integer. */
const MOST = 2 ** 63;

const LONG_NUMBER = /^\s*[-+]?\d{16}/;

/** All integers beyond 2^53, or only those that were rounded because a number cannot hold them. */
export type Refused = "all" | "rounded";

interface Query {
  readonly sql: string;
  readonly values: readonly BindValue[];
}

/**
 * sqlite3 rounds an INTEGER beyond 2^53, and hands it out as the same number that a REAL may be. SQLite itself is asked
 * which of them it was, on the same connection, and only if there is such a number. That takes running the query again,
 * which cannot be done with what RETURNING gave; there, every such number is refused, but TypeORM gets back what it has sent.
 *
 * @returns `undefined` where there is none, which is nearly always
 * @throws UnsafeIntegerError
 */
export function refuseUnsafeIntegers(
  connection: Connection,
  query: Query,
  rows: readonly Row[],
  refused: Refused,
  signal: AbortSignal | undefined,
): Promise<void> | undefined {
  const suspects = suspectColumns(rows);
  return suspects.size > 0 ? refuseRounded(connection, query, rows, suspects, refused, signal) : undefined;
}

/** Whether one of the values, as a number or in digits, may come back as a number that is refused. */
export function mayComeBackRounded(values: readonly BindValue[]): boolean {
  return values.some((value) => {
    if (typeof value === "number" || typeof value === "bigint") return value >= LEAST || value <= -LEAST;
    return typeof value === "string" && LONG_NUMBER.test(value);
  });
}

/** Whether there is a number among the rows that {@link refuseUnsafeIntegers} would ask about. */
export function hasSuspectIntegers(rows: readonly Row[]): boolean {
  return suspectColumns(rows).size > 0;
}

async function refuseRounded(
  connection: Connection,
  query: Query,
  rows: readonly Row[],
  suspects: ReadonlyMap<string, number>,
  refused: Refused,
  signal: AbortSignal | undefined,
): Promise<void> {
  const isRead = analyzeStatement(query.sql).kind === "select";
  if (!isRead) {
    const exact = refused === "rounded" ? exactNumbers(query.values) : undefined;
    for (const column of suspectColumns(rows, exact).keys()) throw new UnsafeIntegerError(column);
    return;
  }
  const keys = Object.keys(rows[0]!);
  const names = hasLostOrder(keys) ? await inOrder(connection, query, keys) : keys;
  const harmless = names && (await countHarmless(connection, query, names, refused, signal));
  for (const [column, count] of suspects) {
    if (harmless?.get(column) !== count) throw new UnsafeIntegerError(column);
  }
}

/** What is exact if it comes back, since a number can hold what was bound. */
function exactNumbers(values: readonly BindValue[]): ReadonlySet<number> {
  const isExact = (value: BindValue): boolean =>
    typeof value === "number" ||
    (/^-?\d+$/.test(String(value)) && BigInt(value as string) === BigInt(Number(value)));
  return new Set(values.filter(isExact).map(Number));
}

/** How many numbers of each column may be rounded integers. */
function suspectColumns(rows: readonly Row[], exact?: ReadonlySet<number>): Map<string, number> {
  const suspects = new Map<string, number>();
  for (const row of rows) {
    for (const column in row) {
      const value = row[column];
      if (typeof value !== "number" || (value < LEAST && value > -LEAST)) continue;
      if (exact?.has(value)) continue;
      if (value <= MOST && value >= -MOST) suspects.set(column, (suspects.get(column) ?? 0) + 1);
    }
  }
  return suspects;
}

/** Which of the integers of a column that are not less than 2^53 are handed out. */
const HARMLESS: Record<Refused, (column: string) => string> = {
  all: (column) => `${column} IN (${LEAST}, -${LEAST})`,
  // The largest of all is rounded to 2^63, and CAST goes back to the largest.
  rounded: (column) =>
    `(${column} >= ${LEAST} OR ${column} <= -${LEAST}) AND ${column} < 9223372036854775807 ` +
    `AND CAST(CAST(${column} AS REAL) AS INTEGER) = ${column}`,
};

/** How many numbers of each column look like rounded integers and are not; nothing where that cannot be told. */
async function countHarmless(
  connection: Connection,
  { sql, values }: Query,
  names: readonly string[],
  refused: Refused,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, number>> {
  const [text] = splitStatements(sql);
  if (!text) return new Map();
  const columns = names.map((_, index) => `c${index}`);
  const counts = columns.map(
    (column) =>
      `sum(CASE typeof(${column}) WHEN 'real' THEN (${column} >= ${LEAST} OR ${column} <= -${LEAST}) ` +
      `AND ${column} BETWEEN -9223372036854775808.0 AND 9223372036854775808.0 ` +
      `WHEN 'integer' THEN ${HARMLESS[refused](column)} ELSE 0 END) AS ${column}`,
  );
  // SQLite refuses the list of names if two columns have the same one and so are one property of the row.
  const counting = `WITH result(${columns.join(", ")}) AS (${text}\n) SELECT ${counts.join(", ")} FROM result`;
  const [row] = await connection.all(counting, values, signal).catch((error: unknown) => {
    if (signal?.aborted) throw error;
    return [];
  });
  return row ? new Map(names.map((name, index) => [name, Number(row[`c${index}`])])) : new Map();
}
