import type { ObjectLiteral } from "typeorm";
import { DateUtils } from "typeorm/util/DateUtils.js";
import { TextCache } from "../sql/text-cache";

/** SQLite's limit of parameters in one statement: https://sqlite.org/limits.html#max_variable_number */
export const MOST_PARAMETERS = 32_766;

/** A parameter of the query builder, or a literal, identifier or comment in which a colon means nothing. */
const PARAMETER =
  /'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|--[^\n]*|\/\*[\s\S]*?\*\/|:(\.\.\.)?([A-Za-z0-9_.]+)/g;

/**
 * The query builder's `:name` and `:...names` as positional parameters, numbers included: so queries that differ only
 * in them share a prepared statement.
 */
export function bindNumbers(sql: string, parameters: ObjectLiteral): [string, unknown[]] {
  const escaped = toPositional(sql, parameters, true);
  return escaped[1].length > MOST_PARAMETERS ? writeNumbers(sql, parameters) : escaped;
}

/** The same with numbers written into the text, as TypeORM shows the queries of SQLite. */
export function writeNumbers(sql: string, parameters: ObjectLiteral): [string, unknown[]] {
  return toPositional(sql, parameters, false);
}

function toPositional(
  sql: string,
  parameters: ObjectLiteral | undefined,
  bind: boolean,
): [string, unknown[]] {
  const values: unknown[] = [];
  if (!parameters) return [sql, values];
  const { pieces, places, positional } = templates.get(sql, templateOf);
  const one = (value: unknown): string => {
    if (typeof value === "function") return value();
    if (typeof value === "number" && !bind && Number.isFinite(value)) return String(value);
    values.push(toStored(value));
    return "?";
  };
  let text = pieces[0]!;
  let isPositional = true;
  for (let index = 0; index < places.length; index++) {
    const { whole, name, isSpread } = places[index]!;
    let mark = whole;
    if (Object.hasOwn(parameters, name)) {
      const value: unknown = parameters[name];
      mark = isSpread && Array.isArray(value) ? value.map(one).join(", ") : one(value);
    }
    isPositional &&= mark === "?";
    text += mark + pieces[index + 1]!;
  }
  // The same string each time, of which everything else that is known by text is found sooner.
  return [isPositional ? positional : text, values];
}

/** A text of the query builder, taken apart at its parameters. */
interface Template {
  /** What is before, between and after the places. */
  readonly pieces: readonly string[];
  readonly places: readonly { readonly whole: string; readonly name: string; readonly isSpread: boolean }[];
  /** With a single value in each place. */
  readonly positional: string;
}

const templates = new TextCache<Template>();

function templateOf(sql: string): Template {
  const pieces: string[] = [];
  const places: { whole: string; name: string; isSpread: boolean }[] = [];
  let copied = 0;
  for (const { 0: whole, 1: spread, 2: name, index } of sql.matchAll(PARAMETER)) {
    if (name === undefined) continue;
    pieces.push(sql.slice(copied, index));
    places.push({ whole, name, isSpread: spread !== undefined });
    copied = index + whole.length;
  }
  pieces.push(sql.slice(copied));
  return { pieces, places, positional: pieces.join("?") };
}

/** A value as TypeORM binds it. */
export function toStored(value: unknown): unknown {
  if (typeof value === "boolean") return Number(value);
  return value instanceof Date ? DateUtils.mixedDateToUtcDatetimeString(value) : value;
}
