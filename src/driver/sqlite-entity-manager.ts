import { EntityManager } from "typeorm";
import type { IsolationLevel } from "typeorm/driver/types/IsolationLevel.js";
import type { SqliteDriver } from "./sqlite-driver";
import type { SqliteQueryRunner } from "./sqlite-query-runner";

type Work<T> = (manager: EntityManager) => Promise<T>;

/** TypeORM's manager, whose transactions are known to the code inside them. */
export class SqliteEntityManager extends EntityManager {
  override transaction<T>(work: Work<T>): Promise<T>;
  override transaction<T>(isolation: IsolationLevel, work: Work<T>): Promise<T>;
  override transaction<T>(isolationOrWork: IsolationLevel | Work<T>, maybeWork?: Work<T>): Promise<T> {
    const { context } = this.dataSource.driver as SqliteDriver;
    const work = typeof isolationOrWork === "function" ? isolationOrWork : maybeWork;
    // TypeORM reports what is missing.
    if (!work) return super.transaction(isolationOrWork as Work<T>);
    const inside: Work<T> = (manager) => {
      const { scope } = manager.queryRunner as SqliteQueryRunner;
      if (!scope) return work(manager);
      // A savepoint of a session is ambient as the session is; a transaction of its own is for its manager only.
      const joins = context.ambient !== undefined && scope.isWithin(context.ambient);
      return context.run({ scope, joins }, () => work(manager));
    };
    return typeof isolationOrWork === "function"
      ? super.transaction(inside)
      : super.transaction(isolationOrWork, inside);
  }
}
