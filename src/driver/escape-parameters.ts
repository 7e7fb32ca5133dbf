import type { ObjectLiteral } from "typeorm";
import { DateUtils } from "typeorm/util/DateUtils.js";

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
  const one = (value: unknown): string => {
    if (typeof value === "function") return value();
    if (typeof value === "number" && !bind && Number.isFinite(value)) return String(value);
    values.push(toStored(value));
    return "?";
  };
  const text = sql.replaceAll(PARAMETER, (whole, spread: string | undefined, name: string | undefined) => {
    if (name === undefined || !Object.hasOwn(parameters, name)) return whole;
    const value: unknown = parameters[name];
    return spread && Array.isArray(value) ? value.map(one).join(", ") : one(value);
  });
  return [text, values];
}

/** A value as TypeORM binds it. */
export function toStored(value: unknown): unknown {
  if (typeof value === "boolean") return Number(value);
  return value instanceof Date ? DateUtils.mixedDateToUtcDatetimeString(value) : value;
}
