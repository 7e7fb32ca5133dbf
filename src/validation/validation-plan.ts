import type { EntityMetadata } from "typeorm";
import type { ColumnMetadata } from "typeorm/metadata/ColumnMetadata.js";
import type { EmbeddedMetadata } from "typeorm/metadata/EmbeddedMetadata.js";
import type { RelationMetadata } from "typeorm/metadata/RelationMetadata.js";
import { isFilledIn } from "../driver/filled-in";
import { getMetadataStorage } from "../options/class-validator";

/**
 * What a property is. One that is "filledIn" by SQLite or TypeORM need not be given to an insert; to read one that is
 * "lazy" would load what is related.
 */
export type PropertyKind = "column" | "filledIn" | "relation" | "lazy" | "embedded";

/** How the values of a class are validated, be it an entity's or that of what is embedded in one. */
export interface ValidationPlan {
  readonly prototype: object;
  /** Whether the class has decorators of class-validator; if not, something embedded in it has. */
  readonly isDecorated: boolean;
  /** Whether one of the validators, of the class or of what is embedded in it, is asynchronous. */
  readonly isAsync: boolean;
  readonly properties: ReadonlyMap<string, PropertyKind>;
  /** By property; `undefined` for a class with nothing to validate. */
  readonly embedded: ReadonlyMap<string, ValidationPlan | undefined>;
  /** The prototypes of what it refers to, by property. */
  readonly related: ReadonlyMap<string, object>;
}

const plans = new WeakMap<EntityMetadata, { readonly plan: ValidationPlan | undefined }>();

/** The plan for an entity, made once; `undefined` if there is nothing to validate. */
export function validationPlan(metadata: EntityMetadata): ValidationPlan | undefined {
  let known = plans.get(metadata);
  if (!known) {
    const { target, ownColumns, ownRelations, embeddeds } = metadata;
    known = { plan: makePlan({ target, columns: ownColumns, relations: ownRelations, embeddeds }) };
    plans.set(metadata, known);
  }
  return known.plan;
}

interface Structure {
  readonly target: unknown;
  readonly columns: readonly ColumnMetadata[];
  readonly relations: readonly RelationMetadata[];
  readonly embeddeds: readonly EmbeddedMetadata[];
}

function makePlan({ target, columns, relations, embeddeds }: Structure): ValidationPlan | undefined {
  // An EntitySchema or a junction table may have no class.
  if (typeof target !== "function") return undefined;
  const own = validatorsOf(target as AnyClass);
  const embedded = new Map(
    embeddeds.map((part) => [part.propertyName, makePlan({ ...part, target: part.type })] as const),
  );
  const parts = [...embedded.values()].filter((part) => part !== undefined);
  if (!own && parts.length === 0) return undefined;

  const properties = new Map<string, PropertyKind>();
  for (const column of columns) {
    properties.set(column.propertyName, isFilledIn(column) ? "filledIn" : "column");
  }
  for (const name of embedded.keys()) properties.set(name, "embedded");
  const related = new Map<string, object>();
  for (const { propertyName, isLazy, inverseEntityMetadata: inverse } of relations) {
    properties.set(propertyName, isLazy ? "lazy" : "relation");
    if (typeof inverse.target === "function") related.set(propertyName, inverse.target.prototype);
  }
  return {
    prototype: target.prototype,
    isDecorated: own !== undefined,
    isAsync: own?.isAsync || parts.some((part) => part.isAsync),
    properties,
    embedded,
    related,
  };
}

type AnyClass = (...parameters: never) => unknown;

/** `undefined` for a class without decorators of class-validator, its own or inherited ones. */
function validatorsOf(target: AnyClass): { isAsync: boolean } | undefined {
  const storage = getMetadataStorage();
  const validators = storage.getTargetValidationMetadatas(target, "", false, false);
  if (validators.length === 0) return undefined;
  const isAsync = validators.some(
    ({ constraintCls }) =>
      constraintCls && storage.getTargetValidatorConstraints(constraintCls).some(({ async }) => async),
  );
  return { isAsync };
}
