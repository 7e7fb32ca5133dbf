/** Whether the value is an object literal or a module's exports, and not a Map, a Promise or somebody's instance. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // Not `=== Object.prototype`: an object from another realm (a vm context, as in Jest) has another one.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
