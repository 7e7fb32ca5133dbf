import sqlite3 from "sqlite3";
import { DatabaseClosedError } from "../errors";
import type { BindValue } from "../sql/bind-value";
import { keepExists } from "../sql/exists-with-offset";
import { admission, type Role } from "./admission";
import { commitAndBegin } from "./commit-and-begin";
import { exactIntegers } from "./exact-integers";
import { interruptAtExit } from "./interrupt-at-exit";
import { type BackupProgress, copyDatabase } from "./native-backup";
import { type Prepare, StatementCache } from "./statement-cache";
import { callEnded, callStarted } from "./stay-awake";

export type Row = Record<string, unknown>;

/** What a statement without a result set did. */
export interface Changes {
  readonly changes: number;
  readonly lastInsertRowid: number;
}

/** An error as the engine reports it: primary result code, its number, and SQLite's message. */
export interface EngineError extends Error {
  readonly code: string;
  readonly errno: number;
}

/** One connection to one database, whichever engine is behind it. Calls run one at a time, in the order they were made. */
export interface Connection {
  readonly role: Role;
  /** The text that was run last, whoever it is of. */
  readonly lastStatement: string | undefined;
  /** The text that who holds it has asked for last. */
  askedFor: string | undefined;
  /**
   * Runs a statement to its end and returns its rows. A signal keeps it from starting, or interrupts it; the promise
   * then rejects with the signal's reason.
   */
  all(sql: string, values?: readonly BindValue[], signal?: AbortSignal): Promise<Row[]>;
  /** Runs a statement that has no result set. */
  run(sql: string, values?: readonly BindValue[], signal?: AbortSignal): Promise<Changes>;
  /** Runs several statements, up to the first that fails; what they answer is not to be had. */
  script(sql: string): Promise<void>;
  /**
   * Commits, and begins the next transaction for writing. Rejects if nothing was committed; resolves with whether the
   * next one has begun.
   */
  commitAndBegin(): Promise<boolean>;
  /**
   * Copies what the transaction of the connection sees into a file. A signal ends it; what `onProgress` throws, too.
   */
  backup(path: string, onProgress: (progress: BackupProgress) => void, signal?: AbortSignal): Promise<void>;
  /** Lets the calls that were made end, then closes. Never rejects. */
  close(): Promise<void>;
  /** Closes at once: interrupts the call that runs, and refuses those that wait. Never rejects. */
  terminate(): Promise<void>;
}

export interface OpenOptions {
  /** An absolute path, or `:memory:`. */
  readonly path: string;
  readonly mode: "ro" | "rw" | "rwc";
  readonly role: Role;
  /** For which role its native calls stand in line; its own unless given. */
  readonly admittedAs?: Role;
}

/** The oldest SQLite without the WAL-reset corruption, https://sqlite.org/releaselog/3_51_3.html. */
const OLDEST_SAFE_VERSION = 3_051_003;

const OPEN_FLAGS = {
  ro: sqlite3.OPEN_READONLY,
  rw: sqlite3.OPEN_READWRITE,
  rwc: sqlite3.OPEN_READWRITE | sqlite3.OPEN_CREATE,
};

/** @throws the engine's error, for example SQLITE_CANTOPEN */
export async function openConnection({
  path,
  mode,
  role,
  admittedAs = role,
}: OpenOptions): Promise<Connection> {
  if (sqlite3.VERSION_NUMBER < OLDEST_SAFE_VERSION) {
    throw new Error(`SQLite ${sqlite3.VERSION} can corrupt a WAL database; sqlite3 >= 6.0.1 is needed.`);
  }
  const handle = await new Promise<sqlite3.Database>((resolve, reject) => {
    // Every call on a connection is awaited before the next, so SQLite's own mutex is only insurance.
    const opened = new sqlite3.Database(path, OPEN_FLAGS[mode] | sqlite3.OPEN_FULLMUTEX, (error) =>
      error ? reject(error) : resolve(opened),
    );
  });
  // sqlite3 opens with a second of native busy wait, which would block a thread of the pool.
  handle.configure("busyTimeout", 0);
  return new NativeConnection(handle, role, admittedAs);
}

/** How often a statement is interrupted until it ends: one that has not quite begun does not notice the first time. */
const INTERRUPT_EVERY_MS = 5;

/** `Database#prepare` would add a native call that binds nothing; the constructor is all that is needed. */
const PreparedStatement = sqlite3.Statement as unknown as new (
  handle: sqlite3.Database,
  sql: string,
  prepared: (error: Error | null) => void,
) => sqlite3.Statement;

function preparing(handle: sqlite3.Database): Prepare<sqlite3.Statement> {
  return (sql, failed) =>
    new PreparedStatement(handle, keepExists(sql), (error) => {
      if (error) failed(error);
    });
}

interface StatementCall {
  readonly signal: AbortSignal | undefined;
  readonly sql: string;
  readonly values: readonly BindValue[];
  readonly method: "all" | "run" | "script" | "commitAndBegin";
}

interface BackupCall {
  readonly signal: AbortSignal | undefined;
  readonly path: string;
  readonly onProgress: (progress: BackupProgress) => void;
}

/** How the promise of a call is settled. */
interface Settle {
  readonly resolve: (result: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

class NativeConnection implements Connection {
  readonly #handle: sqlite3.Database;
  readonly #admittedAs: Role;
  readonly #statements: StatementCache<sqlite3.Statement>;
  readonly #queue: { readonly call: StatementCall | BackupCall; readonly settle: Settle }[] = [];
  #busy = false;
  /** Interrupts the call that runs, until it ends. */
  #interrupt: (() => void) | undefined;
  readonly #forgetAtExit: () => void;
  /** Why nothing more is run. */
  #terminated: Error | undefined;
  #closing: Promise<void> | undefined;
  #idle: (() => void) | undefined;
  lastStatement: string | undefined;
  askedFor: string | undefined;

  constructor(
    handle: sqlite3.Database,
    readonly role: Role,
    admittedAs: Role,
  ) {
    this.#handle = handle;
    this.#admittedAs = admittedAs;
    this.#forgetAtExit = interruptAtExit({
      isBusy: () => this.#busy,
      interrupt: () => handle.interrupt(),
    });
    this.#statements = new StatementCache(preparing(handle));
  }

  all(sql: string, values: readonly BindValue[] = [], signal?: AbortSignal): Promise<Row[]> {
    return this.#call("all", sql, values, signal) as Promise<Row[]>;
  }

  run(sql: string, values: readonly BindValue[] = [], signal?: AbortSignal): Promise<Changes> {
    return this.#call("run", sql, values, signal) as Promise<Changes>;
  }

  script(sql: string): Promise<void> {
    return this.#call("script", sql, [], undefined) as Promise<void>;
  }

  commitAndBegin(): Promise<boolean> {
    return this.#call("commitAndBegin", "COMMIT", [], undefined) as Promise<boolean>;
  }

  backup(path: string, onProgress: (progress: BackupProgress) => void, signal?: AbortSignal): Promise<void> {
    if (this.#closing) return Promise.reject(new DatabaseClosedError());
    return this.#enqueue({ path, onProgress, signal }) as Promise<void>;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  terminate(): Promise<void> {
    this.#terminated = new DatabaseClosedError("The database was closed, which interrupted this.");
    this.#interrupt?.();
    return this.close();
  }

  async #close(): Promise<void> {
    if (this.#busy) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
    }
    this.#statements.clear();
    this.#forgetAtExit();
    // The only failure, BUSY because of an unfinalized statement, cannot happen: they have just been finalized.
    await new Promise<void>((resolve) => this.#handle.close(() => resolve()));
  }

  #call(
    method: StatementCall["method"],
    sql: string,
    values: readonly BindValue[],
    signal: AbortSignal | undefined,
  ): Promise<unknown> {
    if (this.#closing) return Promise.reject(new DatabaseClosedError());
    if (sql.includes("\0")) {
      return Promise.reject(new Error("the SQL text contains a NUL character, where SQLite would end it"));
    }
    const exact = exactIntegers(sql, values);
    return this.#enqueue({ sql: exact.sql, values: exact.values, method, signal });
  }

  #enqueue(call: StatementCall | BackupCall): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ call, settle: { resolve, reject } });
      if (!this.#busy) this.#next();
    });
  }

  #next(): void {
    const next = this.#queue.shift();
    this.#busy = next !== undefined;
    if (!next) {
      this.#idle?.();
      return;
    }
    const { call, settle } = next;
    if ("path" in call) void this.#copy(call, settle);
    else admission.enter(this.#admittedAs, () => this.#start(call, settle));
  }

  /** Why a call is not to begin, or to go on. Any value may be the reason of a signal. */
  #stopped(signal: AbortSignal | undefined): { readonly reason: unknown } | undefined {
    if (signal?.aborted) return signal;
    return this.#terminated && { reason: this.#terminated };
  }

  async #copy({ path, onProgress, signal }: BackupCall, { resolve, reject }: Settle): Promise<void> {
    this.lastStatement = "backup";
    const assertNotStopped = (): void => {
      const stopped = this.#stopped(signal);
      if (stopped) throw stopped.reason;
    };
    try {
      assertNotStopped();
      await copyDatabase(this.#handle, this.#admittedAs, path, (progress) => {
        assertNotStopped();
        onProgress(progress);
      });
      resolve(undefined);
    } catch (error) {
      reject(error);
    }
    this.#next();
  }

  #start({ sql, values, method, signal }: StatementCall, { resolve, reject }: Settle): void {
    const refused = this.#stopped(signal);
    if (refused) {
      this.#finish(() => reject(refused.reason));
      return;
    }
    this.lastStatement = sql;
    let timer: NodeJS.Timeout | undefined;
    const interrupt = (): void => {
      this.#handle.interrupt();
      timer ??= setInterval(() => this.#handle.interrupt(), INTERRUPT_EVERY_MS);
    };
    this.#interrupt = interrupt;
    signal?.addEventListener("abort", interrupt);
    callStarted();
    const beLeftAlone = (): void => {
      this.#interrupt = undefined;
      clearInterval(timer);
      signal?.removeEventListener("abort", interrupt);
    };
    const end = (error: Error | null, result?: unknown): void => {
      beLeftAlone();
      callEnded();
      this.#finish(() => {
        if (error) reject((this.#stopped(signal) ?? { reason: error }).reason);
        else resolve(result);
      });
    };
    if (method === "script") {
      this.#handle.exec(keepExists(sql), end);
      return;
    }
    if (method === "commitAndBegin") {
      commitAndBegin(this.#handle, { failed: beLeftAlone, ended: end });
      return;
    }
    const statement = this.#statements.take(sql, (error) => end(error));
    const parameters = values as unknown[];
    if (method === "all") {
      statement.all(parameters, (error: Error | null, rows: Row[]) => {
        this.#statements.giveBack(sql, statement, error);
        end(error, rows);
      });
    } else {
      const statements = this.#statements;
      statement.run(parameters, function (this: sqlite3.RunResult, error: Error | null) {
        statements.giveBack(sql, statement, error);
        end(error, { changes: this.changes, lastInsertRowid: this.lastID });
      });
    }
  }

  #finish(settle: () => void): void {
    admission.leave(this.#admittedAs);
    settle();
    this.#next();
  }
}
