import { InstanceChecker } from "typeorm";
import { describe } from "./describe";
import { sentence } from "./option-checks";
import { isPlainObject } from "./plain-object";

/** What a list of TypeORM's may hold. */
interface Listed {
  /** In words, for messages. */
  readonly wanted: string;
  readonly accepts: (item: unknown) => boolean;
  /** Whether TypeORM skips the other exports of an `import * as …`, such as enums and constants. */
  readonly skipsOthers: boolean;
}

const isClassOrGlob = (item: unknown) =>
  typeof item === "function" || (typeof item === "string" && item !== "");

export const ENTITIES: Listed = {
  wanted: "a decorated class, an EntitySchema or a glob string",
  accepts: (item) => isClassOrGlob(item) || InstanceChecker.isEntitySchema(item),
  skipsOthers: true,
};

export const SUBSCRIBERS: Listed = {
  wanted: "a subscriber class or a glob string",
  accepts: isClassOrGlob,
  skipsOthers: true,
};

export const MIGRATIONS: Listed = {
  wanted: "a migration class or a glob string",
  accepts: isClassOrGlob,
  skipsOthers: false,
};

/**
 * What is wrong with a list as TypeORM takes it, an array or an object such as `import * as entities` makes, or
 * `undefined`. TypeORM itself skips what it cannot use: a class that is `undefined`, because two files import each
 * other, shows only much later, as "no metadata".
 */
export function listProblem(listed: Listed): (value: unknown, key: string) => string | undefined {
  return (value, key) => {
    const items = itemsOf(value, key);
    if (items === undefined) {
      return sentence(key, `must be an array; each of its items is ${listed.wanted}`, value);
    }
    const mayHoldOthers = listed.skipsOthers && !Array.isArray(value);
    const wrong = items.find(
      ([, item]) => !listed.accepts(item) && (!mayHoldOthers || item === undefined || item === null),
    );
    if (wrong !== undefined) return itemProblem(...wrong, listed.wanted);
    if (items.length === 0 || items.some(([, item]) => listed.accepts(item))) return undefined;
    return sentence(key, `holds nothing that is ${listed.wanted}`, value);
  };
}

/** Each item with where it stands: `entities[0]`, `entities.User`. */
function itemsOf(value: unknown, key: string): [where: string, item: unknown][] | undefined {
  if (Array.isArray(value)) {
    // Array.from, because map would pass over holes.
    return Array.from(value, (item: unknown, index) => [`${key}[${index}]`, item]);
  }
  if (!isPlainObject(value)) return undefined;
  return Object.entries(value).map(([name, item]) => [`${key}.${name}`, item]);
}

function itemProblem(where: string, item: unknown, wanted: string): string {
  const hint = item === undefined ? "; do two files import each other?" : "";
  return `${where} must be ${wanted} (got ${describe(item)})${hint}`;
}
