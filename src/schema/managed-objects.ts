import type { EntityMetadata, QueryRunner } from "typeorm";
import { ViewUtils } from "typeorm/schema-builder/util/ViewUtils.js";
import type { SqliteDataSource } from "../driver/sqlite-data-source";
import { quotedName } from "../sql/quoted-name";

/** The tables of the entities, junction and closure tables included; not those that entities exclude by `synchronize: false`. */
export function tablesOf({ entityMetadatas }: SqliteDataSource): EntityMetadata[] {
  return entityMetadatas.filter(
    ({ synchronize, tableType }) => synchronize && tableType !== "entity-child" && tableType !== "view",
  );
}

/** The views of the entities, in the order in which they can be created. */
export function viewsOf({ entityMetadatas }: SqliteDataSource): EntityMetadata[] {
  return entityMetadatas
    .filter(({ synchronize, tableType }) => synchronize && tableType === "view")
    .sort(ViewUtils.viewMetadataCmp);
}

/** The paths of those whose table or view exists; SQLite compares names without regard to case. */
export async function existingNames(runner: QueryRunner, metadatas: EntityMetadata[]): Promise<Set<string>> {
  const names = new Map<string, Set<string>>();
  const existing = new Set<string>();
  for (const { tablePath, tableName } of metadatas) {
    // Attached databases have a catalogue of their own: handle.sqlite_master.
    const handle = tablePath.slice(0, -tableName.length).replace(/\.$/, "");
    let known = names.get(handle);
    if (!known) {
      const catalogue = handle ? `${quotedName(handle)}.sqlite_master` : "sqlite_master";
      const rows: { name: string }[] = await runner.query(
        `SELECT name FROM ${catalogue} WHERE type IN ('table', 'view')`,
      );
      known = new Set(rows.map(({ name }) => name.toLowerCase()));
      names.set(handle, known);
    }
    if (known.has(tableName.toLowerCase())) existing.add(tablePath);
  }
  return existing;
}
