import type { ExecOptions } from "../database";
import type { SqliteQueryRunner } from "../driver/sqlite-query-runner";
import { ParameterError } from "../errors";
import { checkCallOptions } from "../options/call-options";
import { bindParameters, type Parameters } from "../sql/parameters";
import { Result } from "../sql/result";
import { analyzeStatement, type StatementAnalysis } from "../sql/statement";
import { Deadline } from "./deadline";

const OPTIONS: readonly (keyof ExecOptions)[] = ["readonly", "timeout", "signal"];

const TRANSACTION_CONTROL: ReadonlySet<StatementAnalysis["kind"]> = new Set([
  "begin",
  "commit",
  "rollback",
  "rollbackTo",
  "savepoint",
  "release",
]);

/** Runs a raw statement with named parameters on a query runner. */
export async function execute<T>(
  runner: SqliteQueryRunner,
  sql: string,
  parameters?: Parameters,
  options: ExecOptions = {},
): Promise<Result<T>> {
  checkCallOptions("exec", options, OPTIONS);
  const { readonly, timeout, signal } = options;
  const bound = bindParameters(sql, parameters);
  const statement = analyzeStatement(sql);
  if (TRANSACTION_CONTROL.has(statement.kind)) throw controlRefused(sql);
  if (statement.pinsConnection && !runner.scope) throw settingRefused(sql);
  const run = (stop: AbortSignal | undefined) =>
    runner.execute(bound.sql, bound.values, { readonly, wantsDetails: true, refuse: "all", signal: stop });
  const {
    rows = [],
    columns,
    changes = 0,
    lastInsertRowid = 0,
  } = await (timeout === undefined && !signal ? run(undefined) : runWithin({ timeout, signal }, run));
  return new Result<T>({ rows: rows as T[], columns, changes, lastInsertRowid });
}

/** What is stopped too late succeeds: who is told that it was stopped may rely on its having done nothing. */
async function runWithin<T>(
  limits: Pick<ExecOptions, "timeout" | "signal">,
  run: (signal: AbortSignal | undefined) => Promise<T>,
): Promise<T> {
  const deadline = new Deadline("The statement", limits);
  try {
    return await run(deadline.signal);
  } finally {
    deadline.end();
  }
}

function controlRefused(sql: string): ParameterError {
  return new ParameterError(
    `Transactions are not controlled by SQL text (${sql.trim()}), since a later statement may get another connection. ` +
      "Use session(), and commit(), rollback() or transaction() of the session.",
  );
}

function settingRefused(sql: string): ParameterError {
  return new ParameterError(
    `This would change one connection of the pool only, and be undone at once: ${sql.trim()}. ` +
      "Put pragmas into the option pragmas; a temporary table or an ATTACH lives as long as the session it is in.",
  );
}
