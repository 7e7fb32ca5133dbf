import { QueryError, ReadonlyError, UnsafeIntegerError } from "../errors";

/**
 * Lets the stack of what SQLite refused tell who asked for it: who waits for the code that calls this, or where `asked`
 * was made. The frames in between would push that off the stack, of which Node keeps ten.
 */
export function showCaller(error: unknown, asked?: Error): void {
  const isRefusal =
    error instanceof QueryError || error instanceof ReadonlyError || error instanceof UnsafeIntegerError;
  if (!isRefusal) return;
  Error.captureStackTrace(error, showCaller);
  if (asked) error.stack = [String(error), ...(asked.stack ?? "").split("\n").slice(1)].join("\n");
}
