import type { ModulesContainer } from "@nestjs/core";
import type { SqliteDatabaseOptions } from "..";

type Entities = NonNullable<SqliteDatabaseOptions["entities"]>;
type Entity = Entities extends infer List ? (List extends readonly (infer Item)[] ? Item : never) : never;

/**
 * What one `forFeature()` asked for, as a provider of its module. @nestjs/typeorm keeps such lists for the whole
 * process, where the applications of a test run would create each other's tables.
 */
export class FeatureEntities {
  constructor(
    readonly database: string,
    readonly entities: readonly Entity[],
  ) {}
}

/** `entities` and those that the modules of this application asked for. */
export function withFeatures(entities: Entities, modules: ModulesContainer, database: string): Entities {
  const features = [...modules.values()]
    .flatMap((module) => [...module.providers.values()])
    .map(({ instance }) => instance)
    .filter((instance) => instance instanceof FeatureEntities)
    .filter((feature) => feature.database === database);
  // What is no list is refused, with its remedy, where the options are checked.
  if (typeof entities !== "object" || entities === null) return entities;
  return [...new Set([...Object.values(entities), ...features.flatMap((feature) => feature.entities)])];
}
