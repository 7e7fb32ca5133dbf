import { ConfigurationError, DatabaseError, QueryError } from "../errors";

/** Why a database could not be opened, with its location in the message. */
export function openError(location: string, error: unknown): unknown {
  if (error instanceof DatabaseError) return error;
  const place = JSON.stringify(location);
  if (error instanceof QueryError) {
    error.message = `Cannot open ${place}: ${error.message}`;
    return error;
  }
  const reason = error instanceof Error ? error.message : String(error);
  return new ConfigurationError(
    `Cannot open ${place}: ${reason}. Check that the folder exists and that this process may read and write in it; ` +
      "a database that is only read is opened with ?mode=ro.",
    { cause: error },
  );
}
