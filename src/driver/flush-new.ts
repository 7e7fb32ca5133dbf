import type { SqliteDataSource } from "./sqlite-data-source";
import type { SqliteQueryRunner } from "./sqlite-query-runner";

/** What sends statements: on a query runner of its own, or else in the session that runs this code, if any. */
interface Sender {
  readonly dataSource: SqliteDataSource;
  readonly queryRunner?: SqliteQueryRunner | undefined;
}

/**
 * Writes what was added to the session: TypeORM takes the ids of what an entity refers to before it sends anything, and
 * would insert once more what is inserted before that.
 *
 * @returns `undefined` if nothing was added
 */
export function flushNew({ dataSource, queryRunner }: Sender): Promise<void> | undefined {
  const scope = queryRunner ? queryRunner.scope : dataSource.driver.context.ambient;
  if (!scope?.pending?.hasNew) return undefined;
  return (queryRunner ?? dataSource.createScopedQueryRunner(scope)).flushPending();
}
