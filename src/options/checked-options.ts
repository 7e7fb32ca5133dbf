import type { NamingStrategyInterface } from "typeorm";
import { ENTITIES, listProblem, MIGRATIONS, SUBSCRIBERS } from "./list-problem";
import { Check, Flag, Seconds, sentence, WholeNumber } from "./option-checks";
import { isPlainObject } from "./plain-object";
import { pragmaProblems } from "./pragma-problems";
import type { ResolvedOptions } from "./resolve-options";

const LOGGER_METHODS = ["logQuery", "logQueryError", "logQuerySlow", "logSchemaBuild", "logMigration", "log"];

/** The options with their defaults, and what class-validator checks about each. */
export class CheckedOptions {
  @Check(listProblem(ENTITIES))
  entities: ResolvedOptions["entities"] = [];

  @Check(echoProblem)
  echo: ResolvedOptions["echo"] = false;

  @WholeNumber(1, "")
  poolSize = 20;

  @WholeNumber(-1, "; -1 is no limit")
  maxOverflow = 10;

  @Seconds()
  poolTimeout = 30;

  @Check(recycleProblem)
  poolRecycle = 3600;

  @Flag()
  poolPrePing = true;

  @Flag()
  createAll = true;

  @Flag()
  synchronize = false;

  @Seconds()
  busyTimeout = 5;

  @Seconds()
  closeTimeout = 10;

  @Check(validateProblem)
  validate: ResolvedOptions["validate"] = true;

  @Check((value) => pragmaProblems(value).join("; ") || undefined)
  pragmas: ResolvedOptions["pragmas"] = {};

  @Check(listProblem(MIGRATIONS))
  migrations: ResolvedOptions["migrations"] = [];

  @Flag()
  migrationsRun = false;

  @Check(listProblem(SUBSCRIBERS))
  subscribers: ResolvedOptions["subscribers"] = [];

  @Check(namingStrategyProblem)
  namingStrategy: NamingStrategyInterface | undefined = undefined;

  @Check(cacheProblem)
  cache: ResolvedOptions["cache"] = false;
}

function echoProblem(value: unknown, key: string): string | undefined {
  if (typeof value === "boolean") return undefined;
  const missing = missingMethods(value, LOGGER_METHODS);
  if (missing.length === 0) return undefined;
  const isObject = typeof value === "object" && value !== null;
  const wanted = "must be true, false or a TypeORM Logger";
  return sentence(key, isObject ? `${wanted}; it lacks ${missing.join(", ")}` : wanted, value);
}

function recycleProblem(value: unknown, key: string): string | undefined {
  if (typeof value === "number" && Number.isFinite(value) && (value > 0 || value === -1)) return undefined;
  return sentence(key, "must be a number of seconds above 0, or -1 for never", value);
}

function validateProblem(value: unknown, key: string): string | undefined {
  if (typeof value === "boolean" || isPlainObject(value)) return undefined;
  return sentence(
    key,
    `must be true, false or class-validator's ValidatorOptions, such as { groups: ["write"] }`,
    value,
  );
}

function namingStrategyProblem(value: unknown, key: string): string | undefined {
  if (value === undefined || missingMethods(value, ["tableName", "columnName"]).length === 0)
    return undefined;
  const hint = typeof value === "function" ? "; put new before the class" : "";
  return sentence(
    key,
    `must be a TypeORM NamingStrategyInterface, such as a DefaultNamingStrategy${hint}`,
    value,
  );
}

function cacheProblem(value: unknown, key: string): string | undefined {
  if (typeof value === "boolean" || isPlainObject(value)) return undefined;
  return sentence(key, `must be true, false or TypeORM's cache options, such as { duration: 1000 }`, value);
}

/** Everything is missing where the value is no object. */
function missingMethods(value: unknown, names: readonly string[]): readonly string[] {
  if (typeof value !== "object" || value === null) return names;
  return names.filter((name) => typeof Reflect.get(value, name) !== "function");
}
