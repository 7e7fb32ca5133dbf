import { setImmediate as nextTurn } from "node:timers/promises";
import type { EntityTarget, ObjectLiteral } from "typeorm";
import type { QueryDeepPartialEntity } from "typeorm/query-builder/QueryPartialEntity.js";
import type { SessionOptions } from "../database";
import { RowEncoder } from "../driver/row-encoder";
import type { SqliteQueryRunner } from "../driver/sqlite-query-runner";
import { ParameterError } from "../errors";
import { checkCallOptions } from "../options/call-options";
import { InsertChunk, type InsertStatement } from "../sql/insert-chunk";

/** How a bulk insert is to be run. */
export type InsertManyOptions = Omit<SessionOptions, "readonly">;

const OPTIONS: readonly (keyof InsertManyOptions)[] = ["label", "timeout", "signal"];

/** @throws ConfigurationError */
export function checkInsertManyOptions(options: InsertManyOptions): void {
  checkCallOptions("insertMany", options, OPTIONS);
}

/** A row: what the query builder's `insert()` takes, and join columns under their own name. */
export type InsertRow<Entity> = QueryDeepPartialEntity<Entity> | Readonly<Record<string, unknown>>;

/** Rows to insert, all at once or as they become known. */
export type RowSource<Row> = Iterable<Row> | AsyncIterable<Row>;

const MOST_ROWS = 2000;
const MOST_CHARACTERS = 256 * 1024;
/** Milliseconds that the event loop is kept busy with the rows of one chunk; handing it over takes some more. */
const LONGEST_TURN = 5;
/** Looking at the clock costs about as much as a small row. */
const ROWS_BETWEEN_LOOKS = 16;

/**
 * Inserts rows chunk by chunk in the runner's transaction, which the caller undoes if this rejects.
 *
 * @returns how many were inserted
 */
export async function insertMany<Entity extends ObjectLiteral>(
  runner: SqliteQueryRunner,
  target: EntityTarget<Entity>,
  rows: RowSource<unknown>,
): Promise<number> {
  const metadata = runner.dataSource.getMetadata(target);
  const encoder = new RowEncoder(metadata, runner.driver);
  const { writeCheck } = runner.driver;
  const makeChunk = () => new InsertChunk(encoder.table, encoder.columns);
  let chunk = makeChunk();
  let count = 0;
  /** Runs on SQLite's thread while the next chunk is encoded. */
  let sent = Promise.resolve();
  let hasFailed = false;
  /** Whether a statement may not be on its way yet in the next turn of the event loop. */
  const isDelayed = runner.dataSource.subscribers.some(({ beforeQuery }) => beforeQuery);
  let turn = performance.now();

  const isDue = (): boolean =>
    hasFailed ||
    !runner.scope?.isOpen ||
    chunk.length >= MOST_ROWS ||
    chunk.characters >= MOST_CHARACTERS ||
    (chunk.length % ROWS_BETWEEN_LOOKS === 0 && performance.now() - turn >= LONGEST_TURN);
  const insert = async ({ sql, values }: InsertStatement): Promise<void> => {
    const { changes = 0 } = await runner.execute(sql, values);
    count += changes;
  };
  /** Leaves the last statement of the chunk running. */
  const send = async (): Promise<void> => {
    for (const statement of chunk.statements()) {
      await sent;
      // Else the statement would wait for it, and what the source itself sends would come first.
      await runner.flushPending();
      sent = insert(statement);
      sent.catch(() => {
        hasFailed = true;
      });
    }
    chunk = makeChunk();
  };
  const flush = async (): Promise<void> => {
    // Nobody waits for the rows any more, and what else the source gives would be lost.
    runner.scope?.assertNotEnded();
    await send();
    await (isDelayed ? sent : nextTurn());
    turn = performance.now();
  };
  /** Gives a promise only for an entity whose validation must be waited for. */
  const add = (row: unknown, index: number): Promise<void> | undefined => {
    chunk.add(encoder.encode(row, index));
    const write = { kind: "insert", metadata, rows: [row as ObjectLiteral] } as const;
    writeCheck?.check(write);
    return writeCheck?.checkAsync(write);
  };

  let index = 0;
  try {
    if (isAsync(rows)) {
      for await (const row of rows) {
        const checked = add(row, index++);
        if (checked) await checked;
        if (isDue()) await flush();
      }
    } else {
      for (const row of iterable(rows)) {
        const checked = add(row, index++);
        if (checked) await checked;
        if (isDue()) await flush();
      }
    }
    if (chunk.length > 0) await send();
  } finally {
    // Also after an error: that of rows that came before is the one to be told of.
    await sent;
  }
  return count;
}

function isAsync(rows: RowSource<unknown>): rows is AsyncIterable<unknown> {
  return typeof (rows as Partial<AsyncIterable<unknown>> | null)?.[Symbol.asyncIterator] === "function";
}

function iterable(rows: Iterable<unknown>): Iterable<unknown> {
  if (typeof rows === "object" && typeof rows?.[Symbol.iterator] === "function") return rows;
  throw new ParameterError("The rows must be an array, or another iterable or async iterable of objects.");
}
