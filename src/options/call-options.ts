import { ConfigurationError } from "../errors";
import { describe } from "./describe";
import { nearestOption } from "./nearest-option";

/**
 * Refuses an option that a call does not know: `{ readOnly: true }` would else be ignored, and the call would write. And
 * a `signal` that is none, such as its controller.
 *
 * @throws ConfigurationError naming the call, the key and the remedy
 */
export function checkCallOptions(call: string, options: unknown, known: readonly string[]): void {
  if (options === undefined) return;
  if (typeof options !== "object" || options === null) {
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
