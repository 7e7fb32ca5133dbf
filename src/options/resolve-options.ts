import type { NamingStrategyInterface } from "typeorm";
import { ConfigurationError } from "../errors";
import { CheckedOptions } from "./checked-options";
import { type ValidationError, validateSync } from "./class-validator";
import { describe } from "./describe";
import { nearestOption } from "./nearest-option";
import { isSecretName } from "./secrets";
import type { SqliteDatabaseOptions } from "./sqlite-database-options";

type Defaulted = Exclude<keyof SqliteDatabaseOptions, "namingStrategy">;

/** {@link SqliteDatabaseOptions} after checking, with the defaults filled in. */
export type ResolvedOptions = {
  readonly [Key in Defaulted]-?: Exclude<SqliteDatabaseOptions[Key], undefined>;
} & {
  /** Absent unless given, so that it can be spread into TypeORM's options. */
  readonly namingStrategy?: NamingStrategyInterface;
};

/**
 * Checks options and fills in the defaults. What was given is left as it is.
 *
 * @throws ConfigurationError that lists every unknown key and every wrong value, each with the remedy
 * @example
 * resolveOptions({ poolSize: 5 }).poolTimeout; // 30
 */
export function resolveOptions(input: SqliteDatabaseOptions = {}): ResolvedOptions {
  const given = entriesOf(input).filter(([, value]) => value !== undefined);
  // class-validator looks names up in plain objects, so "constructor" would pass its whitelist, and assigning
  // "__proto__" would replace the checks themselves.
  const isInherited = ([key]: [string, unknown]) => key in Object.prototype;
  const problems = given.filter(isInherited).map(([key, value]) => unknownKey(key, value));

  const safe = Object.fromEntries(given.filter((entry) => !isInherited(entry)));
  // Only what is given: the defaults are as they should be.
  const errors = validateSync(Object.assign(Object.create(CheckedOptions.prototype), safe), {
    whitelist: true,
    forbidNonWhitelisted: true,
    stopAtFirstError: true,
    skipUndefinedProperties: true,
  });
  problems.push(...errors.map(problemOf));
  if (problems.length > 0) throw invalid(problems);

  const { namingStrategy, ...rest } = Object.assign(new CheckedOptions(), safe);
  return Object.freeze({ ...rest, pragmas: { ...rest.pragmas }, ...(namingStrategy && { namingStrategy }) });
}

function entriesOf(input: unknown): [string, unknown][] {
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    throw invalid([`the options must be an object such as { poolSize: 5 } (got ${describe(input)})`]);
  }
  if ("then" in input) throw invalid(["the options must be an object, not a promise; await it first"]);
  return Object.entries(input);
}

function problemOf({ property, value, constraints = {} }: ValidationError): string {
  if ("whitelistValidation" in constraints) return unknownKey(property, value);
  return Object.values(constraints).join("; ");
}

function unknownKey(key: string, value: unknown): string {
  const known = Object.keys(new CheckedOptions());
  const nearest = nearestOption(key, known);
  const remedy = nearest === undefined ? `the options are ${known.join(", ")}` : `did you mean ${nearest}?`;
  return `${key} is no option; ${remedy} (got ${isSecretName(key) ? "***" : describe(value)})`;
}

function invalid(problems: readonly string[]): ConfigurationError {
  const [only, ...more] = problems;
  if (more.length === 0) return new ConfigurationError(`Invalid option: ${only}`);
  return new ConfigurationError(`Invalid options:\n${problems.map((problem) => `- ${problem}`).join("\n")}`);
}
