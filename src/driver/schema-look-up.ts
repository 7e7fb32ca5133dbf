import type { BindValue } from "../sql/bind-value";
import { namesBetween } from "../sql/check-constraints";
import { quotedName } from "../sql/quoted-name";
import { StatementTokens } from "../sql/statement-tokens";
import type { InsertedValue } from "../sql/target-table";
import type { Connection, Row } from "./connection";

/** A table, and those of its columns that are meant. */
export interface Place {
  readonly table: string | undefined;
  readonly columns: readonly string[];
}

/** A foreign key of a table. */
export interface ForeignKey {
  readonly columns: readonly string[];
  readonly parent: string;
  /** The columns of the parent. */
  readonly others: readonly string[];
}

const WRITES = new Set(["INSERT", "REPLACE", "UPDATE", "DELETE"]);

/** Look-ups in the schema as the connection sees it. One that fails finds nothing. */
export class SchemaLookUp {
  readonly #connection: Connection | undefined;

  constructor(connection: Connection | undefined) {
    this.#connection = connection;
  }

  async tables(): Promise<{ name: string; sql: string }[]> {
    const sql =
      "SELECT name, sql FROM sqlite_master WHERE type = 'table' UNION ALL SELECT name, sql FROM sqlite_temp_master WHERE type = 'table'";
    return (await this.#all(sql)).map(({ name, sql }) => ({ name: String(name), sql: String(sql ?? "") }));
  }

  /** The name as it was created, since SQLite's names do not depend on upper and lower case. */
  async nameOf(table: string): Promise<string> {
    const lower = table.toLowerCase();
    return (await this.tables()).find(({ name }) => name.toLowerCase() === lower)?.name ?? table;
  }

  async index(name: string): Promise<Place> {
    const sql = "SELECT tbl_name, sql FROM sqlite_master WHERE type = 'index' AND name = ?";
    const [index] = await this.#all(sql, [name]);
    if (!index) return { table: undefined, columns: [] };
    const tokens = new StatementTokens(String(index.sql));
    let start = 0;
    while (start < tokens.length && !tokens.is(start, "(")) start++;
    const table = String(index.tbl_name);
    return { table, columns: await this.columnsAmong(table, namesBetween(tokens, start, tokens.length)) };
  }

  async isPrimaryKey(table: string, columns: readonly string[]): Promise<boolean> {
    const key = await this.#primaryKey(table);
    return key.length === columns.length && key.every((name) => columns.includes(name));
  }

  /** The columns of the table that are among the names, which are in lower case. */
  async columnsAmong(table: string, names: ReadonlySet<string>): Promise<string[]> {
    const columns = await this.#all("SELECT name FROM pragma_table_xinfo(?)", [table]);
    return columns.map(({ name }) => String(name)).filter((name) => names.has(name.toLowerCase()));
  }

  async columns(table: string): Promise<string[]> {
    const columns = await this.#all("SELECT name FROM pragma_table_info(?) ORDER BY cid", [table]);
    return columns.map(({ name }) => String(name));
  }

  async foreignKeys(table: string): Promise<ForeignKey[]> {
    const sql =
      'SELECT id, "table" AS parent, "from" AS name, "to" AS other FROM pragma_foreign_key_list(?) ORDER BY id, seq';
    const keys = new Map<unknown, { columns: string[]; parent: string; others: string[] }>();
    for (const { id, parent, name, other } of await this.#all(sql, [table])) {
      const key = keys.get(id) ?? { columns: [], parent: String(parent), others: [] };
      keys.set(id, key);
      key.columns.push(String(name));
      // Without a name it is the primary key.
      if (other !== null) key.others.push(String(other));
    }
    for (const key of keys.values())
      if (key.others.length === 0) key.others = await this.#primaryKey(key.parent);
    return [...keys.values()];
  }

  /** The columns of the table that other tables refer to. */
  async referredColumns(table: string): Promise<string[]> {
    const sql =
      'SELECT DISTINCT f."to" AS name FROM sqlite_master AS m, pragma_foreign_key_list(m.name) AS f ' +
      "WHERE m.type = 'table' AND lower(f.\"table\") = lower(?)";
    const names = await this.#all(sql, [table]);
    const primaryKey = names.some(({ name }) => name === null) ? await this.#primaryKey(table) : [];
    return [...names.flatMap(({ name }) => (name === null ? [] : [String(name)])), ...primaryKey];
  }

  /** Whether writing to the table writes to others. */
  async hasWritingTriggers(table: string): Promise<boolean> {
    const sql = "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND lower(tbl_name) = lower(?)";
    return (await this.#all(sql, [table])).some((trigger) => {
      const tokens = new StatementTokens(String(trigger.sql));
      let index = 0;
      while (index < tokens.length && tokens.word(index) !== "BEGIN") index++;
      while (index < tokens.length && !WRITES.has(tokens.word(index))) index++;
      return index < tokens.length;
    });
  }

  /** Whether there is no row that the values of a foreign key refer to; NULL refers to none and needs none. */
  async refersToNothing(
    { parent, others }: ForeignKey,
    values: readonly InsertedValue[],
    parameters: readonly unknown[],
  ): Promise<boolean> {
    const bound: BindValue[] = [];
    const given = values.map(({ text, parameter }) => {
      if (parameter === undefined) return text;
      bound.push(parameters[parameter - 1] as BindValue);
      return "?";
    });
    const matches = others.map((name, index) => `${quotedName(name)} = ${given[index]}`);
    if (bound.includes(null) || given.some((text) => /^null$/i.test(text))) return false;
    const sql = `SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM ${quotedName(parent)} WHERE ${matches.join(" AND ")})`;
    return (await this.#all(sql, bound)).length > 0;
  }

  async #primaryKey(table: string): Promise<string[]> {
    const key = await this.#all("SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk", [table]);
    return key.map(({ name }) => String(name));
  }

  async #all(sql: string, values: readonly BindValue[] = []): Promise<Row[]> {
    return (await this.#connection?.all(sql, values).catch(() => [])) ?? [];
  }
}
