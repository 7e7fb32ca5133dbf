import { rmSync } from "node:fs";
import { dirname } from "node:path";
import { pathToFileURL } from "node:url";
import { DatabaseClosedError, type Session, SqliteDatabase, type SqliteDatabaseOptions } from "..";
import { emptyTables } from "./empty-tables";
import { EntityTables } from "./entity-tables";

/** A database in a folder of its own, which is removed when it is closed. */
export class TestDatabase extends SqliteDatabase {
  readonly #folder: string;
  #tables: EntityTables | undefined;
  #closed = false;

  constructor(path: string, options: SqliteDatabaseOptions) {
    super(pathToFileURL(path), options);
    this.#folder = dirname(path);
  }

  /**
   * Deletes the rows of all tables and junction tables of the entities, those that refer to others first, and lets
   * generated ids begin at 1 again: in one transaction, and without touching the schema. Rows that migrations have
   * inserted into them go as well; views, and tables that belong to no entity, stay as they are.
   *
   * @throws ConstraintError where a table that belongs to no entity refers to the rows; then none is deleted
   * @example
   * afterEach(() => database.reset());
   */
  async reset(): Promise<void> {
    const { queryResultCache } = this.dataSource;
    const reset = async (session: Session): Promise<void> => {
      this.#tables ??= new EntityTables(this.dataSource);
      await emptyTables(this.#tables, session);
      await queryResultCache?.clear(session.queryRunner);
    };
    await this.session(reset, { label: "reset" });
  }

  /** @throws DatabaseClosedError after {@link close}, which has removed the file */
  override async init(): Promise<this> {
    if (this.#closed) {
      throw new DatabaseClosedError(
        "This test database is closed and its file is removed. Create another with createTestDatabase().",
      );
    }
    return await super.init();
  }

  /**
   * Closes it as every database is closed, and removes its file.
   *
   * @throws DatabaseError inside a session, which it would wait for
   */
  override async close(): Promise<void> {
    this.#closed = true;
    try {
      await super.close();
    } finally {
      // Inside a session it is refused.
      this.#closed = !this.isInitialized;
      if (this.#closed) rmSync(this.#folder, { recursive: true, force: true, maxRetries: 3 });
    }
  }
}
