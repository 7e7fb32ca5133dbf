import { AdvancedConsoleLogger, type DataSource } from "typeorm";
import { BroadcasterResult } from "typeorm/subscriber/BroadcasterResult.js";
import type { TimingLogger } from "./echo-logger";
import type { StatementResult } from "./run-statement";
import type { SqliteQueryRunner } from "./sqlite-query-runner";

/** TypeORM's duties around a statement: logging, also of what is slow or fails, and subscribers before and after. */
export async function observeStatement(
  runner: SqliteQueryRunner,
  query: string,
  parameters: unknown[],
  execute: () => Promise<StatementResult>,
): Promise<StatementResult> {
  const { options, subscribers } = runner.dataSource;
  const logger: TimingLogger = runner.dataSource.logger;
  const { broadcaster } = runner;
  logger.logQuery(query, parameters, runner);
  // What nobody hears need not be waited for.
  const work = subscribers.length > 0 ? new BroadcasterResult() : undefined;
  if (work) await broadcaster.broadcast("BeforeQuery", query, parameters);
  const started = performance.now();
  const after = (raw: unknown, error: unknown): void => {
    const duration = performance.now() - started;
    logger.logQueryEnd?.(query, parameters, duration, error);
    const { maxQueryExecutionTime: slow } = options;
    if (slow && duration > slow) logger.logQuerySlow(duration, query, parameters, runner);
    const success = error === undefined;
    if (work) broadcaster.broadcastAfterQueryEvent(work, query, parameters, success, duration, raw, error);
  };
  try {
    const result = await execute();
    after(result.rows ?? result.lastInsertRowid, undefined);
    return result;
  } catch (error) {
    logger.logQueryError(error as Error, query, parameters, runner);
    after(undefined, error);
    throw error;
  } finally {
    if (work) await work.wait();
  }
}

/** Whether anyone may hear of a statement as it runs. Errors do not count, which are told of however it was run. */
export function isObserved({ logger, options, subscribers }: DataSource): boolean {
  // TypeORM's own; of any other nobody knows what it does.
  const isSilent =
    logger.constructor === AdvancedConsoleLogger &&
    !(logger as unknown as { isLogEnabledFor(type: string): boolean }).isLogEnabledFor("query");
  return (
    !isSilent ||
    Boolean(options.maxQueryExecutionTime) ||
    subscribers.some(({ beforeQuery, afterQuery }) => beforeQuery || afterQuery)
  );
}
