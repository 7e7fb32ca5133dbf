import {
  BusyError,
  ConstraintError,
  type ConstraintKind,
  CorruptDatabaseError,
  DiskFullError,
  QueryError,
  ReadonlyDatabaseError,
} from "../errors";
import { isEngineError } from "./busy-retry";
import type { Connection, EngineError } from "./connection";

/** SQLite's message for each kind of constraint; the kind itself is in no code that sqlite3 passes on. */
const CONSTRAINT_MESSAGES: readonly [RegExp, ConstraintKind][] = [
  [/UNIQUE constraint failed: (.+)$/, "unique"],
  [/NOT NULL constraint failed: (.+)$/, "notNull"],
  [/CHECK constraint failed: (.+)$/, "check"],
  [/FOREIGN KEY constraint failed/, "foreignKey"],
];

/** Throws the library's error for what the engine refused; anything else as it is. */
export async function throwMapped(
  sql: string,
  parameters: unknown[],
  error: unknown,
  connection?: Connection,
): Promise<never> {
  throw isEngineError(error) && !(error instanceof QueryError)
    ? await toQueryError(sql, parameters, error, connection)
    : error;
}

/** The library's error for what the engine refused, with the statement that caused it. */
async function toQueryError(
  sql: string,
  parameters: unknown[],
  error: EngineError,
  connection: Connection | undefined,
): Promise<QueryError> {
  switch (error.code) {
    case "SQLITE_CONSTRAINT":
      return new ConstraintError(sql, parameters, error, await violation(error.message, connection));
    case "SQLITE_BUSY":
      return new BusyError(
        sql,
        parameters,
        error,
        "Another process held the lock; raise busyTimeout, or keep its transactions short.",
      );
    case "SQLITE_CORRUPT":
    case "SQLITE_NOTADB":
      return new CorruptDatabaseError(sql, parameters, error, "Restore the file from a backup.");
    case "SQLITE_FULL":
      return new DiskFullError(sql, parameters, error, "Free space on the disk, or raise max_page_count.");
    case "SQLITE_READONLY":
      return new ReadonlyDatabaseError(
        sql,
        parameters,
        error,
        "Check the permissions of the file and its folder, and ?mode=.",
      );
    default:
      return new QueryError(sql, parameters, error);
  }
}

async function violation(message: string, connection: Connection | undefined) {
  for (const [pattern, kind] of CONSTRAINT_MESSAGES) {
    const match = pattern.exec(message);
    if (!match) continue;
    const named = kind === "unique" || kind === "notNull" ? (match[1] ?? "") : "";
    const { table, columns } = splitColumns(named);
    if (kind === "unique" && table && (await isPrimaryKey(table, columns, connection))) {
      return { kind: "primaryKey" as const, table, columns };
    }
    return { kind, table, columns };
  }
  return { kind: undefined, table: undefined, columns: [] };
}

/** `t.a, t.b` as SQLite lists the columns of a UNIQUE or NOT NULL constraint. */
function splitColumns(named: string): { table: string | undefined; columns: string[] } {
  const parts = named.startsWith("index '") ? [] : named.split(", ").filter(Boolean);
  const dot = parts[0]?.lastIndexOf(".") ?? -1;
  if (dot < 0) return { table: undefined, columns: [] };
  return { table: parts[0]!.slice(0, dot), columns: parts.map((part) => part.slice(dot + 1)) };
}

async function isPrimaryKey(
  table: string,
  columns: string[],
  connection: Connection | undefined,
): Promise<boolean> {
  if (!connection) return false;
  const sql = "SELECT name FROM pragma_table_info(?) WHERE pk > 0";
  const key = await connection.all(sql, [table]).catch(() => []);
  return key.length === columns.length && key.every(({ name }) => columns.includes(String(name)));
}
