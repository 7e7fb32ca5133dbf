import type { Logger } from "typeorm";
import { SqliteDataSource, type SqliteDataSourceOptions } from "../../src/driver/sqlite-data-source";

/** TypeORM's own reports failed migrations to the console, whatever it is told. */
export const SILENT: Logger = {
  log: () => {},
  logMigration: () => {},
  logQuery: () => {},
  logQueryError: () => {},
  logQuerySlow: () => {},
  logSchemaBuild: () => {},
};

export type OpenDataSource = (options: SqliteDataSourceOptions) => Promise<SqliteDataSource>;

/** Opens data sources for the tests of the file that calls this; those still open are destroyed after the test. */
export function dataSources(): OpenDataSource {
  const opened: SqliteDataSource[] = [];
  afterEach(async () => {
    for (const dataSource of opened.splice(0)) if (dataSource.isInitialized) await dataSource.destroy();
  });
  return async (options) => {
    const dataSource = new SqliteDataSource({ logger: SILENT, ...options });
    opened.push(dataSource);
    await dataSource.initialize();
    return dataSource;
  };
}

/** What a promise rejects with; fails the test if it does not. */
export async function rejection(promise: Promise<unknown>): Promise<Error> {
  const outcome = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  // No `instanceof Error`: what Node itself throws is of another realm than Jest's sandbox.
  if (typeof outcome !== "object" || outcome === null || !("message" in outcome)) {
    throw new Error("it did not reject with an error");
  }
  return outcome as Error;
}
