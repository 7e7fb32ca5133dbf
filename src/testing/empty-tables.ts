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
    const mayFill = tables.some(({ hasTriggers }) => hasTriggers);
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
 * The statements that delete everything, rows that refer to others first. Where tables refer to each other in a
 * circle, or a table restricts the deletion of its own rows, the references are cleared before.
 */
export function deletionOf(tables: readonly Table[]): string[] {
  const left = new Set(tables);
  const cleared: string[] = [];
  const deleted: string[] = [];
  const clear = (from: Table, { nullableColumns: columns }: Reference): void => {
    if (columns.length === 0) return;
    cleared.push(`UPDATE ${from.path} SET ${columns.map((column) => `${column} = NULL`).join(", ")}`);
  };
  while (left.size > 0) {
    const referring = (to: Table) =>
      [...left].flatMap((from) =>
        from.references.filter(({ table }) => table === to.name).map((reference) => ({ from, reference })),
      );
    const others = (to: Table) => referring(to).filter(({ from }) => from !== to);
    const canClear = (to: Table) => others(to).every(({ reference }) => reference.nullableColumns.length > 0);
    const [any] = left;
    const next = [...left].find((table) => others(table).length === 0) ?? [...left].find(canClear) ?? any!;
    for (const { from, reference } of referring(next)) {
      if (from !== next || reference.restricts) clear(from, reference);
    }
    deleted.push(`DELETE FROM ${next.path}`);
    left.delete(next);
  }
  return [...cleared, ...deleted];
}

function filledAgain(tables: readonly Table[]): DatabaseError {
  return new DatabaseError(
    "NOT_EMPTY",
    `reset() cannot empty ${tables.map(({ path }) => path).join(", ")}: a trigger fills them again. Drop it before.`,
  );
}
