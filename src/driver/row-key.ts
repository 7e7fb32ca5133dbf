import type { EntityMetadata, ObjectLiteral } from "typeorm";

/** What names a row among all of the database; `undefined` where the id is not complete. */
export function keyOf(metadata: EntityMetadata, id: ObjectLiteral): string | undefined {
  const values = metadata.primaryColumns.map((column) => column.getEntityValue(id) as unknown);
  // All classes of a single-table inheritance share the table, and so the rows.
  return textOfKey([metadata.tablePath, ...values]);
}

/** The values of a key as one text; `undefined` where one is missing. */
export function textOfKey(values: readonly unknown[]): string | undefined {
  if (values.some((value) => value === undefined || value === null)) return undefined;
  return JSON.stringify(values.map(textOf));
}

/** SQLite finds the row of the id 1 by "1" as well. */
function textOf(value: unknown): string {
  if (value instanceof Uint8Array) return `x'${Buffer.from(value).toString("hex")}'`;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
