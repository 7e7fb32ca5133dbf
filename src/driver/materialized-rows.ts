import type { BindValue } from "../sql/bind-value";
import type { PagedStatement } from "../sql/paged-statement";
import { quotedName } from "../sql/quoted-name";
import type { Connection, Row } from "./connection";
import { throwMapped } from "./error-mapping";
import { planOf, type QueryProgram } from "./query-program";
import type { TransactionScope } from "./transaction-scope";

const TABLE = "temp.streamed_rows";

/** A part of a result, in a temporary table that ends with its transaction. */
export class Materialized {
  readonly #select: string;
  readonly #count: number;
  #last = 0;

  /** `isRest` if the result has no rows after it. */
  constructor(
    names: readonly string[],
    count: number,
    readonly isRest: boolean,
  ) {
    this.#count = count;
    const columns = names.map((name, index) => `c${index} AS ${quotedName(name)}`);
    this.#select = `SELECT ${columns.join(", ")} FROM ${TABLE} WHERE rowid > ? ORDER BY rowid LIMIT ?`;
  }

  /** How many rows have not been taken. */
  get left(): number {
    return this.#count - this.#last;
  }

  page(size: number): { sql: string; values: BindValue[] } {
    return { sql: this.#select, values: [this.#last, size] };
  }

  advance(rows: number): void {
    this.#last += rows;
  }
}

/**
 * Runs a query once and keeps what it gives, so that its pages cost what they hold; in SQLite's temporary storage and
 * not in memory. The transaction must be the reading's alone, because it ends with a rollback.
 *
 * @returns `undefined` where the rows would not be the same, with the same names, as those of the query itself
 */
export async function materialize(
  scope: TransactionScope,
  { sql, values }: PagedStatement,
  { columnCount, isRandom }: QueryProgram,
  row: Row,
  { most, skip }: { readonly most: number; readonly skip: number },
  signal: AbortSignal | undefined,
): Promise<Materialized | undefined> {
  const names = Object.keys(row);
  // A name that occurs twice is one property, and a number as a name changes its place among the others.
  if (names.length !== columnCount || names.some((name) => /^\d+$/.test(name))) return undefined;
  const columns = names.map((_, index) => `c${index}`).join(", ");
  const insert = `INSERT INTO ${TABLE} ${sql}`;
  return await scope.run((connection) =>
    writable(connection, async () => {
      // Without types, so that every value stays what it is (https://sqlite.org/datatype3.html#type_affinity).
      await connection.run(`DROP TABLE IF EXISTS ${TABLE}`);
      await connection.run(`CREATE TABLE ${TABLE} (${columns})`);
      const plan = async (text: string) => planOf(await connection.all(`EXPLAIN QUERY PLAN ${text}`));
      // The rows that were read already came in the order of the one, those to come would in that of the other.
      if (!isRandom && (await plan(sql)) !== (await plan(insert))) return undefined;
      const { changes } = await connection.run(insert, [...values, most, skip], signal);
      return new Materialized(names, changes, most < 0 || changes < most);
    }).catch((error) => throwMapped(sql, [...values], error, connection)),
  );
}

/** `query_only` forbids temporary tables too (https://sqlite.org/pragma.html#pragma_query_only). */
async function writable<T>(connection: Connection, work: () => Promise<T>): Promise<T> {
  await connection.run("PRAGMA query_only=OFF");
  try {
    return await work();
  } finally {
    await connection.run("PRAGMA query_only=ON");
  }
}
