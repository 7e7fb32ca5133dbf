import type { QueryRunner } from "typeorm";
import type { SqliteQueryRunner } from "./sqlite-query-runner";

/** Several statements that succeed or fail as the one they stand for: in a transaction, or a savepoint inside one. */
export function inTransaction<T>(builder: any, work: (runner: QueryRunner) => Promise<T>): Promise<T> {
  return onRunnerOf(builder, (runner) => runner.transaction(() => work(runner)));
}

/** On the query runner that a builder has, or else on one that is released afterwards. */
export async function onRunnerOf<T>(
  builder: any,
  work: (runner: SqliteQueryRunner) => Promise<T>,
): Promise<T> {
  const runner: SqliteQueryRunner = builder.queryRunner ?? builder.dataSource.createQueryRunner();
  try {
    return await work(runner);
  } finally {
    if (runner !== builder.queryRunner) await runner.release();
  }
}
