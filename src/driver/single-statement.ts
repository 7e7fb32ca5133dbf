import type { EntityMetadata, EntityTarget, ObjectLiteral } from "typeorm";
import type { RelationMetadata } from "typeorm/metadata/RelationMetadata.js";
import type { SqliteDataSource } from "./sqlite-data-source";

/** Whether an entity is written, or deleted. */
export type Persistence = "save" | "remove";

/**
 * Whether TypeORM persists this entity by one statement, and nobody's code takes part between that and its commit.
 *
 * Such a statement is a transaction by itself (https://sqlite.org/lang_transaction.html), so that BEGIN and COMMIT,
 * each of which is a call to SQLite's thread and back, would add nothing.
 */
export function isSingleStatement(
  dataSource: SqliteDataSource,
  target: EntityTarget<ObjectLiteral> | undefined,
  entity: unknown,
  mode: Persistence,
): boolean {
  // Subscribers can send statements of their own, which belong into the same transaction.
  if (dataSource.subscribers.length > 0 || dataSource.options.isolationLevel) return false;
  if (typeof entity !== "object" || entity === null || Array.isArray(entity)) return false;
  // TypeORM fails where it cannot set the id.
  if (mode === "save" && !Object.isExtensible(entity)) return false;
  const known = target ?? entity.constructor;
  if (!dataSource.hasMetadata(known)) return false;
  const metadata = dataSource.getMetadata(known).findInheritanceMetadata(entity);
  if (metadata.treeType || isHeardAfterwards(metadata)) return false;
  if (mode === "save" && isConvertedAfterwards(metadata)) return false;
  const { triggeredTables, virtualTables } = dataSource.driver;
  if (mode === "save" && (triggeredTables.known(metadata) || virtualTables.has(metadata))) return false;
  return metadata.relations.every((relation) => isOwnColumn(relation, entity, mode));
}

/** What a listener throws after the statement undoes it. */
function isHeardAfterwards(metadata: EntityMetadata): boolean {
  const { afterInsertListeners, afterUpdateListeners, afterRemoveListeners } = metadata;
  return [afterInsertListeners, afterUpdateListeners, afterRemoveListeners].some(({ length }) => length > 0);
}

/** What fails while the values from RETURNING are made into those of the entity undoes it. */
function isConvertedAfterwards(metadata: EntityMetadata): boolean {
  const mayFail = metadata.columns.filter(({ transformer, type }) => transformer || type === "simple-json");
  if (mayFail.length === 0) return false;
  const returned = metadata.getInsertionReturningColumns();
  return mayFail.some((column) => returned.includes(column));
}

/** Whether a relation adds no statement: it is not set, or nothing but the value of a column of the entity itself. */
function isOwnColumn(relation: RelationMetadata, entity: ObjectLiteral, mode: Persistence): boolean {
  if (relation.isLazy || (relation.isManyToMany && mode === "remove")) return false;
  if (relation.getEntityValue(entity) === undefined) return true;
  const { isCascadeInsert, isCascadeUpdate, isCascadeRemove } = relation;
  const cascades = isCascadeInsert || isCascadeUpdate || isCascadeRemove;
  return (relation.isManyToOne || relation.isOneToOneOwner) && !cascades;
}
