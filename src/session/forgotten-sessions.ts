import type { SqliteQueryRunner } from "../driver/sqlite-query-runner";
import type { TransactionScope } from "../driver/transaction-scope";

interface Opened {
  readonly scope: TransactionScope;
  /** Where, as a stack. */
  readonly at: string;
}

const registry = new FinalizationRegistry<Opened>(({ scope, at }) => {
  if (!scope.isOpen) return;
  process.emitWarning(
    `The session "${scope.label}" was neither closed nor is it referred to any more. It was rolled back, and what it ` +
      `held is free again. Close it, or open it with "await using". It was opened ${at}`,
    { type: "SessionLeakWarning", code: "SESSION_LEAK" },
  );
  // Nobody waits for it who could be told that it failed; the connection is then discarded.
  scope.rollback().catch(() => {});
});

/**
 * Takes back the connection of a session that is never closed, once nothing refers to it: neither the session itself
 * nor its manager, repositories or query runner, which all have this runner.
 */
export function watchSession(runner: SqliteQueryRunner, scope: TransactionScope): void {
  // As text: what is collected must not be held by the frames of the stack.
  const at = new Error().stack?.split("\n").slice(4).join("\n").trim() ?? "somewhere";
  registry.register(runner, { scope, at }, runner);
}

/** For a session that was closed. */
export function unwatchSession(runner: SqliteQueryRunner): void {
  registry.unregister(runner);
}
