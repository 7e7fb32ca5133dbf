/** What a native call is for; the writer goes first. */
export type Role = "reader" | "writer";

/**
 * Keeps native calls from filling libuv's threadpool, on which SQLite runs and which the whole process shares.
 *
 * Readers leave at least one thread to the writer and one to the application's own file and DNS calls, where there
 * are that many threads (https://docs.libuv.org/en/v1.x/threadpool.html).
 */
export class Admission {
  readonly #most: number;
  /** How many readers may run at once. */
  readonly mostReaders: number;
  #running = 0;
  #readers = 0;
  readonly #waiting: Record<Role, (() => void)[]> = { writer: [], reader: [] };

  constructor(threads: number) {
    this.#most = Math.max(2, threads - 1);
    this.mostReaders = Math.max(1, threads - 2);
  }

  /** Calls `start`, at once if a thread is free for this role. Every start must be followed by one {@link leave}. */
  enter(role: Role, start: () => void): void {
    if (this.#admits(role)) this.#begin(role, start);
    else this.#waiting[role].push(start);
  }

  leave(role: Role): void {
    this.#running--;
    if (role === "reader") this.#readers--;
    for (const next of ["writer", "reader"] as const) {
      if (this.#waiting[next].length > 0 && this.#admits(next)) {
        this.#begin(next, this.#waiting[next].shift()!);
        return;
      }
    }
  }

  #admits(role: Role): boolean {
    return this.#running < this.#most && (role === "writer" || this.#readers < this.mostReaders);
  }

  #begin(role: Role, start: () => void): void {
    this.#running++;
    if (role === "reader") this.#readers++;
    start();
  }
}

/** The threads libuv was told to start; its own default is 4, its maximum 1024. */
function threadpoolSize(): number {
  const wanted = Number.parseInt(process.env.UV_THREADPOOL_SIZE ?? "", 10);
  return wanted > 0 ? Math.min(wanted, 1024) : 4;
}

/** One for the process, as the threadpool is. */
export const admission = new Admission(threadpoolSize());
