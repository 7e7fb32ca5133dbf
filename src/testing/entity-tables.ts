import type { Session, SqliteDataSource } from "..";

/** A foreign key, as far as deleting rows is concerned. */
export interface Reference {
  /** The table that it refers to, in lower case as all names of tables here. */
  readonly table: string;
  /** Those of its columns that may be NULL, quoted: with one of them NULL, it refers to nothing. */
  readonly nullableColumns: readonly string[];
  /** ON DELETE RESTRICT, which is checked row by row, while other foreign keys wait for the end of the statement. */
  readonly restricts: boolean;
}

export interface Table {
  readonly name: string;
  /** Quoted, with the schema it is in. */
  readonly path: string;
  readonly references: readonly Reference[];
  /** Whether there is a trigger in its schema: that of any table may fill this one. */
  readonly mayBeRefilled: boolean;
  /** What restarts the generated ids of the tables of its schema, if SQLite keeps note of any. */
  readonly restart: string | undefined;
}

interface ForeignKeyRow {
  readonly owner: string;
  readonly table: string;
  readonly restricts: number;
  /** JSON. */
  readonly nullable: string;
}

/** The tables of the entities that exist, as the database knows them; looked up again when the schema has changed. */
export class EntityTables {
  readonly #dataSource: SqliteDataSource;
  /** The names of the tables, by the schema they are in: `main`, or that of an attached database. */
  readonly #names = new Map<string, Set<string>>();
  readonly #known = new Map<string, { readonly version: unknown; readonly tables: readonly Table[] }>();

  constructor(dataSource: SqliteDataSource) {
    this.#dataSource = dataSource;
    for (const { tablePath, tableName, tableType } of dataSource.entityMetadatas) {
      if (tableType === "view") continue;
      const schema = tablePath.slice(0, -tableName.length).replace(/\.$/, "") || "main";
      this.#names.set(schema, (this.#names.get(schema) ?? new Set()).add(tableName.toLowerCase()));
    }
  }

  async existing(session: Session): Promise<Table[]> {
    const tables: Table[] = [];
    for (const [schema, names] of this.#names) {
      const version = (await session.exec(`PRAGMA ${quote(schema)}.schema_version`)).scalar();
      let known = this.#known.get(schema);
      if (known?.version !== version) {
        known = { version, tables: await tablesIn(schema, names, session) };
        // A schema that will be undone gives its version back to another.
        if (!this.#dataSource.driver.lender.isSandboxed) this.#known.set(schema, known);
      }
      tables.push(...(known?.tables ?? []));
    }
    return tables;
  }
}

async function tablesIn(schema: string, names: ReadonlySet<string>, session: Session): Promise<Table[]> {
  const catalogue = `${quote(schema)}.sqlite_schema`;
  const objects = await session.exec<{ type: string; name: string; owner: string }>(
    `SELECT type, name, lower(tbl_name) AS owner FROM ${catalogue} WHERE type IN ('table', 'trigger')`,
  );
  const tables = objects.rows.filter(({ type }) => type === "table");
  const hasTriggers = objects.rows.some(({ type }) => type === "trigger");
  const hasSequences = tables.some(({ name }) => name === "sqlite_sequence");
  const references = await referencesIn(schema, session);
  const present = tables.filter(({ name }) => names.has(name.toLowerCase()));
  const list = present.map(({ name }) => `'${name.replaceAll("'", "''")}'`).join(", ");
  const restart = hasSequences
    ? `DELETE FROM ${quote(schema)}.sqlite_sequence WHERE name IN (${list})`
    : undefined;
  return present.map(({ name, owner }) => ({
    name: owner,
    path: `${quote(schema)}.${quote(name)}`,
    references: references.get(owner) ?? [],
    mayBeRefilled: hasTriggers,
    restart,
  }));
}

async function referencesIn(schema: string, session: Session): Promise<Map<string, Reference[]>> {
  const { rows } = await session.exec<ForeignKeyRow>(
    `SELECT lower(owner.name) AS owner, lower(key."table") AS "table", key.on_delete = 'RESTRICT' AS restricts,
        json_group_array(key."from") FILTER (WHERE NOT field."notnull" AND NOT field.pk) AS nullable
      FROM ${quote(schema)}.sqlite_schema AS owner
      JOIN pragma_foreign_key_list(owner.name, :schema) AS key
      JOIN pragma_table_info(owner.name, :schema) AS field ON field.name = key."from" COLLATE NOCASE
      WHERE owner.type = 'table' GROUP BY owner.name, key.id`,
    { schema },
  );
  const references = new Map<string, Reference[]>();
  for (const { owner, table, nullable, restricts } of rows) {
    const reference = {
      table,
      nullableColumns: (JSON.parse(nullable) as string[]).map(quote),
      restricts: restricts === 1,
    };
    references.set(owner, [...(references.get(owner) ?? []), reference]);
  }
  return references;
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
