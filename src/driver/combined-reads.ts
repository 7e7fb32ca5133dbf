import type { BindValue } from "../sql/bind-value";
import { type CombinedStatement, combinedStatement } from "../sql/combined-statement";
import type { StatementAnalysis } from "../sql/statement";
import type { Connection, Row } from "./connection";
import { hasLostOrder } from "./ordered-columns";
import type { ExecuteOptions, StatementResult } from "./run-statement";
import { SHORT_TEXT } from "./statement-cache";
import { hasSuspectIntegers } from "./unsafe-integers";

/** A query outside of a transaction. */
export interface SingleRead extends ExecuteOptions {
  readonly statement: StatementAnalysis;
  readonly sql: string;
  readonly values: readonly BindValue[];
}

/** Lends a connection when it is the caller's turn. */
export type Lend = (use: (connection: Connection) => Promise<StatementResult>) => Promise<StatementResult>;

/** A further one in the same statement saves less and less, and makes the first wait for more. */
const MOST_READS = 16;
/** Of one read. More rows take longer to make than the call that is saved. */
const MOST_ROWS = 20;
/** Milliseconds that a read alone may take. What takes longer is better run beside the others. */
const SHORT_READ = 1;
/** Milliseconds that all of them may take, the wait for a thread and for the event loop included. */
const LONG_CALL = MOST_READS * SHORT_READ;
/** How often a query may turn out unfit until it is always sent alone. */
const MOST_FAILURES = 3;

const INDEX = "index of combined read";

/** What is known of the reads with one text. */
interface Shape {
  /** The names of the columns, in the order in which a row has them; `undefined` as long as none was seen. */
  names: readonly string[] | undefined;
  statement?: CombinedStatement;
  failures: number;
}

interface Waiting {
  readonly read: SingleRead;
  readonly settle: (result: StatementResult | undefined) => void;
}

/**
 * Sends short reads that wait for their turn and differ in their values only as one statement.
 *
 * The call into SQLite's thread and back costs more than a read by key, so what waits anyway goes together, as in
 * group commit. Each gets what it would have got alone, exactly: its rows as the module makes them, at a moment between
 * its call and its answer. Where there is any doubt, and when anything fails, each runs alone.
 */
export class CombinedReads {
  /** By what is known of the text, which is remembered for as long as the text is in use. */
  readonly #shapes = new WeakMap<StatementAnalysis, Shape>();
  /** Those that wait for the turn of the first with their text. */
  readonly #groups = new Map<StatementAnalysis, Waiting[]>();

  /** Runs a read for which there is no turn at the moment. */
  async run(
    read: SingleRead,
    lend: Lend,
    alone: (connection: Connection) => Promise<StatementResult>,
  ): Promise<StatementResult> {
    const { statement } = read;
    const shape = this.#shapes.get(statement);
    if (!shape?.names || read.signal)
      return await lend((connection) => this.#observe(read, () => alone(connection)));
    const group = this.#groups.get(statement);
    if (group) {
      const result = await this.#join(group, read);
      return result ?? (await lend(alone));
    }
    const followers: Waiting[] = [];
    this.#groups.set(statement, followers);
    const close = (): void => {
      if (this.#groups.get(statement) === followers) this.#groups.delete(statement);
    };
    try {
      return await lend(async (connection) => {
        close();
        const result =
          followers.length > 0 ? await this.#together(connection, read, followers, shape) : undefined;
        return result ?? (await alone(connection));
      });
    } finally {
      close();
      for (const { settle } of followers) settle(undefined);
    }
  }

  #join(group: Waiting[], read: SingleRead): Promise<StatementResult | undefined> {
    return new Promise((settle) => {
      group.push({ read, settle });
      if (group.length === MOST_READS - 1) this.#groups.delete(read.statement);
    });
  }

  /** Learns from a read that runs alone whether others like it can be combined. */
  async #observe({ statement }: SingleRead, run: () => Promise<StatementResult>): Promise<StatementResult> {
    const started = performance.now();
    const result = await run();
    const { rows } = result;
    if (statement.kind !== "select" || !rows?.[0] || rows.length > MOST_ROWS) return result;
    if (performance.now() - started > SHORT_READ || hasLostOrder(Object.keys(rows[0]))) return result;
    const shape = this.#shapes.get(statement) ?? { names: undefined, failures: 0 };
    if (shape.failures < MOST_FAILURES) shape.names = Object.keys(rows[0]);
    this.#shapes.set(statement, shape);
    return result;
  }

  /** The result of the first; those of the others are told to them. `undefined` for what has to run alone. */
  async #together(
    connection: Connection,
    first: SingleRead,
    followers: readonly Waiting[],
    shape: Shape,
  ): Promise<StatementResult | undefined> {
    let own: StatementResult | undefined;
    const waiting = [
      {
        read: first,
        settle: (result: StatementResult | undefined) => {
          own = result;
        },
      },
      ...followers,
    ];
    shape.statement ??= combinedStatement(first.sql, INDEX);
    // Statements of a few sizes only, each of which is prepared once, and kept.
    for (let size = MOST_READS; size > 1; size /= 2) {
      if (shape.statement.text(size).length > SHORT_TEXT) continue;
      while (waiting.length >= size) {
        const part = waiting.splice(0, size);
        const results = await this.#send(
          connection,
          part.map(({ read }) => read),
          shape,
        );
        if (!results) return own;
        for (const [index, { settle }] of part.entries()) settle(results[index]);
      }
    }
    return own;
  }

  /** What each of the reads gives, or nothing where it has to run alone. */
  async #send(
    connection: Connection,
    reads: readonly SingleRead[],
    shape: Shape,
  ): Promise<(StatementResult | undefined)[] | undefined> {
    const { names, statement } = shape;
    if (!names || !statement) return undefined;
    const started = performance.now();
    const rows = await connection
      .all(
        statement.text(reads.length),
        reads.flatMap(({ values }) => statement.valuesOf(values)),
      )
      .catch(() => undefined);
    const results = rows && resultsOf(rows, names, reads);
    if (!results) shape.failures++;
    // What has become long may be short again, which those that run alone will tell.
    const isShort =
      results && rows.length <= MOST_ROWS * reads.length && performance.now() - started <= LONG_CALL;
    if (!isShort) shape.names = undefined;
    return results;
  }
}

/** `undefined` if the columns are not those that the query has alone. */
function resultsOf(
  rows: readonly Row[],
  names: readonly string[],
  reads: readonly SingleRead[],
): (StatementResult | undefined)[] | undefined {
  if (rows[0] && !isSame(Object.keys(rows[0]), [INDEX, ...names])) return undefined;
  const found: Row[][] = reads.map(() => []);
  for (const row of rows) {
    const own: Row = {};
    for (const name of names) own[name] = row[name];
    found[row[INDEX] as number]!.push(own);
  }
  return found.map((own, index) => {
    const { refuse, wantsDetails } = reads[index]!;
    // The names of the columns of no rows take a further query.
    if (wantsDetails && own.length === 0) return undefined;
    if (refuse && hasSuspectIntegers(own)) return undefined;
    return {
      rows: own,
      columns: own.length > 0 ? [...names] : [],
      changes: undefined,
      lastInsertRowid: undefined,
    };
  });
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((name, index) => name === other[index]);
}
