import { StatementTokens } from "./statement-tokens";
import { nameAt, unquoted } from "./token-name";

/** A CHECK of a table. */
export interface CheckConstraint {
  /** What SQLite calls it in its message: its name, else its expression. */
  readonly label: string;
  /** Every name in its expression, in lower case: columns, functions and keywords. */
  readonly names: ReadonlySet<string>;
}

/** The CHECK constraints of a CREATE TABLE statement. */
export function checkConstraints(createTable: string): CheckConstraint[] {
  const tokens = new StatementTokens(createTable);
  const found: CheckConstraint[] = [];
  let depth = 0;
  let name: string | undefined;
  for (let index = 0; index < tokens.length; index++) {
    if (tokens.is(index, "(")) depth++;
    else if (tokens.is(index, ")")) depth--;
    if (depth !== 1) continue;
    // A name holds until the next column or table constraint.
    if (tokens.is(index, ",")) name = undefined;
    else if (tokens.word(index) === "CONSTRAINT") name = nameAt(tokens, ++index);
    else if (tokens.word(index) === "CHECK" && tokens.is(index + 1, "(")) {
      const end = closing(tokens, index + 1);
      // SQLite takes the quotes off the whole expression, as if it were a name.
      const text = createTable.slice(tokens.at(index + 1)!.end, tokens.at(end)?.start).trim();
      found.push({ label: name ?? unquoted(text), names: namesBetween(tokens, index + 2, end) });
      index = end;
    }
  }
  return found;
}

/** Every name from an index on, in lower case. */
export function namesBetween(tokens: StatementTokens, from: number, to: number): Set<string> {
  const names = new Set<string>();
  for (let index = from; index < to; index++) {
    if (tokens.at(index)?.kind !== "string") names.add(nameAt(tokens, index).toLowerCase());
  }
  names.delete("");
  return names;
}

function closing(tokens: StatementTokens, open: number): number {
  let depth = 0;
  for (let index = open; index < tokens.length; index++) {
    if (tokens.is(index, "(")) depth++;
    else if (tokens.is(index, ")") && --depth === 0) return index;
  }
  return tokens.length;
}
