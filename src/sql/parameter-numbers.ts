/**
 * The number that SQLite gives to each parameter, in the order in which they stand in the text, and the highest:
 * `?` has the one after the highest so far, `?NNN` its own, a name that occurred before the one it got then
 * (https://sqlite.org/lang_expr.html#varparam).
 */
export function numberParameters(parameters: readonly string[]): { numbers: number[]; highest: number } {
  const named = new Map<string, number>();
  let highest = 0;
  const numbers = parameters.map((parameter) => {
    // A bulk insert has thousands of these.
    if (parameter === "?") return ++highest;
    const number = /^\?\d/.test(parameter)
      ? Number(parameter.slice(1))
      : (named.get(parameter) ?? highest + 1);
    named.set(parameter, number);
    highest = Math.max(highest, number);
    return number;
  });
  return { numbers, highest };
}
