import type { EntityMetadata } from "typeorm";
import { quotedName } from "../sql/quoted-name";
import type { Connection } from "./connection";
import type { SqliteDriver } from "./sqlite-driver";

/** Other statements do not make one, nor give it another name. */
const MAY_MAKE_ONE = /\b(virtual|rename)\b/i;

/**
 * The virtual tables. For a new row of one, RETURNING gives no rowid, since it is not made yet; and an UPDATE of one
 * cannot have it (https://sqlite.org/lang_returning.html#limitations_and_caveats).
 *
 * Looked for when the database is opened, and when a statement of this process may have made one. What was one once is
 * taken for one, since that may come back with a rollback; what is done for it would be right for any table.
 */
export class VirtualTables {
  /** By their paths, in lower case. */
  readonly #paths = new Set<string>();

  has({ tablePath }: EntityMetadata): boolean {
    return this.#paths.size > 0 && this.#paths.has(tablePath.toLowerCase());
  }

  forget(): void {
    this.#paths.clear();
  }

  /** Those of the main database, or of one that is attached by a name. */
  add(names: readonly string[], attached?: string): void {
    for (const name of names) this.#paths.add((attached ? `${attached}.${name}` : name).toLowerCase());
  }

  /** In the main database, and in those that are attached by these names. */
  async find(connection: Connection, attached: readonly string[]): Promise<void> {
    for (const schema of [undefined, ...attached]) {
      const [row] = await connection.all(`SELECT ${namesOfVirtualTables(schema)} AS names`);
      this.add(JSON.parse(String(row?.names)), schema);
    }
  }

  /** Whether they have to be looked for again after these statements. */
  mayChangeBy(sql: string): boolean {
    return MAY_MAKE_ONE.test(sql);
  }
}

/** An expression for the names of those in a database, as JSON. Nothing is stored in themselves, so they have no root. */
export function namesOfVirtualTables(schema = "main"): string {
  // https://sqlite.org/fileformat2.html#storage_of_the_sql_database_schema
  return `(SELECT json_group_array(name) FROM ${quotedName(schema)}.sqlite_schema WHERE type = 'table' AND rootpage = 0)`;
}

/** Whether it is such a table that a query builder writes to. */
export function writesVirtualTable({ dataSource, expressionMap }: any): boolean {
  const { mainAlias } = expressionMap;
  return mainAlias?.hasMetadata && (dataSource.driver as SqliteDriver).virtualTables.has(mainAlias.metadata);
}
