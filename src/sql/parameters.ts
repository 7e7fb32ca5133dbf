import { ParameterError } from "../errors";
import { type BindValue, describeRefused, toBindValue } from "./bind-value";
import { MAX_VALUES, type Slot } from "./parameter-slot";
import { ParameterTemplate } from "./parameter-template";
import { matchValues } from "./parameter-values";
import { TextCache } from "./text-cache";

export type { BindValue } from "./bind-value";

/** A value that SQLite can hold. A boolean is stored as 0 or 1, a `Date` as TypeORM stores a `datetime`. */
export type ParameterValue = null | boolean | number | bigint | string | Uint8Array | Date;

/** Values by name for `:name`, `@name` and `$name`, or in order for `?`. An array is a list for IN. */
export type Parameters =
  | Readonly<Record<string, ParameterValue | readonly ParameterValue[]>>
  | readonly (ParameterValue | readonly ParameterValue[])[];

/** A statement, and the values of its parameters by the numbers that SQLite gives them. */
export interface BoundStatement {
  readonly sql: string;
  readonly values: BindValue[];
}

const templates = new TextCache<ParameterTemplate>();

/**
 * Puts the values of named parameters, and of lists, into the order in which SQLite wants them.
 *
 * Nothing is ever bound by accident: a missing name, a name or a value that the statement does not use, and a value
 * that SQLite would turn into something else are refused, and so is a second statement. Inherited properties
 * are no values. What has been read from a short text is remembered.
 *
 * @example
 * bindParameters("SELECT * FROM users WHERE age > :age AND id IN (:ids)", { age: 21, ids: [1, 2] });
 * // { sql: "SELECT * FROM users WHERE age > :age AND id IN (?, ?)", values: [21, 1, 2] }
 *
 * @throws {ParameterError} naming every parameter that is wrong, and the remedy
 */
export function bindParameters(sql: string, parameters?: Parameters): BoundStatement {
  assertText(sql);
  const template = templates.get(sql, (text) => new ParameterTemplate(text));
  const given = matchValues(template, parameters);
  const values: BindValue[] = [];
  const lengths: (number | undefined)[] = [];
  let hasLists = false;
  for (const slot of template.slots) {
    const value = given[slot.key];
    if (Array.isArray(value)) {
      assertTakesList(slot);
      for (let index = 0; index < value.length; index++) {
        values.push(bindable(value[index], slot, index));
      }
      lengths.push(value.length);
      hasLists = true;
    } else {
      assertTakesValue(slot);
      if (!slot.isRepeated) values.push(bindable(value, slot));
      lengths.push(undefined);
    }
  }
  if (values.length > MAX_VALUES) {
    throw new ParameterError(
      `${values.length} values are more than the ${MAX_VALUES} of a statement. Send smaller chunks, or a list as one ` +
        "JSON text: IN (SELECT value FROM json_each(:list)).",
    );
  }
  return { sql: hasLists ? template.render(lengths) : template.sql, values };
}

function bindable(value: unknown, slot: Slot, index?: number): BindValue {
  const bound = toBindValue(value);
  if (bound !== undefined) return bound;
  const element = index === undefined ? "" : `[${index}]`;
  throw new ParameterError(`${slot.label}${element} is ${describeRefused(value)}.`);
}

function assertTakesList({ label, place }: Slot): void {
  if (place !== "value") return;
  throw new ParameterError(
    `${label} is an array, which only a list takes: IN (${label}). Pass JSON.stringify() of it to store it as JSON.`,
  );
}

function assertTakesValue({ label, place, isSpread }: Slot): void {
  if (place !== "list" && !isSpread) return;
  throw new ParameterError(
    `${label} stands for a list and needs an array. For a single value write IN (${label}).`,
  );
}

/** @throws ParameterError for what is no text, such as the bytes of a file that was read without an encoding */
export function assertText(sql: unknown): void {
  if (typeof sql === "string") return;
  const remedy = ArrayBuffer.isView(sql) ? '; read the file with the encoding "utf8"' : "";
  throw new ParameterError(
    `The SQL text must be a string, not ${ArrayBuffer.isView(sql) ? "bytes" : typeof sql}${remedy}.`,
  );
}
