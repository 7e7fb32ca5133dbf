import type { ValidationArguments, ValidationOptions } from "class-validator";
import { IsBoolean, IsInt, IsNumber, Max, Min, ValidateBy } from "./class-validator";
import { describe } from "./describe";

export const MAX_SECONDS = 3600;

/** A check of class-validator made of a function that tells what is wrong, or `undefined`. */
export function Check(problemWith: (value: unknown, key: string) => string | undefined): PropertyDecorator {
  return ValidateBy({
    name: "check",
    validator: {
      validate: (value, args) => problemWith(value, args?.property ?? "") === undefined,
      defaultMessage: (args) => problemWith(args?.value, args?.property ?? "") ?? "",
    },
  });
}

/** A whole number, at least `min`. */
export function WholeNumber(min: number, remedy: string): PropertyDecorator {
  const message = says(() => `must be a whole number, at least ${min}${remedy}`);
  return all(IsInt(message), Min(min, message));
}

/** A time of 0 to 3600 seconds. More is taken for a slip into milliseconds. */
export function Seconds(): PropertyDecorator {
  const message = says((value) => {
    if (typeof value !== "number" || !(value > MAX_SECONDS)) {
      return `must be a number of seconds from 0 to ${MAX_SECONDS}`;
    }
    return inSeconds(value);
  });
  return all(IsNumber({}, message), Min(0, message), Max(MAX_SECONDS, message));
}

/** What is said of a time beyond {@link MAX_SECONDS}, which is taken for a slip into milliseconds. */
export function inSeconds(value: number): string {
  const meant = value / 1000;
  return `is in seconds; did you mean ${meant > MAX_SECONDS ? `${MAX_SECONDS}, the most there is` : meant}?`;
}

/** `true` or `false`, and nothing that only looks like it. */
export function Flag(): PropertyDecorator {
  return IsBoolean(says(() => "must be true or false"));
}

/** The sentence about a wrong value: `poolSize must be a whole number (got '5')`. */
export function sentence(key: string, problem: string, value: unknown): string {
  return `${key} ${problem} (got ${describe(value)})`;
}

function says(problem: (value: unknown) => string): ValidationOptions {
  return { message: ({ property, value }: ValidationArguments) => sentence(property, problem(value), value) };
}

function all(...decorators: PropertyDecorator[]): PropertyDecorator {
  return (target, key) => {
    for (const decorate of decorators) decorate(target, key);
  };
}
