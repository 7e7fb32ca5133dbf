import type { DataSource, QueryRunner } from "typeorm";

/** Whether there is the text of a view or of a generated column to be kept, for which TypeORM asks the database. */
export function needsMetadataTable({ entityMetadatas }: DataSource): boolean {
  return entityMetadatas.some(
    ({ tableType, columns }) => tableType === "view" || columns.some(({ generatedType }) => generatedType),
  );
}

/** In it TypeORM keeps the text of views and generated columns, which `synchronize()` compares with. */
export async function createMetadataTable({ driver }: DataSource, runner: QueryRunner): Promise<void> {
  const builder = driver.createSchemaBuilder() as unknown as {
    createMetadataTableIfNecessary(runner: QueryRunner): Promise<void>;
  };
  await builder.createMetadataTableIfNecessary(runner);
}
