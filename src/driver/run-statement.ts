import { ReadonlyError } from "../errors";
import type { BindValue } from "../sql/bind-value";
import type { StatementAnalysis } from "../sql/statement";
import type { Connection, Row } from "./connection";
import { refuseUnsafeIntegers } from "./unsafe-integers";

/** How a statement is to be run. */
export interface ExecuteOptions {
  /** Refuse to write. */
  readonly readonly?: boolean | undefined;
  /** Stops waiting, or interrupts the statement. */
  readonly signal?: AbortSignal | undefined;
  /** Find out the rowid of the last insert also where the statement returns rows, at the cost of a further call. */
  readonly wantsRowid?: boolean | undefined;
  /** Refuse a result with integers that were rounded, instead of handing them out as TypeORM's drivers do. */
  readonly exact?: boolean | undefined;
}

/** What a statement did. */
export interface StatementResult {
  /** `undefined` if it has no result set. */
  readonly rows: Row[] | undefined;
  /** How many rows it inserted, updated or deleted; `undefined` if it only reads. */
  readonly changes: number | undefined;
  /** The rowid of the connection's last insert; `undefined` if it is not known. */
  readonly lastInsertRowid: number | undefined;
}

/** What a statement did that only began or ended a transaction. */
export const NOTHING: StatementResult = { rows: undefined, changes: undefined, lastInsertRowid: undefined };

interface Statement extends ExecuteOptions {
  readonly statement: StatementAnalysis;
  readonly sql: string;
  readonly values: readonly BindValue[];
  /** Whether it may be run again after BUSY, because it is a transaction of its own. */
  readonly retry?: boolean | undefined;
}

/** Runs one statement on a connection that is the caller's alone meanwhile. */
export async function runStatement(connection: Connection, call: Statement): Promise<StatementResult> {
  // A reader has query_only for good. On the writer it is SQLite too that has the last word on what is a write.
  if (!call.readonly || connection.role === "reader") return await runOrUndo(connection, call);
  await connection.run("PRAGMA query_only=ON");
  try {
    return await run(connection, call);
  } finally {
    await connection.run("PRAGMA query_only=OFF");
  }
}

/** What RETURNING hands out may be refused, and then must not have been written. */
async function runOrUndo(connection: Connection, call: Statement): Promise<StatementResult> {
  const { statement, exact, retry } = call;
  const mayBeRefused = exact && retry && statement.returnsRows && !statement.readsOnly;
  if (!mayBeRefused || statement.kind === "pragma") return await run(connection, call);
  await connection.run("SAVEPOINT returned");
  try {
    const result = await run(connection, call);
    await connection.run("RELEASE returned");
    return result;
  } catch (error) {
    // What fails may have ended the transaction: https://sqlite.org/lang_transaction.html#response_to_errors_within_a_transaction
    await connection.run("ROLLBACK TO returned").catch(() => {});
    await connection.run("RELEASE returned").catch(() => {});
    throw error;
  }
}

async function run(
  connection: Connection,
  { statement: { kind, returnsRows }, sql, values, wantsRowid, exact, signal }: Statement,
): Promise<StatementResult> {
  const writes = kind === "insert" || kind === "update" || kind === "delete";
  if (!returnsRows) {
    const { changes, lastInsertRowid } = await connection.run(sql, values, signal);
    // After anything else, SQLite still has the number of the last INSERT, UPDATE or DELETE.
    return { rows: undefined, changes: writes ? changes : 0, lastInsertRowid };
  }
  const rows = await connection.all(sql, values, signal);
  if (exact) await refuseUnsafeIntegers(connection, { sql, values }, rows, signal);
  const lastInsertRowid = wantsRowid && kind === "insert" ? await lastRowid(connection) : undefined;
  // RETURNING has a row for each that was written: https://sqlite.org/lang_returning.html
  return { rows, changes: writes ? rows.length : undefined, lastInsertRowid };
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
