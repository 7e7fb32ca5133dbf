import type { EntityMetadata, ObjectLiteral } from "typeorm";

/** The properties of an entity all of whose columns are properties of it, and hold nothing but a value. */
interface PlainProperties {
  /** In the order in which TypeORM merges them. */
  readonly columns: readonly string[];
  readonly relations: readonly string[];
}

const known = new WeakMap<EntityMetadata, PlainProperties | undefined>();

/**
 * Does what TypeORM's `merge()` does, where that comes to the copying of values; TypeORM asks every column and every
 * relation of every entity anew for where its value is.
 *
 * @returns whether it did
 */
export function mergePlain(metadata: EntityMetadata, entity: ObjectLiteral, source: unknown): boolean {
  const properties = plainPropertiesOf(metadata);
  if (!properties || typeof source !== "object" || source === null) return false;
  const from = source as ObjectLiteral;
  for (const name of properties.relations) if (from[name] !== undefined) return false;
  for (const name of properties.columns) {
    const value: unknown = from[name];
    if (value !== undefined) entity[name] = value;
  }
  return true;
}

function plainPropertiesOf(metadata: EntityMetadata): PlainProperties | undefined {
  if (known.has(metadata)) return known.get(metadata);
  const { nonVirtualColumns, relations } = metadata;
  const isPlain =
    nonVirtualColumns.every(
      ({ embeddedMetadata, referencedColumn }) => !embeddedMetadata && !referencedColumn,
    ) && relations.every(({ embeddedMetadata, isLazy }) => !embeddedMetadata && !isLazy);
  const properties = isPlain
    ? {
        columns: nonVirtualColumns.map(({ propertyName }) => propertyName),
        relations: relations.map(({ propertyName }) => propertyName),
      }
    : undefined;
  known.set(metadata, properties);
  return properties;
}
