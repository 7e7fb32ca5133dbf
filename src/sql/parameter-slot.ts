import { ParameterError } from "../errors";
import type { StatementTokens } from "./statement-tokens";
import type { Token } from "./tokenizer";

/** SQLITE_MAX_VARIABLE_NUMBER (https://sqlite.org/limits.html#max_variable_number). */
export const MAX_VALUES = 32_766;

/** A parameter of a statement: `sql.slice(start, end)`. */
export interface Slot extends SlotName, SlotPlace {
  readonly start: number;
  readonly end: number;
  /** What is sent for a single value: its own text, so that a column has the name that SQLite gives it; or `?`. */
  readonly mark: string;
  /** Whether SQLite takes the value from a slot before, which has the same name. */
  readonly isRepeated: boolean;
}

interface SlotName {
  /** Where its value is found: a name, or an index into an array. */
  readonly key: string | number;
  /** What to call it in a message: `:age`, `?2`. */
  readonly label: string;
  /** Whether it is written `:...name`, which wants a list. */
  readonly isSpread: boolean;
}

interface SlotPlace {
  /** Whether it is all that follows IN, one element of the parentheses that follow IN, or anything else. */
  readonly place: "list" | "element" | "value";
  /** The offsets of the commas next to it. */
  readonly commaBefore?: number | undefined;
  readonly commaAfter?: number | undefined;
}

/**
 * Finds the parameters of a statement, from left to right.
 *
 * @throws {ParameterError} if one has a number that SQLite does not know
 */
export function findSlots(tokens: StatementTokens): Slot[] {
  const slots: Slot[] = [];
  // For each open parenthesis, whether it is that of an IN list.
  const lists: boolean[] = [];
  const marks = new Set<string>();
  let highest = 0;
  for (let index = 0; index < tokens.length; index++) {
    const { kind, start, end } = tokens.at(index) as Token;
    if (tokens.is(index, "(")) lists.push(opensList(tokens, index));
    if (tokens.is(index, ")")) lists.pop();
    // `#1` and `#name` are tokens of SQLite, but no parameters for anyone else.
    if (kind !== "parameter" || tokens.sql[start] === "#") continue;
    const name = nameOf(tokens.sql.slice(start, end), highest);
    if (typeof name.key === "number") highest = Math.max(highest, name.key + 1);
    const mark = typeof name.key === "number" ? "?" : name.label;
    const isRepeated = mark !== "?" && marks.has(mark);
    marks.add(mark);
    slots.push({ start, end, mark, isRepeated, ...name, ...placeOf(tokens, index, lists.at(-1) ?? false) });
  }
  return slots;
}

// The numbers are given as SQLite does: https://sqlite.org/lang_expr.html#varparam
function nameOf(parameter: string, highest: number): SlotName {
  if (!parameter.startsWith("?")) {
    const isSpread = parameter.startsWith("...", 1);
    const key = parameter.slice(isSpread ? 4 : 1);
    return { key, label: `${parameter[0]}${key}`, isSpread };
  }
  const number = parameter === "?" ? highest + 1 : Number(parameter.slice(1));
  if (parameter !== "?" && (number < 1 || number > MAX_VALUES)) {
    throw new ParameterError(
      `There is no parameter ${parameter}: SQLite numbers them from ?1 to ?${MAX_VALUES}.`,
    );
  }
  return { key: number - 1, label: `?${number}`, isSpread: false };
}

function opensList(tokens: StatementTokens, parenthesis: number): boolean {
  return tokens.word(parenthesis - 1) === "IN" && !["SELECT", "WITH"].includes(tokens.word(parenthesis + 1));
}

function placeOf(tokens: StatementTokens, index: number, inList: boolean): SlotPlace {
  if (tokens.word(index - 1) === "IN") return { place: "list" };
  const commaBefore = tokens.is(index - 1, ",") ? tokens.at(index - 1)?.start : undefined;
  const commaAfter = tokens.is(index + 1, ",") ? tokens.at(index + 1)?.start : undefined;
  const begins = commaBefore !== undefined || tokens.is(index - 1, "(");
  const ends = commaAfter !== undefined || tokens.is(index + 1, ")");
  return { place: inList && begins && ends ? "element" : "value", commaBefore, commaAfter };
}
