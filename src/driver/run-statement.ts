import { ReadonlyError } from "../errors";
import type { BindValue } from "../sql/bind-value";
import type { StatementAnalysis } from "../sql/statement";
import type { Connection, Row } from "./connection";
import { noticeRows, readManyRows } from "./json-rows";
import { hasLostOrder, namesOf } from "./ordered-columns";
import { mayComeBackRounded, type Refused, refuseUnsafeIntegers } from "./unsafe-integers";

/** How a statement is to be run. */
export interface ExecuteOptions {
  /** Refuse to write. */
  readonly readonly?: boolean | undefined;
  /** Stops waiting, or interrupts the statement. */
  readonly signal?: AbortSignal | undefined;
  /** Find out, at the cost of a further call, the rowid of an insert that returns rows, and the columns of no rows. */
  readonly wantsDetails?: boolean | undefined;
  /** Which integers beyond 2^53 are refused: all of them, or those that a number cannot hold. */
  readonly refuse?: Refused | undefined;
}

/** What a statement did. */
export interface StatementResult {
  /** `undefined` if it has no result set. */
  readonly rows: Row[] | undefined;
  /** The names of the columns of the rows, in their order; empty where nothing tells. */
  readonly columns: string[];
  /** How many rows it inserted, updated or deleted; `undefined` if it only reads. */
  readonly changes: number | undefined;
  /** The rowid of the connection's last insert; `undefined` if it is not known. */
  readonly lastInsertRowid: number | undefined;
}

/** What a statement did that only began or ended a transaction. */
export const NOTHING: StatementResult = {
  rows: undefined,
  columns: [],
  changes: undefined,
  lastInsertRowid: undefined,
};

interface Statement extends ExecuteOptions {
  readonly statement: StatementAnalysis;
  readonly sql: string;
  readonly values: readonly BindValue[];
  /** Whether it may be run again after BUSY, because it is a transaction of its own. */
  readonly retry?: boolean | undefined;
}

/** Runs one statement on a connection that is the caller's alone meanwhile. */
export function runStatement(connection: Connection, call: Statement): Promise<StatementResult> {
  connection.askedFor = call.sql;
  // A reader has query_only for good. On the writer it is SQLite too that has the last word on what is a write.
  if (call.readonly && connection.role === "writer") return runReadonly(connection, call);
  return mayBeRefused(call) ? runOrUndo(connection, call) : run(connection, call);
}

async function runReadonly(connection: Connection, call: Statement): Promise<StatementResult> {
  await connection.run("PRAGMA query_only=ON");
  try {
    return await run(connection, call);
  } finally {
    await connection.run("PRAGMA query_only=OFF");
  }
}

/** Two calls more for each insert of TypeORM, where nothing large is sent, would cost more than they are worth. */
function mayBeRefused({ statement, refuse, retry, values }: Statement): boolean {
  const returns = statement.returnsRows && !statement.readsOnly && statement.kind !== "pragma";
  if (!returns || retry !== true) return false;
  return refuse === "all" || (refuse === "rounded" && mayComeBackRounded(values));
}

/** What RETURNING hands out may be refused, and then should not have been written. */
async function runOrUndo(connection: Connection, call: Statement): Promise<StatementResult> {
  await connection.run("SAVEPOINT returned");
  try {
    const result = await run(connection, call);
    await connection.run("RELEASE returned");
    return result;
  } catch (error) {
    // What fails may have ended the transaction: https://sqlite.org/lang_transaction.html#response_to_errors_within_a_transaction
    await connection.run("ROLLBACK TO returned").catch(() => {});
    // Where RELEASE is the COMMIT that was BUSY it is so again, and what comes next would run in what is left open.
    await connection.run("RELEASE returned").catch(() => connection.run("ROLLBACK").catch(() => {}));
    throw error;
  }
}

async function run(connection: Connection, call: Statement): Promise<StatementResult> {
  const {
    statement: { kind, returnsRows },
    sql,
    values,
    wantsDetails,
    refuse,
    signal,
  } = call;
  const writes = kind === "insert" || kind === "update" || kind === "delete";
  if (!returnsRows) {
    const { changes, lastInsertRowid } = await connection.run(sql, values, signal);
    // After anything else, SQLite still has the number of the last INSERT, UPDATE or DELETE.
    return { rows: undefined, columns: [], changes: writes ? changes : 0, lastInsertRowid };
  }
  const many = readManyRows(connection, call);
  let rows = many && (await many);
  if (!rows) {
    rows = await connection.all(sql, values, signal);
    noticeRows(connection, call, rows);
  }
  const refusal = refuse && refuseUnsafeIntegers(connection, { sql, values }, rows, refuse, signal);
  if (refusal) await refusal;
  const lastInsertRowid = wantsDetails && kind === "insert" ? await lastRowid(connection) : undefined;
  let columns = Object.keys(rows[0] ?? {});
  if (wantsDetails && (!rows[0] || hasLostOrder(columns))) columns = await namesOf(connection, call, rows[0]);
  // RETURNING has a row for each that was written: https://sqlite.org/lang_returning.html
  return { rows, columns, changes: writes ? rows.length : undefined, lastInsertRowid };
}

async function lastRowid(connection: Connection): Promise<number> {
  const [row] = await connection.all("SELECT last_insert_rowid() AS rowid");
  return Number(row?.rowid);
}

/** The error for a write where only reading was asked for. */
export function refusedWrite({ sql }: { readonly sql: string }, cause?: Error): ReadonlyError {
  return new ReadonlyError(
    `Only reading was asked for, and this writes or changes the connection: ${sql.trim().slice(0, 120)}. ` +
      "Leave out readonly, or open a read-write session.",
    cause && { cause },
  );
}
