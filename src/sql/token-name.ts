import type { StatementTokens } from "./statement-tokens";

/** The name at the index as it was written, without its quotes, else "". SQLite takes a string for a name, too. */
export function nameAt(tokens: StatementTokens, index: number): string {
  const token = tokens.at(index);
  if (!token) return "";
  const text = tokens.sql.slice(token.start, token.end);
  if (token.kind === "word") return text;
  return token.kind === "identifier" || token.kind === "string" ? unquoted(text) : "";
}

/** Text without the quotes around its beginning, as SQLite's `sqlite3Dequote()` leaves it. */
export function unquoted(text: string): string {
  const quote = text[0] ?? "";
  if (quote === "[") return text.slice(1, text.includes("]") ? text.indexOf("]") : undefined);
  if (!['"', "'", "`"].includes(quote)) return text;
  let name = "";
  for (let index = 1; index < text.length; index++) {
    if (text[index] === quote && text[++index] !== quote) break;
    name += text[index];
  }
  return name;
}
