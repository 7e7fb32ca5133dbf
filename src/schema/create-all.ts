import { type EntityMetadata, type QueryRunner, Table, TableForeignKey } from "typeorm";
import { View } from "typeorm/schema-builder/view/View.js";
import { createMetadataTable, needsMetadataTable } from "../driver/metadata-table";
import { isObserved } from "../driver/observe-statement";
import { collectStatements, runTogether, transactionOf } from "../driver/run-together";
import type { SqliteDataSource } from "../driver/sqlite-data-source";
import type { SqliteDriver } from "../driver/sqlite-driver";
import type { SqliteQueryRunner } from "../driver/sqlite-query-runner";
import { existingNames, tablesOf, viewsOf } from "./managed-objects";

/**
 * Creates the tables, junction tables and views of the entities that are missing, with their indices and foreign keys.
 * It never looks into one that exists.
 *
 * @param options `isNew`: whether there was no file, so that all are missing, most likely
 */
export async function createAll(
  dataSource: SqliteDataSource,
  { isNew = false }: { isNew?: boolean } = {},
): Promise<void> {
  // The option cache has a table too, which only TypeORM knows.
  if (!dataSource.queryResultCache) {
    const isMissing = isNew ? managedBy(dataSource).length > 0 : await isMissingAny(dataSource);
    if (!isMissing) return;
  }
  await dataSource.manager.transaction(async ({ queryRunner }) => {
    const runner = queryRunner as SqliteQueryRunner;
    const missing = await missingFrom(dataSource, runner);
    await runTogether(runner, await creationOf(missing, runner));
    // The option cache would fail without its table.
    await dataSource.queryResultCache?.synchronize(runner);
  });
}

/** The transaction that creates everything in a new file; `undefined` where it has to be done step by step. */
export async function creationScript(dataSource: SqliteDataSource): Promise<string | undefined> {
  const { driver, queryResultCache } = dataSource;
  const metadatas = managedBy(dataSource);
  const isPlain = !queryResultCache && !driver.hasAttachedDatabases() && !needsMetadataTable(dataSource);
  if (metadatas.length === 0 || !isPlain || isObserved(dataSource)) return undefined;
  const runner = dataSource.createQueryRunner();
  try {
    return transactionOf(await creationOf(metadatas, runner));
  } finally {
    await runner.release();
  }
}

async function creationOf(metadatas: readonly EntityMetadata[], runner: SqliteQueryRunner) {
  const { driver } = runner;
  return await collectStatements(runner, async () => {
    await createMetadataTable(driver.dataSource, runner);
    for (const metadata of metadatas) {
      if (metadata.tableType === "view") await runner.createView(View.create(metadata, driver), true);
      else await runner.createTable(describe(driver, metadata));
    }
  });
}

function managedBy(dataSource: SqliteDataSource): EntityMetadata[] {
  return [...tablesOf(dataSource), ...viewsOf(dataSource)];
}

async function isMissingAny(dataSource: SqliteDataSource): Promise<boolean> {
  const runner = dataSource.createQueryRunner();
  try {
    return (await missingFrom(dataSource, runner)).length > 0;
  } finally {
    await runner.release();
  }
}

/** What does not exist, in the order in which it can be created. */
async function missingFrom(dataSource: SqliteDataSource, runner: QueryRunner): Promise<EntityMetadata[]> {
  const managed = managedBy(dataSource);
  const existing = await existingNames(runner, managed);
  return managed.filter(({ tablePath }) => !existing.has(tablePath));
}

/** SQLite cannot add a foreign key later, so all stand in CREATE TABLE; what they refer to may come after. */
function describe(driver: SqliteDriver, metadata: EntityMetadata): Table {
  const table = Table.create(metadata, driver);
  table.foreignKeys = metadata.foreignKeys.map((foreignKey) => TableForeignKey.create(foreignKey, driver));
  return table;
}
