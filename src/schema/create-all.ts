import { type EntityMetadata, type QueryRunner, Table, TableForeignKey } from "typeorm";
import { View } from "typeorm/schema-builder/view/View.js";
import { createMetadataTable, needsMetadataTable } from "../driver/metadata-table";
import { collectStatements, commitTogether, runTogether, transactionOf } from "../driver/run-together";
import type { SqliteDataSource } from "../driver/sqlite-data-source";
import type { SqliteDriver } from "../driver/sqlite-driver";
import type { SqliteQueryRunner } from "../driver/sqlite-query-runner";
import { existingNames, tablesOf, viewsOf } from "./managed-objects";

/**
 * Creates the tables, junction tables and views of the entities that are missing, with their indices and foreign keys.
 * It never looks into one that exists.
 *
 * @param options `isEmpty`: whether there is nothing yet, so that nothing is looked for; `script`: what
 * {@link creationScript} has made for that
 */
export async function createAll(
  dataSource: SqliteDataSource,
  { isEmpty = false, script }: { isEmpty?: boolean; script?: string | undefined } = {},
): Promise<void> {
  // The option cache has a table too, which only TypeORM knows.
  if (!dataSource.queryResultCache) {
    const isToBeMade = isEmpty && managedBy(dataSource).length > 0;
    if (isToBeMade ? await createAtOnce(dataSource, script) : !(await isMissingAny(dataSource))) return;
  }
  await dataSource.manager.transaction(async ({ queryRunner }) => {
    const runner = queryRunner as SqliteQueryRunner;
    const missing = await missingFrom(dataSource, runner);
    await runTogether(runner, await creationOf(missing, runner));
    // The option cache would fail without its table.
    await dataSource.queryResultCache?.synchronize(runner);
  });
}

/**
 * What creates everything, where nothing exists yet; it can be made before there is a connection to send it by.
 * `undefined` if it cannot be one script.
 */
export async function creationScript(dataSource: SqliteDataSource): Promise<string | undefined> {
  if (needsMetadataTable(dataSource)) return undefined;
  const runner = dataSource.createQueryRunner();
  try {
    return transactionOf(await creationOf(managedBy(dataSource), runner));
  } finally {
    await runner.release();
  }
}

/** Creates everything in one call, where nothing exists yet. Whether it did; if not, nothing has changed. */
async function createAtOnce(dataSource: SqliteDataSource, prepared: string | undefined): Promise<boolean> {
  const script = prepared ?? (await creationScript(dataSource));
  if (script === undefined) return false;
  const runner = dataSource.createQueryRunner();
  try {
    return await commitTogether(runner, script);
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
