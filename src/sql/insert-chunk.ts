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

/** What stands in the JSON text where the column's default applies; no value is an object. */
const DEFAULT = "{}";

/**
 * Rows on their way into a table. They travel as one JSON text, which SQLite takes apart on its own thread, for as long
 * as all their values survive that; else as bound values.
 */
export class InsertChunk {
  readonly #table: string;
  readonly #columns: readonly InsertColumn[];
  readonly #rows: Values[] = [];
  /** `undefined` once there is a value that JSON cannot carry. */
  #json: string[] | undefined = [];
  /** The columns whose default applies to some row. */
  readonly #defaulted = new Set<number>();
  length = 0;
  /** Of the JSON text. */
  characters = 0;

  constructor(table: string, columns: readonly InsertColumn[]) {
    this.#table = table;
    this.#columns = columns;
  }

  add(values: Values): void {
    this.#rows.push(values);
    this.length++;
    const json = this.#json && this.#toJson(values);
    if (json === undefined) {
      this.#json = undefined;
      for (const value of values) this.characters += sizeOf(value);
      return;
    }
    this.#json!.push(json);
    this.characters += json.length;
  }

  *statements(): Iterable<InsertStatement> {
    if (this.#json) {
      yield { sql: this.#selectJson(), values: [`[${this.#json.join(",")}]`] };
      return;
    }
    const fitting = Math.floor(MOST_BOUND_VALUES / Math.max(1, this.#columns.length));
    const size = Math.max(1, Math.min(MOST_BOUND_ROWS, fitting));
    for (let start = 0; start < this.#rows.length; start += size) {
      yield this.#bound(this.#rows.slice(start, start + size));
    }
  }

  #toJson(values: Values): string | undefined {
    let json = "";
    for (let index = 0; index < values.length; index++) {
      const value = values[index];
      let part = "null";
      if (value === undefined) {
        if (this.#columns[index]!.missing !== undefined) {
          this.#defaulted.add(index);
          part = DEFAULT;
        }
      } else if (value !== null) {
        if (!isExactInJson(value)) return undefined;
        part = JSON.stringify(value);
      }
      json += index === 0 ? part : `,${part}`;
    }
    return `[${json}]`;
  }

  #into(): string {
    return `INSERT INTO ${this.#table} (${this.#columns.map(({ name }) => name).join(", ")})`;
  }

  #selectJson(): string {
    const expressions = this.#columns.map(({ missing, wrap }, index) => {
      const given = wrap(`value ->> ${index}`);
      if (!this.#defaulted.has(index)) return given;
      return `CASE json_type(value, '$[${index}]') WHEN 'object' THEN ${missing} ELSE ${given} END`;
    });
    return `${this.#into()} SELECT ${expressions.join(", ")} FROM json_each(?)`;
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

/** A NUL or half a surrogate pair, which SQLite does not store alike from JSON and from a bound text. */
const INEXACT_IN_JSON = /[\0\p{Surrogate}]/u;

/**
 * Whether the value is the same after JSON. SQLite reads some decimal numbers as the neighbour of the REAL that was
 * meant (https://sqlite.org/floatingpoint.html): one in thousands, measured with 3.52.
 */
function isExactInJson(value: BindValue): boolean {
  return typeof value === "string" ? !INEXACT_IN_JSON.test(value) : Number.isSafeInteger(value);
}

function sizeOf(value: BindValue | undefined): number {
  return typeof value === "string" || value instanceof Uint8Array ? value.length : 8;
}
