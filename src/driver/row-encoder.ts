import { randomUUID } from "node:crypto";
import { types } from "node:util";
import type { EntityMetadata, ObjectLiteral } from "typeorm";
import type { ColumnMetadata } from "typeorm/metadata/ColumnMetadata.js";
import type { EmbeddedMetadata } from "typeorm/metadata/EmbeddedMetadata.js";
import { ParameterError } from "../errors";
import { type BindValue, describeRefused, toBindValue } from "../sql/bind-value";
import type { InsertColumn } from "../sql/insert-chunk";
import type { SqliteDriver } from "./sqlite-driver";

/** What an entity's metadata makes of plain objects: the values of its columns, in their order. */
export class RowEncoder {
  /** The table, quoted. */
  readonly table: string;
  readonly columns: readonly InsertColumn[];
  readonly #entity: string;
  readonly #readers: readonly ((row: ObjectLiteral, index: number) => BindValue | undefined)[];
  readonly #known: ReadonlyMap<string, EmbeddedMetadata | undefined>;

  constructor(metadata: EntityMetadata, driver: SqliteDriver) {
    const columns = metadata.columns.filter(({ isInsert }) => isInsert);
    this.#entity = metadata.name;
    this.table = metadata.tablePath
      .split(".")
      .map((name) => driver.escape(name))
      .join(".");
    this.#known = knownProperties(metadata);
    this.columns = columns.map((column) => ({
      name: driver.escape(column.databaseName),
      missing: driver.normalizeDefault(column),
      wrap: (expression) => driver.wrapWithJsonFunction(expression, column, true),
    }));
    this.#readers = columns.map((column) => this.#reader(column, metadata, driver));
  }

  /**
   * The values of one row; `undefined` where the column's default applies.
   *
   * @throws ParameterError naming the row and the property
   */
  encode(row: unknown, index: number): (BindValue | undefined)[] {
    // It has no properties, and its row would have nothing but defaults.
    if (types.isPromise(row)) {
      throw new ParameterError(`Row ${index} for ${this.#entity} is a Promise. Await it first.`);
    }
    if (typeof row !== "object" || row === null || Array.isArray(row)) {
      const what = row === null ? "null" : Array.isArray(row) ? "an array" : typeof row;
      throw new ParameterError(
        `Row ${index} for ${this.#entity} is ${what}, not an object with its properties.`,
      );
    }
    this.#assertKnown(row, this.#known, index, "");
    return this.#readers.map((read) => read(row, index));
  }

  #reader(column: ColumnMetadata, metadata: EntityMetadata, driver: SqliteDriver) {
    const isUuid =
      column.isGenerated && column.generationStrategy === "uuid" && !driver.isUUIDGenerationSupported();
    const read = valueReader(column);
    return (row: ObjectLiteral, index: number): BindValue | undefined => {
      if (column.isDiscriminator) return metadata.discriminatorValue;
      const given = read(row);
      if (typeof given === "function") {
        throw new ParameterError(
          `Row ${index} for ${this.#entity}: ${column.propertyPath} is a function. An SQL expression for each row is ` +
            "what the query builder's insert() takes.",
        );
      }
      const value: unknown = driver.preparePersistentValue(given, column);
      if (value === undefined) {
        if (column.isVersion) return 1;
        return isUuid ? randomUUID() : undefined;
      }
      const bound = toBindValue(value);
      if (bound !== undefined) return bound;
      throw new ParameterError(
        `Row ${index} for ${this.#entity}: ${column.propertyPath} is ${describeRefused(value)}.`,
      );
    };
  }

  #assertKnown(
    row: ObjectLiteral,
    known: ReadonlyMap<string, EmbeddedMetadata | undefined>,
    index: number,
    path: string,
  ): void {
    for (const name in row) {
      const embedded = known.get(name);
      if (embedded) {
        const part: unknown = row[name];
        if (typeof part === "object" && part !== null && !embedded.isArray) {
          this.#assertKnown(part, knownOf(embedded), index, `${path}${name}.`);
        }
      } else if (!known.has(name)) {
        throw new ParameterError(
          `Row ${index} for ${this.#entity} has the property "${path}${name}", which is no column of it. ` +
            "Leave it out; the other side of a relation is written with save().",
        );
      }
    }
  }
}

function valueReader(column: ColumnMetadata): (row: ObjectLiteral) => unknown {
  const { propertyName, databaseName, embeddedMetadata, referencedColumn } = column;
  if (!embeddedMetadata && !referencedColumn) return (row) => row[propertyName];
  const byColumn = joinColumnName(column);
  if (!byColumn) return (row) => column.getEntityValue(row);
  return (row) => {
    const value: unknown = column.getEntityValue(row);
    return value === undefined ? row[databaseName] : value;
  };
}

/** The join column's own name, where no property has it: a row may have the value itself under it. */
function joinColumnName(column: ColumnMetadata): string | undefined {
  const { databaseName, relationMetadata, embeddedMetadata, entityMetadata } = column;
  if (!relationMetadata || embeddedMetadata) return undefined;
  return entityMetadata.columns.some((other) => other.propertyName === databaseName)
    ? undefined
    : databaseName;
}

/** The properties a row may have: columns, relations with a join column here, and embedded objects with theirs. */
function knownProperties({ columns, embeddeds }: EntityMetadata): Map<string, EmbeddedMetadata | undefined> {
  const known = new Map<string, EmbeddedMetadata | undefined>();
  for (const column of columns) {
    if (column.embeddedMetadata) continue;
    known.set(column.propertyName, undefined);
    const byColumn = joinColumnName(column);
    if (byColumn) known.set(byColumn, undefined);
    if (column.relationMetadata) known.set(column.relationMetadata.propertyName, undefined);
  }
  for (const embedded of embeddeds) known.set(embedded.propertyName, embedded);
  return known;
}

const embeddedProperties = new WeakMap<EmbeddedMetadata, Map<string, EmbeddedMetadata | undefined>>();

function knownOf(embedded: EmbeddedMetadata): Map<string, EmbeddedMetadata | undefined> {
  let known = embeddedProperties.get(embedded);
  if (!known) {
    known = new Map();
    for (const { propertyName } of embedded.columns) known.set(propertyName, undefined);
    for (const { propertyName, isOwning } of embedded.relations)
      if (isOwning) known.set(propertyName, undefined);
    for (const inner of embedded.embeddeds) known.set(inner.propertyName, inner);
    embeddedProperties.set(embedded, known);
  }
  return known;
}
