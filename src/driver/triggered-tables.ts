import type { EntityMetadata, ObjectLiteral } from "typeorm";
import type { ColumnMetadata } from "typeorm/metadata/ColumnMetadata.js";
import { quotedName } from "../sql/quoted-name";
import type { Connection } from "./connection";
import { onRunnerOf } from "./in-transaction";
import type { SqliteDriver } from "./sqlite-driver";
import type { SqliteQueryRunner } from "./sqlite-query-runner";

/**
 * Which tables have triggers: what those change in a row is not in what RETURNING gave
 * (https://sqlite.org/lang_returning.html#limitations_and_caveats), and has to be read again.
 *
 * Asked for once for each table, until a statement of this process changes the schema.
 */
export class TriggeredTables {
  /** By the path of the table. */
  readonly #known = new Map<string, boolean>();

  forget(): void {
    this.#known.clear();
  }

  /** `undefined` as long as nobody has asked for it. */
  known({ tablePath }: EntityMetadata): boolean | undefined {
    return this.#known.get(tablePath);
  }

  /** Seen from the transaction of the runner, or else from the writer, on which nobody's schema is half changed. */
  async lookUp(runner: SqliteQueryRunner, { tablePath, tableName }: EntityMetadata): Promise<boolean> {
    const schema = tablePath.slice(0, -tableName.length).replace(/\.$/, "") || "main";
    const triggers = (catalogue: string) =>
      `SELECT 1 FROM ${catalogue} WHERE type = 'trigger' AND lower(tbl_name) = lower(?1)`;
    const sql = `${triggers(`${quotedName(schema)}.sqlite_schema`)} UNION ALL ${triggers("sqlite_temp_schema")}`;
    const look = (connection: Connection) => connection.all(sql, [tableName]);
    const { lender } = runner.driver;
    const rows = await (runner.scope ? runner.scope.run(look) : lender.useOnce("writer", "triggers", look));
    this.#known.set(tablePath, rows.length > 0);
    return rows.length > 0;
  }
}

/** Reads columns again where the table has triggers, into the entities and into what was generated of them. */
export async function readAfterTriggers(
  builder: any,
  columns: readonly ColumnMetadata[],
  entities: readonly ObjectLiteral[],
  generatedMaps: readonly (ObjectLiteral | undefined)[],
): Promise<void> {
  const changing = columns.filter(({ isPrimary }) => !isPrimary);
  if (changing.length === 0) return;
  const { metadata } = builder.expressionMap.mainAlias as { metadata: EntityMetadata };
  const { triggeredTables } = builder.dataSource.driver as SqliteDriver;
  if (triggeredTables.known(metadata) === false) return;
  await onRunnerOf(builder, async (runner) => {
    if (!triggeredTables.known(metadata) && !(await triggeredTables.lookUp(runner, metadata))) return;
    const rows = await rowsOf(runner, metadata, changing, entities);
    for (const [index, entity] of entities.entries()) {
      const row = rows.get(keyOf(metadata, entity));
      if (!row) continue;
      for (const written of [entity, generatedMaps[index]]) {
        if (written) runner.manager.merge(metadata.target, written, row);
      }
    }
  });
}

async function rowsOf(
  runner: SqliteQueryRunner,
  metadata: EntityMetadata,
  columns: readonly ColumnMetadata[],
  entities: readonly ObjectLiteral[],
): Promise<ReadonlyMap<string, ObjectLiteral>> {
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

function keyOf(metadata: EntityMetadata, entity: ObjectLiteral): string {
  return JSON.stringify(metadata.getEntityIdMap(entity));
}
