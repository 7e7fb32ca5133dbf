import { types } from "node:util";

/** What reaches the connection: the storage classes of https://sqlite.org/datatype3.html. */
export type BindValue = null | number | bigint | string | Uint8Array;

/**
 * The value as SQLite stores it, or `undefined` if it cannot.
 *
 * Objects are told apart by what they are and not by `instanceof`, which is false for those of another realm, such as
 * a Jest sandbox or a `vm` context.
 */
export function toBindValue(value: unknown): BindValue | undefined {
  switch (typeof value) {
    case "string":
      return value;
    case "number":
      // SQLite would store NULL (https://sqlite.org/c3ref/bind_blob.html); the infinities it can hold.
      return Number.isNaN(value) ? undefined : value;
    case "boolean":
      return value ? 1 : 0;
    case "bigint":
      return BigInt.asIntN(64, value) === value ? value : undefined;
    case "object":
      if (value === null || types.isUint8Array(value)) return value;
      return types.isDate(value) ? datetimeText(value) : undefined;
    default:
      return undefined;
  }
}

/** What a value is that {@link toBindValue} does not take, and what to do about it. */
export function describeRefused(value: unknown): string {
  if (value === undefined) return "undefined. Pass null for NULL";
  if (typeof value === "number") return "NaN, which SQLite would store as NULL. Pass null if that is meant";
  if (typeof value === "bigint") return "a bigint beyond SQLite's 64-bit integers. Store it as text";
  if (typeof value === "symbol" || typeof value === "function")
    return `a ${typeof value}. SQLite cannot hold it`;
  if (types.isDate(value)) {
    return Number.isNaN(value.getTime()) ? "an invalid Date" : "a Date outside of the years 0000 to 9999";
  }
  if (types.isPromise(value)) return "a Promise. Await it first";
  if (Array.isArray(value))
    return "an array, and not a single value. Pass JSON.stringify() of it to store it as JSON";
  if (types.isSet(value)) return "a Set. Pass [...set]";
  if (ArrayBuffer.isView(value)) {
    return `a ${classOf(value)}. Pass new Uint8Array(value.buffer, value.byteOffset, value.byteLength)`;
  }
  if (types.isAnyArrayBuffer(value)) return `a ${classOf(value)}. Pass new Uint8Array(value)`;
  return `an object (${classOf(value as object)}). Pass a column of it, or JSON.stringify() it`;
}

// The text that TypeORM's DateUtils.mixedDateToUtcDatetimeString() stores for a `datetime`, so that dates in raw SQL
// and dates of entities compare equal. It has four digits for the year, as have SQLite's own date functions
// (https://sqlite.org/lang_datefunc.html); TypeORM cuts off the rest, and the date would silently be another.
function datetimeText(date: Date): string | undefined {
  if (Number.isNaN(date.getTime())) return undefined;
  const iso = date.toISOString();
  if (iso.length !== "YYYY-MM-DDTHH:MM:SS.mmmZ".length) return undefined;
  return `${iso.slice(0, 10)} ${iso.slice(11, 23)}`;
}

function classOf(value: object): string {
  const prototype = Object.getPrototypeOf(value) as { constructor?: { name?: unknown } } | null;
  return String(prototype?.constructor?.name ?? "Object");
}
