import { RdbmsSchemaBuilder } from "typeorm/schema-builder/RdbmsSchemaBuilder.js";

/** TypeORM's, which keeps its query runner, and with it the writer, where it could not even begin. */
export class SqliteSchemaBuilder extends RdbmsSchemaBuilder {
  override async build(): Promise<void> {
    try {
      await super.build();
    } finally {
      await this.queryRunner?.release();
    }
  }
}
