import { inspect } from "node:util";
import { maskSecrets } from "./secrets";

/**
 * A value as an error message shows it: on one line, shortened, without passwords. Objects show their kind only,
 * because what is inside them may be secret, and may be large.
 *
 * @example
 * describe("5"); // "'5'"
 * describe({ password: "secret" }); // "[Object]"
 */
export function describe(value: unknown): string {
  if (typeof value === "string") return inspect(maskSecrets(value), { maxStringLength: 60 });
  const text = maskSecrets(inspect(value, { depth: -1, customInspect: false })).replace(/\s+/g, " ");
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
