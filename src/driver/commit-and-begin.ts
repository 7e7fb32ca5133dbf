import type { Database } from "sqlite3";

/**
 * An error tells neither which statement it is of, nor does the state of the connection: a COMMIT that failed may have
 * rolled back, and then no transaction is open, as after one that did not fail. So a mark is set between the two. No
 * connection of this library waits natively otherwise, and this one for a millisecond at most.
 */
const MARK = "PRAGMA busy_timeout = 1";
const UNMARK = "PRAGMA busy_timeout = 0";
const SCRIPT = `COMMIT; ${MARK}; BEGIN IMMEDIATE; ${UNMARK}`;

interface Outcome {
  /** Called before it is found out what was committed, which must not be interrupted. */
  readonly failed: () => void;
  /** With the error of the commit, or else with whether the next transaction has begun. */
  readonly ended: (error: Error | null, hasBegun?: boolean) => void;
}

/** Commits, and begins the next transaction in the same native call, each of which takes a way to a thread and back. */
export function commitAndBegin(handle: Database, { failed, ended }: Outcome): void {
  handle.exec(SCRIPT, (error) => {
    if (!error) {
      ended(null, true);
      return;
    }
    failed();
    handle.all<{ timeout: number }>("PRAGMA busy_timeout", (_, rows) => {
      if (rows?.[0]?.timeout !== 1) ended(error);
      // Nothing is open, unless only what takes the mark away has failed.
      else handle.exec(UNMARK, () => handle.exec("ROLLBACK", () => ended(null, false)));
    });
  });
}
