import type { EntityTarget, ObjectLiteral } from "typeorm";

/** Of the entities that have no class, since their `EntitySchema` names none. */
const targets = new WeakMap<object, string>();

/** By what TypeORM knows the metadata of an entity, where it is one: its class, or the name of its schema. */
export function targetOf(entity: object): EntityTarget<ObjectLiteral> {
  return targets.get(entity) ?? entity.constructor;
}

/** Has {@link targetOf} know entities without a class, which nothing else tells from other objects. */
export function rememberTarget(entities: readonly ObjectLiteral[], name: string): void {
  for (const entity of entities) targets.set(entity, name);
}
