import type { BindValue } from "./bind-value";

/** A column of the INSERT. */
export interface InsertColumn {
  readonly name: string;
  /** The SQL expression that stands where a row says nothing about the column; `undefined` is NULL. */
  readonly missing: string | undefined;
  /** The stored form of a value, as a `jsonb` column has one. */
  wrap(expression: string): string;
}

/** One INSERT. */
export interface InsertStatement {
  readonly sql: string;
  readonly values: BindValue[];
}

type Values = readonly (BindValue | undefined)[];

/** Rows of one statement of bound values: texts that are short are kept prepared. */
const MOST_BOUND_ROWS = 100;
const MOST_BOUND_VALUES = 10_000;

/** Characters that a value counts for that is neither text nor bytes. */
const SIZE_OF_OTHERS = 8;

/** What stands in a JSON row where the column's default applies; no value is an object. */
const DEFAULT = {};

/**
 * Rows on their way into a table. They travel as one JSON text, which SQLite takes apart on its own thread, for as long
 * as all their values survive that; else as bound values.
 */
export class InsertChunk {
  readonly #table: string;
  readonly #columns: readonly InsertColumn[];
  readonly #rows: Values[] = [];
  /** The columns that some row says nothing about. */
  readonly #missing = new Set<number>();
  /** Whether JSON can carry what is no text; the texts are looked at together. */
  #isExact = true;
  length = 0;
  /** Of the values, about. */
  characters = 0;

  constructor(table: string, columns: readonly InsertColumn[]) {
    this.#table = table;
    this.#columns = columns;
  }

  add(values: Values): void {
    this.#rows.push(values);
    this.length++;
    for (let index = 0; index < values.length; index++) {
      const value = values[index];
      if (typeof value === "string") {
        this.characters += value.length;
        continue;
      }
      if (value === undefined) this.#missing.add(index);
      else if (value !== null && !Number.isSafeInteger(value)) this.#isExact = false;
      this.characters += value instanceof Uint8Array ? value.length : SIZE_OF_OTHERS;
    }
  }

  *statements(): Iterable<InsertStatement> {
    const json = this.#toJson();
    if (json !== undefined) {
      yield { sql: this.#selectJson(), values: [json] };
      return;
    }
    const fitting = Math.floor(MOST_BOUND_VALUES / Math.max(1, this.#columns.length));
    const size = Math.max(1, Math.min(MOST_BOUND_ROWS, fitting));
    for (let start = 0; start < this.#rows.length; start += size) {
      yield this.#bound(this.#rows.slice(start, start + size));
    }
  }

  /** All rows at once: a call for each value, and a text for each row, would cost more than the rest of this. */
  #toJson(): string | undefined {
    if (!this.#isExact) return undefined;
    const defaulted = this.#defaulted();
    const rows = defaulted.length === 0 ? this.#rows : this.#rows.map((row) => withDefaults(row, defaulted));
    const json = JSON.stringify(rows);
    return INEXACT_IN_JSON.test(json) ? undefined : json;
  }

  /** The columns whose default applies to some row; for others what is missing is NULL, as in JSON. */
  #defaulted(): number[] {
    return [...this.#missing].filter((index) => this.#columns[index]!.missing !== undefined);
  }

  #into(): string {
    return `INSERT INTO ${this.#table} (${this.#columns.map(({ name }) => name).join(", ")})`;
  }

  /** With the rows as JSONB (https://sqlite.org/json1.html#jeach): a text would be parsed again for the columns. */
  #selectJson(): string {
    const defaulted = this.#defaulted();
    const expressions = this.#columns.map(({ missing, wrap }, index) => {
      const given = wrap(`value ->> ${index}`);
      if (!defaulted.includes(index)) return given;
      return `CASE json_type(value, '$[${index}]') WHEN 'object' THEN ${missing} ELSE ${given} END`;
    });
    return `${this.#into()} SELECT ${expressions.join(", ")} FROM jsonb_each(?)`;
  }

  #bound(rows: readonly Values[]): InsertStatement {
    const values: BindValue[] = [];
    const tuples = rows.map((row) => {
      const places = this.#columns.map(({ missing, wrap }, index) => {
        const value = row[index];
        if (value === undefined) return missing ?? "NULL";
        values.push(value);
        return wrap("?");
      });
      return `(${places.join(", ")})`;
    });
    return { sql: `${this.#into()} VALUES ${tuples.join(", ")}`, values };
  }
}

/**
 * The escapes of a NUL and of half a surrogate pair, which SQLite does not store alike from JSON and from a bound text.
 * A text that itself looks like one, `\u0000`, is taken for it: that costs time, and is stored as it is.
 */
const INEXACT_IN_JSON = /\\u(?:0000|d[89a-f])/;

function withDefaults(row: Values, defaulted: readonly number[]): unknown[] {
  const given: unknown[] = [...row];
  for (const index of defaulted) if (given[index] === undefined) given[index] = DEFAULT;
  return given;
}
