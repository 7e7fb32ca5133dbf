import type { EntityMetadata, ObjectLiteral } from "typeorm";
import { related } from "../driver/entity-snapshot";
import type { SqliteQueryRunner } from "../driver/sqlite-query-runner";

/**
 * Loads an entity by its id, with the relations that are part of the id, those that are eager, and those that `known`
 * has, the instance whose row is read again.
 */
export async function selectEntity(
  runner: SqliteQueryRunner,
  metadata: EntityMetadata,
  id: ObjectLiteral,
  known: ObjectLiteral | undefined,
): Promise<ObjectLiteral | null> {
  const isPrimary = (relation: unknown) =>
    metadata.primaryColumns.some((column) => column.isVirtual && column.relationMetadata === relation);
  const relations = metadata.relations.filter(
    (relation) =>
      !relation.isLazy &&
      !relation.embeddedMetadata &&
      (isPrimary(relation) || (known && related(relation, known) !== undefined)),
  );
  return await runner
    .manager!.getRepository(metadata.target)
    .createQueryBuilder()
    .setFindOptions({
      relations: Object.fromEntries(relations.map(({ propertyName }) => [propertyName, true])),
    })
    .whereInIds([metadata.getEntityIdMap(id)])
    .getOne();
}
