import { type RawRow, withRaw } from "./raw-database";

/** Tables, views, columns, indices, foreign keys and constraints of a database file, in an order that can be compared. */
export async function schemaOf(path: string): Promise<Record<string, unknown>> {
  return await withRaw(path, async (raw) => {
    const schema: Record<string, unknown> = {};
    const objects = await raw.all(
      "SELECT type, name, sql FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%'",
    );
    for (const { type, name, sql } of objects) {
      const columns = await raw.all(`PRAGMA table_xinfo("${name}")`);
      if (type === "view") {
        schema[`view ${name}`] = { sql, columns };
        continue;
      }
      const indices: unknown[] = [];
      for (const { seq: _, ...index } of await raw.all(`PRAGMA index_list("${name}")`)) {
        // Those that SQLite makes for UNIQUE and PRIMARY KEY are numbered in the order of the constraints.
        const isAutomatic = String(index.name).startsWith("sqlite_autoindex_");
        const parts = await raw.all(`PRAGMA index_xinfo("${index.name}")`);
        const [definition] = await raw.all(`SELECT sql FROM sqlite_schema WHERE name = '${index.name}'`);
        indices.push({ ...index, name: isAutomatic ? "automatic" : index.name, parts, definition });
      }
      const foreignKeys = (await raw.all(`PRAGMA foreign_key_list("${name}")`)).map(
        ({ id: _, ...key }) => key,
      );
      const constraints = String(sql).match(
        /CONSTRAINT "[^"]+" (?:UNIQUE|CHECK|FOREIGN KEY|PRIMARY KEY) \([^)]*\)/g,
      );
      schema[`table ${name}`] = {
        columns,
        indices: sorted(indices),
        foreignKeys: sorted(foreignKeys),
        constraints: sorted(constraints ?? []),
        autoincrement: /AUTOINCREMENT/.test(String(sql)),
        triggers: await triggers(
          raw.all(`SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = '${name}'`),
        ),
      };
    }
    return schema;
  });
}

async function triggers(rows: Promise<RawRow[]>): Promise<unknown[]> {
  return sorted((await rows).map(({ sql }) => sql));
}

function sorted<T>(values: readonly T[]): T[] {
  return [...values].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}
