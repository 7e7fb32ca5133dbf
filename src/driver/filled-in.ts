import type { ColumnMetadata } from "typeorm/metadata/ColumnMetadata.js";

/** Whether SQLite or TypeORM fills in the column where an insert gives nothing for it. */
export function isFilledIn(column: ColumnMetadata): boolean {
  return (
    column.default !== undefined ||
    column.isGenerated ||
    column.generatedType !== undefined ||
    column.isCreateDate ||
    column.isUpdateDate ||
    column.isDeleteDate ||
    column.isVersion ||
    column.isDiscriminator ||
    column.isTreeLevel ||
    // The column of a relation is mostly given as that relation.
    column.relationMetadata !== undefined
  );
}
