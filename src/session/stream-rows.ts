import type { ExecOptions } from "../database";
import type { Row } from "../driver/connection";
import { readPages } from "../driver/read-pages";
import { RowStream } from "../driver/row-stream";
import type { SqliteQueryRunner } from "../driver/sqlite-query-runner";
import { unlessAborted } from "../driver/unless-aborted";
import { checkCallOptions } from "../options/call-options";
import { type BoundStatement, bindParameters, type Parameters } from "../sql/parameters";
import { Deadline } from "./deadline";

/** How a stream is to be read. */
export type StreamOptions = Pick<ExecOptions, "timeout" | "signal">;

/**
 * The rows of a raw query, read in pages as they are asked for, from the transaction of the runner that `open` gives
 * or else from a snapshot of their own. Nothing runs before the first row is asked for.
 */
export function streamRows<T>(
  open: () => SqliteQueryRunner,
  sql: string,
  parameters: Parameters | undefined,
  options: StreamOptions = {},
): AsyncIterableIterator<T> {
  checkCallOptions("stream", options, ["timeout", "signal"]);
  const ended = new AbortController();
  const pages = limitedPages(open, bindNow(sql, parameters), options, ended);
  return new RowStream<T>(pages as AsyncGenerator<T[], void, undefined>, ended.signal);
}

/** The values of now, which the caller may change before the first row is asked for; and only then what is wrong with them. */
function bindNow(sql: string, parameters: Parameters | undefined): () => BoundStatement {
  try {
    const bound = bindParameters(sql, parameters);
    return () => bound;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

/** `ended` is aborted with the reason that ends it early, also while nobody asks for a page. */
async function* limitedPages(
  open: () => SqliteQueryRunner,
  bind: () => BoundStatement,
  options: StreamOptions,
  ended: AbortController,
): AsyncGenerator<Row[], void, undefined> {
  const runner = open();
  const bound = bind();
  const deadline = new Deadline("The stream", options);
  const { signal } = deadline;
  const end = () => ended.abort(signal?.reason);
  signal?.addEventListener("abort", end, { once: true });
  const pages = readPages(runner, bound.sql, bound.values, { signal, refuse: "all" });
  try {
    for (;;) {
      signal?.throwIfAborted();
      const { value: rows, done } = await unlessAborted(pages.next(), signal);
      if (done) return;
      yield rows;
    }
  } finally {
    signal?.removeEventListener("abort", end);
    deadline.end();
    await pages.return();
  }
}
