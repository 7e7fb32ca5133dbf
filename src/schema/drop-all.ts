import type { EntityMetadata } from "typeorm";
import type { SqliteDataSource } from "../driver/sqlite-data-source";
import type { SqliteQueryRunner } from "../driver/sqlite-query-runner";
import { tablesOf, viewsOf } from "./managed-objects";

/**
 * Drops the tables, junction tables and views of the entities, and nothing else.
 *
 * Foreign keys are off meanwhile: the order does not matter, and rows of other tables that refer to them stay.
 *
 * @throws DatabaseError inside a session or transaction
 */
export async function dropAll(dataSource: SqliteDataSource): Promise<void> {
  const { driver } = dataSource;
  const escapePath = (path: string) =>
    path
      .split(".")
      .map((part) => driver.escape(part))
      .join(".");
  const views = viewsOf(dataSource).reverse();
  const tables = tablesOf(dataSource);
  const runner = dataSource.createQueryRunner();
  try {
    await runner.suspendForeignKeys();
    await runner.manager.transaction(async () => {
      for (const { tablePath } of views) await runner.query(`DROP VIEW IF EXISTS ${escapePath(tablePath)}`);
      for (const { tablePath } of tables) await runner.query(`DROP TABLE IF EXISTS ${escapePath(tablePath)}`);
      await forget(runner, dataSource.metadataTableName, views, tables);
    });
  } finally {
    await runner.release();
  }
}

/** Takes out what TypeORM has noted about them, and its table of notes once that is empty. */
async function forget(
  runner: SqliteQueryRunner,
  metadataTable: string,
  views: EntityMetadata[],
  tables: EntityMetadata[],
): Promise<void> {
  if (!(await runner.hasTable(metadataTable))) return;
  const notes = runner.driver.escape(metadataTable);
  for (const { tableName } of views) {
    await runner.query(`DELETE FROM ${notes} WHERE "type" = 'VIEW' AND "name" = ?`, [tableName]);
  }
  for (const { tablePath } of tables)
    await runner.query(`DELETE FROM ${notes} WHERE "table" = ?`, [tablePath]);
  const [left] = await runner.query(`SELECT EXISTS (SELECT 1 FROM ${notes}) AS "any"`);
  if (!left.any) await runner.query(`DROP TABLE ${notes}`);
}
