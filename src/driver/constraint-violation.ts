import type { ConstraintKind } from "../errors";
import { checkConstraints } from "../sql/check-constraints";
import { type WriteTarget, writeTarget } from "../sql/target-table";
import type { Connection } from "./connection";
import { type ForeignKey, type Place, SchemaLookUp } from "./schema-look-up";

/** What a violated constraint is about, as far as SQLite and its schema tell. */
export interface Violation extends Place {
  readonly kind: ConstraintKind | undefined;
}

/** SQLite's message for each kind of constraint; the kind itself is in no code that sqlite3 passes on. */
const MESSAGES: readonly [RegExp, ConstraintKind | "strict" | "index"][] = [
  [/UNIQUE constraint failed: index '(.+)'$/s, "index"],
  [/UNIQUE constraint failed: (.+)$/s, "unique"],
  [/NOT NULL constraint failed: (.+)$/s, "notNull"],
  [/CHECK constraint failed: (.+)$/s, "check"],
  [/FOREIGN KEY constraint failed/, "foreignKey"],
  // Of a STRICT table: https://sqlite.org/stricttables.html
  [/cannot store \w+ value in \w+ column (.+)$/s, "strict"],
];

const UNKNOWN: Violation = { kind: undefined, table: undefined, columns: [] };

/**
 * What a message of SQLITE_CONSTRAINT is about. What it does not say is looked up in the schema; nothing that goes
 * wrong with that hides the error itself.
 */
export async function violationOf(
  message: string,
  { sql, parameters }: { readonly sql: string; readonly parameters: readonly unknown[] },
  connection: Connection | undefined,
): Promise<Violation> {
  for (const [pattern, what] of MESSAGES) {
    const match = pattern.exec(message);
    if (!match) continue;
    const named = match[1] ?? "";
    const schema = new SchemaLookUp(connection);
    const target = writeTarget(sql);
    if (what === "index") return { kind: "unique", ...(await schema.index(named)) };
    if (what === "check") return { kind: "check", ...(await violatedCheck(schema, named, target)) };
    if (what === "foreignKey")
      return { kind: what, ...(await violatedForeignKey(schema, target, parameters)) };
    const { table, columns } = splitColumns(named, target?.table);
    if (what === "strict") return { kind: undefined, table, columns };
    const isKey = what === "unique" && table !== undefined && (await schema.isPrimaryKey(table, columns));
    return { kind: isKey ? "primaryKey" : what, table, columns };
  }
  return UNKNOWN;
}

/** `t.a, t.b` as SQLite lists the columns of a constraint. */
function splitColumns(named: string, target: string | undefined): Place {
  const written = named.slice(0, target?.length);
  // Names may have points and commas of their own; the table is mostly the one that the statement writes to.
  const isTarget = written.toLowerCase() === target?.toLowerCase() && named[written.length] === ".";
  const length = isTarget ? written.length : named.split(", ", 1)[0]!.lastIndexOf(".");
  if (length < 0) return { table: undefined, columns: [] };
  const table = named.slice(0, length);
  return { table, columns: named.slice(length + 1).split(`, ${table}.`) };
}

async function violatedCheck(
  schema: SchemaLookUp,
  label: string,
  target: WriteTarget | undefined,
): Promise<Place> {
  const tables = await schema.tables();
  const own = tables.filter(({ name }) => name.toLowerCase() === target?.table.toLowerCase());
  // A trigger may have written to another table, which is known if only one has such a constraint.
  const others = tables.filter((table) => checksNamed(table.sql, label).length > 0);
  const table = own.find(({ sql }) => checksNamed(sql, label).length > 0) ?? only(others);
  if (!table) return { table: undefined, columns: [] };
  const check = only(checksNamed(table.sql, label));
  return { table: table.name, columns: check ? await schema.columnsAmong(table.name, check.names) : [] };
}

function checksNamed(createTable: string, label: string) {
  const wanted = label.toLowerCase();
  return checkConstraints(createTable).filter((check) => check.label.toLowerCase() === wanted);
}

/**
 * SQLite says nothing about it. The table is that of the statement; the columns are known where the statement can only
 * have violated one foreign key of that table, or where only one of its values refers to nothing.
 */
async function violatedForeignKey(
  schema: SchemaLookUp,
  target: WriteTarget | undefined,
  parameters: readonly unknown[],
): Promise<Place> {
  if (!target) return { table: undefined, columns: [] };
  const table = await schema.nameOf(target.table);
  const written = target.columns ?? (await schema.columns(table));
  const isWritten = (column: string) => includesName(written, column);
  // Who deletes or changes rows may as well have left others without what they refer to, and a trigger does anything.
  const referred = target.verb === "insert" && !target.replaces ? [] : await schema.referredColumns(table);
  const others =
    target.verb === "update" && !target.replaces ? referred.some(isWritten) : referred.length > 0;
  if (target.verb === "delete" || others || (await schema.hasWritingTriggers(table)))
    return { table, columns: [] };

  const keys = (await schema.foreignKeys(table)).filter(({ columns }) =>
    target.verb === "update" ? columns.some(isWritten) : columns.every(isWritten),
  );
  const broken = keys.length < 2 ? keys : await brokenKeys(schema, keys, written, target, parameters);
  return { table, columns: only(broken)?.columns ?? [] };
}

/** What a large INSERT refers to is not looked up while others wait for the connection. */
const MOST_LOOK_UPS = 200;

/** Those of the foreign keys for which a row of the INSERT has values that refer to nothing. */
async function brokenKeys(
  schema: SchemaLookUp,
  keys: readonly ForeignKey[],
  written: readonly string[],
  { rows = [] }: WriteTarget,
  parameters: readonly unknown[],
): Promise<ForeignKey[]> {
  if (rows.length * keys.length > MOST_LOOK_UPS) return [];
  const broken: ForeignKey[] = [];
  const places = written.map((name) => name.toLowerCase());
  for (const key of keys) {
    const indexes = key.columns.map((column) => places.indexOf(column.toLowerCase()));
    for (const row of rows) {
      const values = indexes.map((index) => row[index]);
      if (
        !values.every((value) => value !== undefined) ||
        !(await schema.refersToNothing(key, values, parameters))
      )
        continue;
      broken.push(key);
      break;
    }
  }
  return broken;
}

function includesName(names: readonly string[], wanted: string): boolean {
  return names.some((name) => name.toLowerCase() === wanted.toLowerCase());
}

function only<T>(all: readonly T[]): T | undefined {
  return all.length === 1 ? all[0] : undefined;
}
