import { EntityManager, QueryRunnerProviderAlreadyReleasedError, TypeORMError } from "typeorm";
import type { IsolationLevel } from "typeorm/driver/types/IsolationLevel.js";
import type { SqliteDataSource } from "./sqlite-data-source";
import type { SqliteQueryRunner } from "./sqlite-query-runner";

type Work<T> = (manager: EntityManager) => Promise<T>;

/**
 * TypeORM's manager, whose transactions are known to the code inside them: nested ones that are started together run
 * one after another, and one that cannot begin does not roll back the one around it.
 */
export class SqliteEntityManager extends EntityManager {
  override async transaction<T>(work: Work<T>): Promise<T>;
  override async transaction<T>(isolation: IsolationLevel, work: Work<T>): Promise<T>;
  override async transaction<T>(isolationOrWork: IsolationLevel | Work<T>, maybeWork?: Work<T>): Promise<T> {
    const work = typeof isolationOrWork === "function" ? isolationOrWork : maybeWork;
    const isolation = typeof isolationOrWork === "function" ? undefined : isolationOrWork;
    if (!work)
      throw new TypeORMError("transaction() needs a callback, after the isolation level if there is one.");
    if (this.queryRunner?.isReleased) throw new QueryRunnerProviderAlreadyReleasedError();
    const { createQueryRunner, driver } = this.dataSource as SqliteDataSource;
    const runner =
      (this.queryRunner as SqliteQueryRunner | undefined) ?? createQueryRunner.call(this.dataSource);
    try {
      const scope = await runner.begin(isolation, { framed: true });
      try {
        // A savepoint of a session is ambient as the session is; a transaction of its own is for its manager only.
        const { ambient } = driver.context;
        const joins = ambient !== undefined && scope.isWithin(ambient);
        const result = await driver.context.run({ scope, joins }, () => work(runner.manager));
        await runner.commit(scope);
        return result;
      } catch (error) {
        // What went wrong is what the caller must see, and not that the rollback failed too.
        await runner.rollback(scope).catch(() => {});
        throw error;
      }
    } finally {
      if (!this.queryRunner) await runner.release();
    }
  }
}
