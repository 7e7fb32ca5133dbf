import { DatabaseError } from "../errors";

/** The error for what SQLite can only do outside of a transaction, or cannot undo. */
export function refusedInSandbox(operation: string): DatabaseError {
  return new DatabaseError(
    "INSIDE_SANDBOX",
    `${operation} is not possible inside a sandbox, which is a transaction. Do it before, or after restore().`,
  );
}
