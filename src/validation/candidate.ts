import type { ObjectLiteral } from "typeorm";
import { ValidationError } from "../options/class-validator";
import type { PropertyKind, ValidationPlan } from "./validation-plan";

/** What is embedded in a candidate, and is validated on its own. */
interface EmbeddedPart {
  readonly property: string;
  readonly plan: ValidationPlan;
  readonly row: ObjectLiteral;
}

/**
 * What class-validator is given for a row: an object of the entity's class with the values of the row. It is made
 * without the constructor, whose defaults are not what is written, and not by way of accessors.
 */
export function candidateOf(
  plan: ValidationPlan,
  row: ObjectLiteral,
): { candidate: ObjectLiteral; parts: EmbeddedPart[] } {
  const candidate: ObjectLiteral = Object.create(plan.prototype);
  const parts: EmbeddedPart[] = [];
  for (const [property, kind] of plan.properties) if (kind !== "lazy") set(property);
  for (const property of Object.keys(row)) if (!plan.properties.has(property)) set(property);
  return { candidate, parts };

  function set(property: string): void {
    let value: unknown = row[property];
    // A function is SQL text, whose value SQLite will compute.
    if (value === undefined || typeof value === "function") return;
    const inner = plan.embedded.get(property);
    if (inner && isObject(value)) {
      parts.push({ property, plan: inner, row: value });
      value = candidateOf(inner, value).candidate;
    }
    const related = plan.related.get(property);
    if (related)
      value = Array.isArray(value) ? value.map((one) => reference(related, one)) : reference(related, value);
    if (!(property in candidate)) candidate[property] = value;
    else Object.defineProperty(candidate, property, { value, enumerable: true, configurable: true });
  }
}

/** Those of class-validator's errors that are about what is written, with those of what is embedded as children. */
export function relevantErrors(
  plan: ValidationPlan,
  kind: "insert" | "update",
  row: ObjectLiteral,
  candidate: ObjectLiteral,
  own: readonly ValidationError[],
  parts: readonly (EmbeddedPart & { readonly errors: ValidationError[] })[],
): ValidationError[] {
  if (own.length === 0 && parts.every(({ errors }) => errors.length === 0)) return [];
  const errors = own.filter((error) => isRelevant(error, plan.properties.get(error.property)));
  for (const { property, errors: children } of parts) {
    if (children.length === 0) continue;
    const known = errors.find((error) => error.property === property);
    const parent = known ?? new ValidationError();
    if (!known) {
      errors.push(Object.assign(parent, { property, target: candidate, value: candidate[property] }));
    }
    parent.children = children;
  }
  return errors;

  function isRelevant(error: ValidationError, what: PropertyKind | undefined): boolean {
    if (what === "lazy") return false;
    const value: unknown = row[error.property];
    if (typeof value === "function") return false;
    if (what === "relation" || what === "embedded") {
      // What is related is validated when it is written itself, what is embedded on its own.
      if (what === "relation" || plan.embedded.get(error.property)) error.children = [];
      const isGiven = value === null || isObject(value);
      return (
        isGiven && (Object.keys(error.constraints ?? {}).length > 0 || (error.children ?? []).length > 0)
      );
    }
    if (value !== undefined) return true;
    return kind === "insert" && what === "column";
  }
}

/** What is related, without what that refers to: it may refer back. */
function reference(prototype: object, value: unknown): unknown {
  if (!isObject(value)) return value;
  const isPlain = Object.getPrototypeOf(value) === Object.prototype;
  const fields = Object.entries(value).filter(([, field]) => !isObject(field));
  return Object.assign(
    Object.create(isPlain ? prototype : Object.getPrototypeOf(value)),
    Object.fromEntries(fields),
  );
}

function isObject(value: unknown): value is ObjectLiteral {
  return typeof value === "object" && value !== null;
}
