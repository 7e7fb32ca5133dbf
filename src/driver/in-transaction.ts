import type { QueryRunner } from "typeorm";
import type { SqliteQueryRunner } from "./sqlite-query-runner";

/** Several statements that succeed or fail as the one they stand for: in a transaction, or a savepoint inside one. */
export async function inTransaction<T>(builder: any, work: (runner: QueryRunner) => Promise<T>): Promise<T> {
  const runner: SqliteQueryRunner = builder.queryRunner ?? builder.dataSource.createQueryRunner();
  try {
    return await runner.transaction(() => work(runner));
  } finally {
    if (runner !== builder.queryRunner) await runner.release();
  }
}
