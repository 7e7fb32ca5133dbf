import { numberParameters } from "./parameter-numbers";
import { StatementTokens } from "./statement-tokens";
import { nameAt } from "./token-name";

const VERBS = new Set(["INSERT", "REPLACE", "UPDATE", "DELETE"]);
const AFTER_SET = new Set(["FROM", "WHERE", "RETURNING", "ORDER", "LIMIT"]);

/** What an INSERT, REPLACE, UPDATE or DELETE writes to. */
export interface WriteTarget {
  readonly verb: "insert" | "update" | "delete";
  /** The names as the statement has them, without quotes. */
  readonly schema: string | undefined;
  readonly table: string;
  /** The column list of an INSERT, if it has one, or the columns that an UPDATE sets. */
  readonly columns: readonly string[] | undefined;
  /** Whether an INSERT may delete or change the rows that are in its way. */
  readonly replaces: boolean;
  /**
   * The values of an INSERT, row by row, if each of them is a single token: a literal, or a parameter with the number
   * that SQLite gives it.
   */
  readonly rows: readonly (readonly InsertedValue[])[] | undefined;
}

export interface InsertedValue {
  readonly text: string;
  readonly parameter: number | undefined;
}

/** The table that a statement writes to, or `undefined` if it is no such statement. */
export function writeTarget(sql: string): WriteTarget | undefined {
  const tokens = new StatementTokens(sql);
  let depth = 0;
  for (let index = tokens.statementStart(0); index < tokens.length; index++) {
    if (tokens.is(index, "(")) depth++;
    else if (tokens.is(index, ")")) depth--;
    // The verbs in the parentheses are those of common table expressions.
    else if (depth === 0 && VERBS.has(tokens.word(index))) return targetAfter(tokens, index);
  }
  return undefined;
}

function targetAfter(tokens: StatementTokens, at: number): WriteTarget | undefined {
  const word = tokens.word(at);
  const verb = word === "UPDATE" ? "update" : word === "DELETE" ? "delete" : "insert";
  let index = at + 1;
  let replaces = word === "REPLACE";
  if (tokens.word(index) === "OR") {
    replaces = tokens.word(index + 1) === "REPLACE";
    index += 2;
  }
  if (tokens.word(index) === "INTO" || tokens.word(index) === "FROM") index++;
  const schema = tokens.is(index + 1, ".") ? nameAt(tokens, index) : undefined;
  if (schema !== undefined) index += 2;
  const table = nameAt(tokens, index);
  if (table === "") return undefined;
  index++;
  if (tokens.word(index) === "AS") index += 2;
  if (verb === "delete") return { verb, schema, table, columns: undefined, replaces, rows: undefined };
  if (verb === "update") {
    return { verb, schema, table, columns: setColumns(tokens, index), replaces, rows: undefined };
  }
  const columns = tokens.is(index, "(") ? namesIn(tokens, index) : undefined;
  while (index < tokens.length && !["VALUES", "SELECT", "DEFAULT", "WITH"].includes(tokens.word(index)))
    index++;
  const { rows, end } = valueRows(tokens, index);
  for (let rest = end; rest < tokens.length; rest++) replaces ||= tokens.word(rest) === "CONFLICT";
  return { verb, schema, table, columns, replaces, rows };
}

/** The names in the parentheses that begin at the index. */
function namesIn(tokens: StatementTokens, open: number): string[] {
  const names: string[] = [];
  for (let index = open + 1; index < tokens.length && !tokens.is(index, ")"); index++) {
    const name = nameAt(tokens, index);
    if (name !== "") names.push(name);
  }
  return names;
}

function setColumns(tokens: StatementTokens, from: number): string[] {
  const columns: string[] = [];
  let depth = 0;
  let isTarget = false;
  for (let index = from; index < tokens.length; index++) {
    if (depth === 0 && AFTER_SET.has(tokens.word(index))) break;
    if (isTarget) columns.push(...(tokens.is(index, "(") ? namesIn(tokens, index) : [nameAt(tokens, index)]));
    isTarget = depth === 0 && (tokens.word(index) === "SET" || tokens.is(index, ","));
    if (tokens.is(index, "(")) depth++;
    else if (tokens.is(index, ")")) depth--;
  }
  return columns;
}

function valueRows(tokens: StatementTokens, at: number): Pick<WriteTarget, "rows"> & { end: number } {
  const unknown = { rows: undefined, end: at };
  if (tokens.word(at) !== "VALUES") return unknown;
  const parameters = tokens.ofKind("parameter");
  const { numbers } = numberParameters(parameters.map(({ start, end }) => tokens.sql.slice(start, end)));
  const numberOf = new Map(parameters.map((token, place) => [token, numbers[place]]));
  const rows: InsertedValue[][] = [];
  let index = at + 1;
  for (;;) {
    if (!tokens.is(index, "(")) return unknown;
    const row: InsertedValue[] = [];
    do {
      const token = tokens.at(++index);
      const isValue =
        token &&
        (["parameter", "string", "number", "blob"].includes(token.kind) || tokens.word(index) === "NULL");
      if (!isValue) return unknown;
      row.push({ text: tokens.sql.slice(token.start, token.end), parameter: numberOf.get(token) });
    } while (tokens.is(++index, ","));
    if (!tokens.is(index++, ")")) return unknown;
    rows.push(row);
    if (!tokens.is(index++, ",")) return { rows, end: index - 1 };
  }
}
