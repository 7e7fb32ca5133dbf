import type { Parameters } from "./sql/parameters";
import type { Result } from "./sql/result";

/** How one statement is to be run. */
export interface ExecOptions {
  /**
   * Refuse to write; SQLite itself enforces it.
   *
   * @default false
   */
  readonly readonly?: boolean | undefined;
  /** Seconds for all of it, waiting included; then it is interrupted with {@link SessionTimeoutError}. */
  readonly timeout?: number | undefined;
  /**
   * Stops waiting or interrupts the statement; the promise rejects with the signal's reason, and then nothing was done.
   * A statement that has ended by then resolves with what it did.
   */
  readonly signal?: AbortSignal | undefined;
}

/** How a session is to be run. */
export interface SessionOptions {
  /**
   * A consistent snapshot that neither waits for the writer nor makes it wait. A write in it is refused.
   *
   * @default false
   */
  readonly readonly?: boolean | undefined;
  /**
   * Named in timeouts, by those who wait for this session.
   *
   * @default "session"
   */
  readonly label?: string | undefined;
  /** Seconds for all of it, waiting included; then it is rolled back with {@link SessionTimeoutError}. */
  readonly timeout?: number | undefined;
  /** Stops waiting, interrupts the statement that runs and rolls back; the session rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * A database as an application has it: opened once, used in sessions, closed at the end. It knows no engine, so that
 * another can stand behind the same calls.
 */
export abstract class Database<Session = unknown> implements AsyncDisposable {
  /** Opens the database. Concurrent calls share one run; one that failed may be repeated. */
  abstract init(): Promise<this>;
  /** Closes it after the work in flight. Closing what is closed is harmless; `init()` may follow. */
  abstract close(): Promise<void>;
  /** Whether the database answers. Never throws. */
  abstract ping(): Promise<boolean>;
  /** Runs one raw statement. */
  abstract exec<T = Record<string, unknown>>(
    sql: string,
    parameters?: Parameters,
    options?: ExecOptions,
  ): Promise<Result<T>>;
  /** A unit of work: committed when `work` resolves, rolled back when it rejects. */
  abstract session<T>(work: (session: Session) => Promise<T> | T, options?: SessionOptions): Promise<T>;

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
