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
  const work = new BroadcasterResult();
  logger.logQuery(query, parameters, runner);
  if (subscribers.length > 0) await broadcaster.broadcast("BeforeQuery", query, parameters);
  const started = performance.now();
  const after = (raw: unknown, error: unknown): void => {
    const duration = performance.now() - started;
    logger.logQueryEnd?.(query, parameters, duration, error);
    const { maxQueryExecutionTime: slow } = options;
    if (slow && duration > slow) logger.logQuerySlow(duration, query, parameters, runner);
    const success = error === undefined;
    if (subscribers.length > 0) {
      broadcaster.broadcastAfterQueryEvent(work, query, parameters, success, duration, raw, error);
    }
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
    if (subscribers.length > 0) await work.wait();
  }
}
