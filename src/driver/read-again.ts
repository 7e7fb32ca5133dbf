import type { EntityMetadata, ObjectLiteral } from "typeorm";
import type { ColumnMetadata } from "typeorm/metadata/ColumnMetadata.js";
import { onRunnerOf } from "./in-transaction";
import { keyOf } from "./row-key";
import type { SqliteDriver } from "./sqlite-driver";
import type { SqliteQueryRunner } from "./sqlite-query-runner";
import { writesVirtualTable } from "./virtual-tables";

/**
 * Reads columns again where RETURNING has not said what is in them, into the entities and into what was generated of
 * them: in tables with triggers, in virtual ones, and where an UPDATE has found nothing to change.
 */
export async function readAgain(
  builder: any,
  columns: readonly ColumnMetadata[],
  entities: readonly ObjectLiteral[],
  generatedMaps: ObjectLiteral[],
): Promise<void> {
  const changing = columns.filter(({ isPrimary }) => !isPrimary);
  if (changing.length === 0) return;
  const { metadata } = builder.expressionMap.mainAlias as { metadata: EntityMetadata };
  const { triggeredTables } = builder.dataSource.driver as SqliteDriver;
  const isUntold = writesVirtualTable(builder) || entities.some((_, index) => !generatedMaps[index]);
  if (!isUntold && triggeredTables.known(metadata) === false) return;
  await onRunnerOf(builder, async (runner) => {
    const isNeeded =
      isUntold || triggeredTables.known(metadata) || (await triggeredTables.lookUp(runner, metadata));
    if (!isNeeded) return;
    const rows = await rowsOf(runner, metadata, changing, entities);
    for (const [index, entity] of entities.entries()) {
      const row = rows.get(keyOf(metadata, entity));
      if (!row) continue;
      runner.manager.merge(metadata.target, entity, row);
      const generated = generatedMaps[index];
      if (generated) runner.manager.merge(metadata.target, generated, row);
      else generatedMaps[index] = row;
    }
  });
}

async function rowsOf(
  runner: SqliteQueryRunner,
  metadata: EntityMetadata,
  columns: readonly ColumnMetadata[],
  entities: readonly ObjectLiteral[],
): Promise<ReadonlyMap<string | undefined, ObjectLiteral>> {
  const ids = entities.map((entity) => metadata.getEntityIdMap(entity)).filter((id) => id !== undefined);
  if (ids.length === 0) return new Map();
  const rows = await runner.dataSource
    .createQueryBuilder(runner)
    .select(
      [...metadata.primaryColumns, ...columns].map(
        (column) => `${metadata.targetName}.${column.propertyPath}`,
      ),
    )
    .from(metadata.target, metadata.targetName)
    .whereInIds(ids)
    .withDeleted()
    // Else what the class sets itself would be taken for what is in the row.
    .setOption("create-pojo")
    .getMany();
  return new Map(rows.map((row) => [keyOf(metadata, row), row]));
}
