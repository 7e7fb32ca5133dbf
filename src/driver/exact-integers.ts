import type { BindValue } from "../sql/bind-value";
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
  const numbers = new Map<string, number>();
  let highest = 0;
  let exact = "";
  let copied = 0;
  for (const { kind, start, end } of tokenize(sql)) {
    if (kind !== "parameter") continue;
    const token = sql.slice(start, end);
    // How SQLite numbers parameters: https://sqlite.org/lang_expr.html#varparam
    let number = numbers.get(token);
    if (number === undefined) {
      number = /^\?\d/.test(token) ? Number(token.slice(1)) : highest + 1;
      if (token !== "?") numbers.set(token, number);
      highest = Math.max(highest, number);
    }
    if (!isWide(values[number - 1])) continue;
    exact += `${sql.slice(copied, start)}+CAST(${token} AS INTEGER)`;
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
