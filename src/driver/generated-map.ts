import type { Driver, EntityMetadata, ObjectLiteral } from "typeorm";
import type { ColumnMetadata } from "typeorm/metadata/ColumnMetadata.js";
import { OrmUtils } from "typeorm/util/OrmUtils.js";

const columnsByName = new WeakMap<EntityMetadata, ReadonlyMap<string, ColumnMetadata>>();

/** The values of a row from RETURNING, as the entity has them. */
export function createGeneratedMap(
  driver: Driver,
  metadata: EntityMetadata,
  row: ObjectLiteral,
): ObjectLiteral | undefined {
  const columns = columnsOf(metadata);
  let map: ObjectLiteral | undefined;
  for (const name of Object.keys(row)) {
    const column = columns.get(name);
    if (!column) continue;
    map ??= {};
    const value: unknown = driver.prepareHydratedValue(row[name], column);
    // The rule for a generated bigint is TypeORM's own, and what is merged is copied if it is an object.
    if (
      column.embeddedMetadata ||
      column.type === "bigint" ||
      (typeof value === "object" && value !== null)
    ) {
      OrmUtils.mergeDeep(map, column.createValueMap(value));
    } else {
      map[column.propertyName] = value;
    }
  }
  return map;
}

function columnsOf(metadata: EntityMetadata): ReadonlyMap<string, ColumnMetadata> {
  let columns = columnsByName.get(metadata);
  if (!columns) {
    // With single table inheritance a class has the columns of those that derive from it, but not the properties.
    const derived = new Set(metadata.childEntityMetadatas.map(({ target }) => target));
    const own = metadata.columns.filter(({ target }) => !derived.has(target));
    // The first of a name, as findColumnWithDatabaseName() has it.
    columns = new Map(own.reverse().map((column) => [column.databaseName, column]));
    columnsByName.set(metadata, columns);
  }
  return columns;
}
