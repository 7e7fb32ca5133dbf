import { setTimeout as sleep } from "node:timers/promises";
import type { Connection } from "./connection";

/** How many times the writer comes back between two looks at the WAL. */
const LOOK_EVERY = 50;
/** Milliseconds that writers wait at most for the readers of an old snapshot to end. */
const PATIENCE = 100;
const PAUSE = 2;

/**
 * Keeps the WAL from growing for ever.
 *
 * SQLite copies it into the file after every 1000 pages, but can begin it anew only when no reader needs it any more.
 * Where reads overlap without an end there is never such a moment while others write ("checkpoint starvation",
 * https://sqlite.org/wal.html#avoiding_excessively_large_wal_files). While the writer waits, the readers of old
 * snapshots end one by one, and new ones do not need the WAL.
 */
export class WalLimit {
  readonly #mostBytes: number;
  #returns = 0;
  #pageSize: number | undefined;
  /** Raised when a reader would not end, so that not every writer waits for it. */
  #mostPages: number | undefined;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /** Whether {@link keep} looks the next time, for which no transaction may be open. */
  get isDue(): boolean {
    return (this.#returns + 1) % LOOK_EVERY === 0;
  }

  /** To be called with the writer when it comes back, before anyone else has it. Mostly there is nothing to wait for. */
  keep(writer: Connection): Promise<void> | undefined {
    return ++this.#returns % LOOK_EVERY === 0 ? this.#look(writer) : undefined;
  }

  async #look(writer: Connection): Promise<void> {
    const { log } = await checkpoint(writer, "NOOP");
    this.#pageSize ??= Number((await writer.all("PRAGMA page_size"))[0]?.page_size);
    const limit = this.#mostBytes / this.#pageSize;
    if (log <= (this.#mostPages ?? limit)) return;
    const isAnew = await restart(writer);
    this.#mostPages = isAnew ? undefined : log + limit / 4;
  }
}

/** Whether the next write begins the WAL anew. */
async function restart(writer: Connection): Promise<boolean> {
  const end = performance.now() + PATIENCE;
  for (;;) {
    const { busy } = await checkpoint(writer, "RESTART");
    if (!busy) return true;
    if (performance.now() >= end) return false;
    await sleep(PAUSE);
  }
}

/** https://sqlite.org/pragma.html#pragma_wal_checkpoint */
async function checkpoint(writer: Connection, mode: string): Promise<{ busy: boolean; log: number }> {
  const [row] = await writer.all(`PRAGMA wal_checkpoint(${mode})`);
  return { busy: Boolean(row?.busy), log: Number(row?.log) };
}
