import type { Driver, EntityMetadata, ObjectLiteral } from "typeorm";
import { OrmUtils } from "typeorm/util/OrmUtils.js";

/** The values of a row from RETURNING, as the entity has them. */
export function createGeneratedMap(
  driver: Driver,
  metadata: EntityMetadata,
  row: ObjectLiteral,
): ObjectLiteral | undefined {
  let map: ObjectLiteral | undefined;
  for (const [name, value] of Object.entries(row)) {
    const column = metadata.findColumnWithDatabaseName(name);
    if (!column) continue;
    map = OrmUtils.mergeDeep(map ?? {}, column.createValueMap(driver.prepareHydratedValue(value, column)));
  }
  return map;
}
