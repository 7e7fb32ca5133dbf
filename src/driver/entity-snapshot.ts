import { isDeepStrictEqual, types } from "node:util";
import type { EntityMetadata, ObjectLiteral } from "typeorm";
import type { ColumnMetadata } from "typeorm/metadata/ColumnMetadata.js";
import type { RelationMetadata } from "typeorm/metadata/RelationMetadata.js";
import { ApplyValueTransformers } from "typeorm/util/ApplyValueTransformers.js";
import { isFilledIn } from "./filled-in";

/**
 * What the columns and relations of an entity were at one moment. Dates, JSON and bytes are copied, so that a change
 * inside of them is noticed; related entities are compared by identity.
 */
export class EntitySnapshot {
  readonly #columns = new Map<ColumnMetadata, unknown>();
  readonly #relations = new Map<RelationMetadata, unknown>();

  constructor(metadata: EntityMetadata, entity: ObjectLiteral) {
    for (const column of metadata.columns) {
      if (column.isVirtual || column.isVirtualProperty || column.isDiscriminator) continue;
      this.#columns.set(column, copyOf(comparable(column, column.getEntityValue(entity))));
    }
    for (const relation of metadata.relations)
      this.#relations.set(relation, listOf(related(relation, entity)));
  }

  /** Whether the entity differs. As for TypeORM, `undefined` is nothing to write. */
  isChanged(entity: ObjectLiteral, { ignoreLazy = false } = {}): boolean {
    for (const column of this.#columns.keys()) if (this.#differs(column, entity)) return true;
    for (const [relation, before] of this.#relations) {
      // That a lazy relation was loaded looks the same as that it was assigned.
      if (ignoreLazy && relation.isLazy && before === undefined) continue;
      const now = related(relation, entity);
      if (now !== undefined && !isSame(now, before)) return true;
    }
    return false;
  }

  /** Gives the entity these values; with `onlyLoaded`, what was not loaded is left as it is. */
  revert(entity: ObjectLiteral, { onlyLoaded = false } = {}): void {
    for (const [column, before] of this.#columns) {
      if (onlyLoaded && before === undefined) continue;
      if (isDeepStrictEqual(comparable(column, column.getEntityValue(entity)), before)) continue;
      column.setEntityValue(entity, before instanceof StoredForm ? before.toValue() : copyOf(before));
    }
    for (const [relation, before] of this.#relations) {
      // A lazy relation that is emptied would not be loaded again.
      if (before === undefined && (onlyLoaded || relation.isLazy)) continue;
      if (!isSame(related(relation, entity), before)) setRelated(relation, entity, listOf(before));
    }
  }

  /**
   * Makes what TypeORM has loaded to find the changes of `entity` agree with it wherever `entity` has not changed since
   * the snapshot. Otherwise what others wrote to the row meanwhile would be written back.
   */
  align(loaded: ObjectLiteral, entity: ObjectLiteral): void {
    for (const column of this.#columns.keys()) {
      const value = column.getEntityValue(entity);
      if (value === undefined || this.#differs(column, entity)) continue;
      column.setEntityValue(loaded, isOpaque(value) ? value : copyOf(value));
    }
    for (const [relation, before] of this.#relations) {
      if (before !== undefined) setRelated(relation, loaded, idsOf(relation, before));
    }
  }

  /**
   * The snapshot after it was written: what was written, and what the database has generated. A change that was made
   * while the statement ran is still one.
   */
  written(metadata: EntityMetadata, entity: ObjectLiteral): EntitySnapshot {
    const after = new EntitySnapshot(metadata, entity);
    for (const [column, before] of this.#columns) {
      // TypeORM makes NULL of nothing.
      const isNew = before === undefined && (isFilledIn(column) || after.#columns.get(column) === null);
      if (!isNew && !isGenerated(column)) after.#columns.set(column, before);
    }
    for (const [relation, before] of this.#relations) {
      if (before !== undefined) after.#relations.set(relation, before);
    }
    return after;
  }

  #differs(column: ColumnMetadata, entity: ObjectLiteral): boolean {
    const value = column.getEntityValue(entity);
    return value !== undefined && !isDeepStrictEqual(comparable(column, value), this.#columns.get(column));
  }
}

/** The related entity or entities, or `undefined` where the relation is not loaded. */
export function related(relation: RelationMetadata, entity: ObjectLiteral): unknown {
  return relation.getEntityValue(entity);
}

/** TypeORM's own setter merges into the entity that is there. */
export function setRelated(relation: RelationMetadata, entity: ObjectLiteral, value: unknown): void {
  if (relation.embeddedMetadata) relation.setEntityValue(entity, value);
  else entity[relation.isLazy ? `__${relation.propertyName}__` : relation.propertyName] = value;
}

function isGenerated(column: ColumnMetadata): boolean {
  return column.isGenerated || column.isCreateDate || column.isUpdateDate || column.isVersion;
}

/** An instance of a class of the application may have private state; only its transformer knows what is in it. */
class StoredForm {
  readonly #transformer: NonNullable<ColumnMetadata["transformer"]>;
  readonly stored: unknown;

  constructor(transformer: NonNullable<ColumnMetadata["transformer"]>, value: unknown) {
    this.#transformer = transformer;
    this.stored = copyOf(ApplyValueTransformers.transformTo(transformer, value));
  }

  toValue(): unknown {
    return ApplyValueTransformers.transformFrom(this.#transformer, copyOf(this.stored));
  }
}

function comparable({ transformer }: ColumnMetadata, value: unknown): unknown {
  return transformer && isOpaque(value) ? new StoredForm(transformer, value) : value;
}

function isOpaque(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  if (types.isDate(value) || types.isUint8Array(value) || types.isMap(value) || types.isSet(value))
    return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype !== Object.prototype && prototype !== null;
}

function copyOf(value: unknown): unknown {
  if (typeof value !== "object" || value === null || value instanceof StoredForm) return value;
  if (types.isDate(value)) return new Date(value.getTime());
  if (types.isUint8Array(value)) return Buffer.isBuffer(value) ? Buffer.from(value) : value.slice();
  if (Array.isArray(value)) return value.map(copyOf);
  if (types.isMap(value)) return new Map([...value].map(([key, item]) => [copyOf(key), copyOf(item)]));
  if (types.isSet(value)) return new Set([...value].map(copyOf));
  const copy = Object.create(Object.getPrototypeOf(value)) as ObjectLiteral;
  for (const [key, item] of Object.entries(value)) copy[key] = copyOf(item);
  return copy;
}

function listOf(value: unknown): unknown {
  return Array.isArray(value) ? [...value] : value;
}

function isSame(now: unknown, before: unknown): boolean {
  if (!Array.isArray(now) || !Array.isArray(before)) return now === before;
  return now.length === before.length && now.every((item, index) => item === before[index]);
}

/** As TypeORM loads relation ids. */
function idsOf(relation: RelationMetadata, value: unknown): unknown {
  if (Array.isArray(value))
    return value.map((item) => idsOf(relation, item)).filter((id) => id !== undefined);
  if (typeof value !== "object" || value === null) return value;
  const refers = relation.isManyToOne || relation.isOneToOneOwner;
  return refers
    ? relation.getRelationIdMap(value)
    : relation.inverseEntityMetadata.getEntityIdMap(value as ObjectLiteral);
}
