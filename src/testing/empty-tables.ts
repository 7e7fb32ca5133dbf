import { DatabaseError, type Session } from "..";
import type { EntityTables, Reference, Table } from "./entity-tables";

/** How often triggers may fill tables again that were emptied. */
const MOST_PASSES = 10;

/** Deletes the rows of the entities' tables and restarts their sequences, in the transaction of `session`. */
export async function emptyTables(entityTables: EntityTables, session: Session): Promise<void> {
  const tables = await entityTables.existing(session);
  let filled = await filledAmong(tables, session);
  for (let pass = 0; filled.length > 0; pass++) {
    if (pass === MOST_PASSES) throw filledAgain(filled);
    for (const sql of deletionOf(filled)) await session.exec(sql);
    const mayFill = tables.some(({ mayBeRefilled }) => mayBeRefilled);
    filled = mayFill ? await filledAmong(tables, session) : [];
  }
  for (const sql of new Set(tables.map(({ restart }) => restart))) if (sql) await session.exec(sql);
}

async function filledAmong(tables: readonly Table[], session: Session): Promise<Table[]> {
  if (tables.length === 0) return [];
  const columns = tables.map(({ path }, index) => `EXISTS (SELECT 1 FROM ${path}) AS t${index}`);
  const filled = (await session.exec<Record<string, number>>(`SELECT ${columns.join(", ")}`)).one();
  return tables.filter((_, index) => filled[`t${index}`]);
}

/**
 * The statements that delete everything, rows that refer to others first. Where tables refer to each other in a circle,
 * that is checked at the end of the transaction; but for RESTRICT, which cannot wait, so such references are cleared.
 */
function deletionOf(tables: readonly Table[]): string[] {
  const left = new Set(tables);
  const before = new Set<string>();
  const deleted: string[] = [];
  while (left.size > 0) {
    const referring = (to: Table) =>
      [...left].flatMap((from) =>
        from.references.filter(({ table }) => table === to.name).map((reference) => ({ from, reference })),
      );
    const others = (to: Table) => referring(to).filter(({ from }) => from !== to);
    const canDelete = (to: Table) =>
      others(to).every(({ reference }) => !reference.restricts || isClearable(reference));
    const [any] = left;
    const next = [...left].find((table) => others(table).length === 0) ?? [...left].find(canDelete) ?? any!;
    if (others(next).length > 0) before.add("PRAGMA defer_foreign_keys = ON");
    for (const { from, reference } of referring(next)) {
      if (reference.restricts && isClearable(reference)) before.add(clearing(from, reference));
    }
    deleted.push(`DELETE FROM ${next.path}`);
    left.delete(next);
  }
  return [...before, ...deleted];
}

function isClearable({ nullableColumns }: Reference): boolean {
  return nullableColumns.length > 0;
}

function clearing({ path }: Table, { nullableColumns }: Reference): string {
  return `UPDATE ${path} SET ${nullableColumns.map((column) => `${column} = NULL`).join(", ")}`;
}

function filledAgain(tables: readonly Table[]): DatabaseError {
  return new DatabaseError(
    "NOT_EMPTY",
    `reset() cannot empty ${tables.map(({ path }) => path).join(", ")}: a trigger fills them again. Drop it before.`,
  );
}
