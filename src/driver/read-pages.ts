import { ReadonlyError } from "../errors";
import type { BindValue } from "../sql/bind-value";
import { type PagedStatement, pagedStatement } from "../sql/paged-statement";
import { analyzeStatement, mayOnlyRead } from "../sql/statement";
import type { Row } from "./connection";
import { type Materialized, materialize } from "./materialized-rows";
import { type QueryProgram, readProgram } from "./query-program";
import type { ExecuteOptions } from "./run-statement";
import type { SqliteDataSource } from "./sqlite-data-source";
import type { SqliteQueryRunner } from "./sqlite-query-runner";

interface ReadOptions {
  readonly signal?: AbortSignal | undefined;
  readonly refuse?: ExecuteOptions["refuse"];
}

interface Reading extends ReadOptions {
  readonly runner: SqliteQueryRunner;
  readonly paged: PagedStatement;
  readonly program: QueryProgram;
  /** Whether the transaction is this reading's alone. */
  readonly own: boolean;
}

/** Few enough that the first come soon, and that rows of a megabyte each do no harm. */
const FIRST_PAGE = 100;
const GROWTH = 8;
/** After so many, leaving out those that were taken costs more than to keep the next ones for a while. */
const MANY_ROWS = 20_000;
/** A page is what is in memory at once; each row of it is made on the main thread, two microseconds a row. */
const LARGEST_PAGE = 10_000;
const LARGEST_PAGE_BYTES = 4 * 1024 * 1024;
/** Rows whose size is looked at to tell how large the next page may be. */
const SAMPLE = 16;

/**
 * The rows of a query, page by page: in the runner's transaction, or else in one snapshot that lasts until the last
 * page has been taken or the reading is given up.
 *
 * @throws ReadonlyError for a statement that does not only read
 */
export async function* readPages(
  runner: SqliteQueryRunner,
  sql: string,
  values: BindValue[],
  options: ReadOptions = {},
): AsyncGenerator<Row[], void, undefined> {
  if (!mayOnlyRead(analyzeStatement(sql))) throw refusedStream(sql);
  if (runner.scope) {
    yield* read(runner, sql, values, false, options);
    return;
  }
  const { driver } = runner;
  const dataSource = runner.dataSource as SqliteDataSource;
  const { signal } = options;
  if (driver.lender.isSandboxed) {
    // There is one connection, which the code that reads the stream needs as well.
    const { rows = [] } = await runner.execute(sql, values, { ...options, readonly: true });
    yield rows;
    return;
  }
  const snapshot = driver.openTransaction({ readonly: true, label: "stream", signal });
  // Whoever takes the rows may be busy with one for long.
  const abort = (): void => void snapshot.rollback().catch(() => {});
  signal?.addEventListener("abort", abort, { once: true });
  try {
    yield* read(dataSource.createScopedQueryRunner(snapshot), sql, values, true, options);
  } finally {
    signal?.removeEventListener("abort", abort);
    await snapshot.rollback();
  }
}

async function* read(
  runner: SqliteQueryRunner,
  sql: string,
  values: BindValue[],
  own: boolean,
  { signal, refuse }: ReadOptions,
): AsyncGenerator<Row[], void, undefined> {
  const whole = () => runner.execute(sql, values, { readonly: true, refuse, signal });
  const paged = pagedStatement(sql, values);
  const program = paged && (await readProgram(runner.scope!, paged.sql, signal));
  const bounds = paged && program && (await boundsOf(runner, paged, signal));
  // What SQLite refuses it refuses here, by its own words about the statement as it was written.
  if (!bounds || program.miscountsOffset || (program.isRandom && !own)) {
    const { rows = [] } = await whole();
    yield rows;
    return;
  }
  yield* readBetween({ runner, paged, program, own, signal, refuse }, bounds);
}

/** How many rows there are at most, and how many are left out. */
interface Bounds {
  readonly most: number;
  readonly skip: number;
}

/** The LIMIT and OFFSET of the query itself; `undefined` if they are nothing that SQLite takes. */
async function boundsOf(
  runner: SqliteQueryRunner,
  { bounds }: PagedStatement,
  signal: AbortSignal | undefined,
): Promise<Bounds | undefined> {
  if (!bounds) return { most: Number.POSITIVE_INFINITY, skip: 0 };
  try {
    const { rows } = await runner.execute(bounds.sql, bounds.values, { readonly: true, signal });
    const { most, skip } = rows?.[0] ?? {};
    if (!Number.isSafeInteger(most) || !Number.isSafeInteger(skip)) return undefined;
    // A negative LIMIT is none, and a negative OFFSET is 0 (https://sqlite.org/lang_select.html#limitoffset).
    return {
      most: Number(most) < 0 ? Number.POSITIVE_INFINITY : Number(most),
      skip: Math.max(0, Number(skip)),
    };
  } catch (error) {
    signal?.throwIfAborted();
    // A LIMIT may name a table of the WITH clause.
    if (runner.scope?.isOpen) return undefined;
    throw error;
  }
}

async function* readBetween(
  reading: Reading,
  { most, skip }: Bounds,
): AsyncGenerator<Row[], void, undefined> {
  const { runner, paged, program, own, signal, refuse } = reading;
  let stored: Materialized | undefined;
  let canStore = own;
  let taken = 0;
  let size = program.isRandom ? 1 : FIRST_PAGE;
  while (taken < most) {
    const wanted = Math.min(size, stored?.left ?? most - taken);
    const { sql, values } = stored
      ? stored.page(wanted)
      : { sql: paged.sql, values: [...paged.values, wanted, skip + taken] };
    const { rows = [] } = await runner.execute(sql, values, { readonly: true, refuse, signal });
    const isFirst = taken === 0 && !stored;
    // A row of a random query only tells the names of the columns.
    if (rows.length > 0 && !(isFirst && program.isRandom)) {
      taken += rows.length;
      stored?.advance(rows.length);
      yield rows;
    }
    if (stored ? stored.left === 0 && stored.isRest : rows.length < wanted) return;
    if (stored?.left === 0) stored = undefined;
    const isCostly = program.isRandom || program.isCostlyToRepeat;
    if (canStore && !stored && (isCostly || taken >= MANY_ROWS)) {
      const left = { most: Number.isFinite(most) ? most - taken : -1, skip: skip + taken };
      // Not more than four times what was taken, for who takes it may soon have enough.
      const part = left.most < 0 ? 4 * taken : Math.min(4 * taken, left.most);
      const bounds = isCostly ? left : { ...left, most: part };
      stored = await materialize(runner.scope!, paged, program, rows[0]!, bounds, signal);
      canStore = stored !== undefined;
      if (stored?.left === 0) return;
      if (!stored && program.isRandom) {
        const all = await runner.execute(paged.sql, [...paged.values, left.most, left.skip], {
          readonly: true,
          refuse,
          signal,
        });
        yield all.rows ?? [];
        return;
      }
    }
    size = nextSize(size, rows);
  }
}

function nextSize(size: number, rows: readonly Row[]): number {
  const sample = rows.slice(-SAMPLE);
  let bytes = 0;
  for (const row of sample) {
    for (const value of Object.values(row)) {
      bytes += typeof value === "string" || Buffer.isBuffer(value) ? value.length : 8;
    }
  }
  const fitting = Math.ceil((LARGEST_PAGE_BYTES * sample.length) / Math.max(1, bytes));
  return Math.min(size * GROWTH, LARGEST_PAGE, fitting);
}

function refusedStream(sql: string): ReadonlyError {
  return new ReadonlyError(
    `Only what reads can be streamed, and this writes or changes the connection: ${sql.trim().slice(0, 120)}. ` +
      "Use exec(), whose result has the rows of RETURNING.",
  );
}
