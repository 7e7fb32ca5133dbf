import { ConfigurationError } from "../errors";
import { describe } from "./describe";
import { nearestOption } from "./nearest-option";

/** What those options must be that several calls have; `timeout` is looked at where it is used. */
const TYPES = [
  ["readonly", "boolean", "true or false"],
  ["label", "string", "a string"],
] as const;

/**
 * Refuses an option that a call does not know: `{ readOnly: true }` would else be ignored, and the call would write. And
 * one of another type, such as a `readonly` of "false", or the controller of a `signal`.
 *
 * @throws ConfigurationError naming the call, the key and the remedy
 */
export function checkCallOptions(call: string, options: unknown, known: readonly string[]): void {
  if (options === undefined) return;
  if (typeof options !== "object" || options === null || hasNoOptions(options)) {
    throw new ConfigurationError(
      `The options of ${call}() must be an object such as { ${known[0]} } (got ${describe(options)}).`,
    );
  }
  for (const key in options) {
    if (known.includes(key)) continue;
    const nearest = nearestOption(key, known);
    const remedy = nearest !== undefined ? `Did you mean ${nearest}?` : `It has ${known.join(", ")}.`;
    throw new ConfigurationError(`${call}() has no option ${key}. ${remedy}`);
  }
  for (const [key, type, wanted] of TYPES) {
    const value: unknown = (options as Record<string, unknown>)[key];
    if (value === undefined || typeof value === type) continue;
    throw new ConfigurationError(`The ${key} of ${call}() must be ${wanted} (got ${describe(value)}).`);
  }
  const { signal } = options as { signal?: unknown };
  if (signal !== undefined && !isSignal(signal)) {
    const remedy = isSignal((signal as Partial<AbortController> | null)?.signal)
      ? "pass the signal of the controller"
      : "pass that of an AbortController, or AbortSignal.timeout()";
    throw new ConfigurationError(
      `The signal of ${call}() must be an AbortSignal; ${remedy} (got ${describe(signal)}).`,
    );
  }
}

/** A promise that was not awaited, a list or a map: what was meant by it would be ignored. */
function hasNoOptions(value: object): boolean {
  return "then" in value || Symbol.iterator in value;
}

/** By what it can do: jest gives its test files an `AbortSignal` of their own. */
function isSignal(value: unknown): value is AbortSignal {
  return (
    typeof value === "object" &&
    value !== null &&
    "aborted" in value &&
    "addEventListener" in value &&
    "throwIfAborted" in value
  );
}
