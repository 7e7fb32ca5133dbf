import { types } from "node:util";
import { ParameterError } from "../errors";
import type { ParameterTemplate } from "./parameter-template";

/** Values by the keys of a template's slots. */
export type Values = Readonly<Record<string | number, unknown>>;

/**
 * Sees to it that there is exactly one value for every parameter.
 *
 * @throws {ParameterError} naming all that are missing, and all that the statement does not use
 */
export function matchValues(template: ParameterTemplate, parameters: unknown): Values {
  const { labels, style } = template;
  const given: unknown = parameters ?? (style === "positional" ? [] : {});
  if (!isContainer(given)) {
    throw new ParameterError(
      "Parameters are a plain object with a property for each name, or an array for ?.",
    );
  }
  const isArray = Array.isArray(given);
  if (style === "named" && isArray) {
    throw new ParameterError(`The values of ${list(labels.values())} come in an object, not in an array.`);
  }
  if (style === "positional" && !isArray) {
    throw new ParameterError(
      "The values of ? come in an array, not in an object. Write :name to bind by name.",
    );
  }
  const keys = isArray ? [...given.keys()] : Object.keys(given);
  // Own properties only: `:constructor` and `:toString` are names like any other.
  const missing = [...labels.keys()].filter((key) => !Object.hasOwn(given, key));
  const unused = keys.filter((key) => !labels.has(key));
  if (missing.length > 0 || unused.length > 0)
    throw new ParameterError(mismatch(labels, keys, missing, unused));
  return given as Values;
}

type Keys = readonly (string | number)[];

function mismatch(
  labels: ReadonlyMap<string | number, string>,
  keys: Keys,
  missing: Keys,
  unused: Keys,
): string {
  const missingLabels = missing.map((key) => labels.get(key) ?? "");
  const sentences: string[] = [];
  if (missing.length > 0) sentences.push(`There is no value for ${list(missingLabels)}.`);
  if (unused.length > 0) sentences.push(`There is no parameter for ${list(unused.map(keyLabel))}.`);
  sentences.push(
    `The statement has ${list(labels.values())}; the values are for ${list(keys.map(keyLabel))}.`,
  );
  if (unused.some((key) => /^[:@$]/.test(String(key)) && labels.has(String(key).slice(1)))) {
    sentences.push("The keys are the names without the prefix.");
  }
  if (missingLabels.some((label) => label.includes("::"))) {
    sentences.push("SQLite knows no :: cast, write CAST(:name AS type).");
  }
  return sentences.join(" ");
}

// A Map, a Date or a Buffer has no properties of its own that could be names, which would look like missing values.
function isContainer(given: unknown): given is object {
  return (
    typeof given === "object" &&
    given !== null &&
    !types.isMap(given) &&
    !types.isSet(given) &&
    !types.isDate(given) &&
    !types.isPromise(given) &&
    !ArrayBuffer.isView(given)
  );
}

function keyLabel(key: string | number): string {
  return typeof key === "number" ? `?${key + 1}` : key;
}

// Long enough for every statement written by hand.
const LONGEST_LIST = 50;

function list(labels: Iterable<string>): string {
  const all = [...labels];
  if (all.length === 0) return "none";
  const more = all.length > LONGEST_LIST ? `, … (${all.length - LONGEST_LIST} more)` : "";
  return all.slice(0, LONGEST_LIST).join(", ") + more;
}
