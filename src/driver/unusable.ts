/** After these a connection is not used again; a new one may see a file that is whole. */
const CODES: ReadonlySet<unknown> = new Set([
  "SQLITE_IOERR",
  "SQLITE_CORRUPT",
  "SQLITE_NOTADB",
  "SQLITE_NOMEM",
  "FILE_REPLACED",
]);

/** Whether a connection that failed with this is not to be used again. */
export function makesUnusable(error: unknown): boolean {
  return CODES.has((error as { code?: unknown } | undefined)?.code);
}
