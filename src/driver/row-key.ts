import type { EntityMetadata, ObjectLiteral } from "typeorm";

/** The same text for entities of the same row: a number may have been given as a bigint or a string. */
export function keyOf(metadata: EntityMetadata, entity: ObjectLiteral): string {
  return JSON.stringify(metadata.getEntityIdMap(entity), (_, value: unknown) =>
    typeof value === "number" || typeof value === "bigint" ? String(value) : value,
  );
}
