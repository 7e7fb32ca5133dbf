import type { BindValue } from "../sql/bind-value";
import { numberParameters } from "../sql/parameter-numbers";
import { tokenize } from "../sql/tokenizer";

const INT32 = 2 ** 31;
const INT64 = 2 ** 63;

/**
 * Makes every integer arrive as an INTEGER.
 *
 * sqlite3 binds a number beyond 32 bits as a REAL and a bigint as NULL. Such a value goes as text through
 * `+CAST(? AS INTEGER)`, which is exact for 64 bits (https://sqlite.org/lang_expr.html#castexpr); the `+` takes away
 * the affinity that a CAST would bring into comparisons (https://sqlite.org/datatype3.html#type_affinity).
 */
export function exactIntegers(
  sql: string,
  values: readonly BindValue[],
): { sql: string; values: readonly BindValue[] } {
  if (!values.some(isWide)) return { sql, values };
  const bound = values.map((value) => (isWide(value) ? BigInt(value).toString() : value));
  const parameters = [...tokenize(sql)].filter(({ kind }) => kind === "parameter");
  const { numbers } = numberParameters(parameters.map(({ start, end }) => sql.slice(start, end)));
  let exact = "";
  let copied = 0;
  for (const [index, { start, end }] of parameters.entries()) {
    if (!isWide(values[numbers[index]! - 1])) continue;
    exact += `${sql.slice(copied, start)}+CAST(${sql.slice(start, end)} AS INTEGER)`;
    copied = end;
  }
  return { sql: exact + sql.slice(copied), values: bound };
}

function isWide(value: BindValue | undefined): value is number | bigint {
  if (typeof value === "bigint") return true;
  return (
    typeof value === "number" &&
    (value >= INT32 || value < -INT32) &&
    Number.isInteger(value) &&
    Math.abs(value) < INT64
  );
}
