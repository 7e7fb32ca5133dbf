/** What tells values of ids apart. SQLite finds the row of the id 1 by "1" as well. */
export function idText(value: unknown): string {
  if (value instanceof Uint8Array) return `x'${Buffer.from(value).toString("hex")}'`;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
