import type { EntityMetadata } from "typeorm";
import type { QueryExpressionMap } from "typeorm/query-builder/QueryExpressionMap.js";
import type { SelectQuery } from "typeorm/query-builder/SelectQuery.js";
import { TextCache } from "../sql/text-cache";

/**
 * Texts that TypeORM would build anew for each query, though they are the same for all queries of one shape. They are
 * those that TypeORM builds, remembered by everything that they are made of.
 */

const numbers = new WeakMap<EntityMetadata, number>();
let lastNumber = 0;

/** What tells the metadata of an entity from all others, also from those of another data source. */
function numberOf(metadata: EntityMetadata): number {
  const known = numbers.get(metadata);
  if (known !== undefined) return known;
  numbers.set(metadata, ++lastNumber);
  return lastNumber;
}

const replaced = new TextCache<string>();

/** A text with the names of columns in the place of the names of properties, as `replace` gives it. */
export function withColumnNames(
  text: string,
  { aliases, aliasNamePrefixingEnabled }: QueryExpressionMap,
  replace: (text: string) => string,
): string {
  let key = aliasNamePrefixingEnabled ? "." : "";
  for (const alias of aliases) if (alias.hasMetadata) key += `${alias.name}\0${numberOf(alias.metadata)}\0`;
  return replaced.get(`${key}\0${text}`, () => replace(text));
}

const selected = new WeakMap<EntityMetadata, TextCache<SelectQuery[]>>();

/** The selection of the columns of an entity, as `build` gives it. */
export function columnSelects(
  aliasName: string,
  metadata: EntityMetadata,
  { selects, queryEntity }: QueryExpressionMap,
  build: () => SelectQuery[],
): SelectQuery[] {
  const isOfColumn = selects.some(({ selection }) => selection.startsWith(`${aliasName}.`));
  // The text of a virtual column is made by the application.
  if (isOfColumn || metadata.columns.some(({ isVirtualProperty }) => isVirtualProperty)) return build();
  if (!selects.some(({ selection }) => selection === aliasName)) return [];
  const known = selected.get(metadata) ?? new TextCache<SelectQuery[]>();
  selected.set(metadata, known);
  return known.get(`${queryEntity ? "." : ""}${aliasName}`, build);
}
