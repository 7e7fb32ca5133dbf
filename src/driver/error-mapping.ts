import {
  BusyError,
  ConstraintError,
  CorruptDatabaseError,
  DiskFullError,
  QueryError,
  ReadonlyDatabaseError,
} from "../errors";
import { isEngineError } from "./busy-retry";
import type { Connection, EngineError } from "./connection";
import { violationOf } from "./constraint-violation";

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

/** For what has no class of its own. */
const REMEDIES: Readonly<Record<string, string>> = {
  SQLITE_IOERR: "Check the disk, its quota, and the file size that this process is allowed (ulimit -f).",
  SQLITE_CANTOPEN:
    "Check that the file is there, that its folder may be written to, as WAL needs, and how many files this process may open (ulimit -n).",
};

/** The library's error for what the engine refused, with the statement that caused it. */
async function toQueryError(
  sql: string,
  parameters: unknown[],
  error: EngineError,
  connection: Connection | undefined,
): Promise<QueryError> {
  switch (error.code) {
    case "SQLITE_CONSTRAINT":
      return new ConstraintError(
        sql,
        parameters,
        error,
        await violationOf(error.message, { sql, parameters }, connection),
      );
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
      return new QueryError(sql, parameters, error, REMEDIES[error.code]);
  }
}
