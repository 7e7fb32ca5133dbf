import { analyzeStatement } from "../sql/statement";
import { knowAnalysis } from "./built-statement";
import { toStored } from "./escape-parameters";

/**
 * The rows of an INSERT while TypeORM builds its text: the values apart, and each text of a row once, since nearly all
 * rows have the same. What is to be found out about the text is then found out from one row of each kind.
 */
export class InsertRows {
  readonly #values: unknown[] = [];
  /** The text of each row. */
  readonly #texts: string[] = [];
  /** How many values stand in each text of a row. */
  readonly #kinds = new Map<string, number>();
  readonly #expressions: string[] = [];
  #text = "";
  /** Whether an SQL expression of the application has made a row look like another that has more values, or less. */
  #isAmbiguous = false;

  /** Takes a value, and gives the placeholder for it. */
  bind(value: unknown): string {
    this.#values.push(toStored(value));
    return "?";
  }

  /** Adds a row: the expressions for its columns, in which values are bound in the order of the columns. */
  add<Column>(columns: readonly Column[], expressionOf: (column: Column) => string): void {
    const expressions = this.#expressions;
    const before = this.#values.length;
    let isAsBefore = this.#texts.length > 0;
    for (let index = 0; index < columns.length; index++) {
      const expression = expressionOf(columns[index]!);
      if (expressions[index] === expression) continue;
      expressions[index] = expression;
      isAsBefore = false;
    }
    if (!isAsBefore) this.#text = `(${expressions.join(", ")})`;
    const count = this.#values.length - before;
    const known = this.#kinds.get(this.#text);
    if (known === undefined) this.#kinds.set(this.#text, count);
    else if (known !== count) this.#isAmbiguous = true;
    this.#texts.push(this.#text);
  }

  /** One row of each kind. */
  get samples(): string {
    return [...this.#kinds.keys()].join(", ");
  }

  /**
   * The statement and its values, made from its text with the samples in the place of the rows.
   *
   * @returns `undefined` where the text has parameters of its own, or the samples cannot be told from the rest
   */
  complete(sample: string): [sql: string, values: unknown[]] | undefined {
    const { samples } = this;
    const analysis = analyzeStatement(sample);
    const at = sample.indexOf(samples);
    const isOnce = at >= 0 && !sample.includes(samples, at + 1);
    let count = 0;
    for (const values of this.#kinds.values()) count += values;
    if (this.#isAmbiguous || !isOnce || analysis.parameterCount !== count || analysis.secondStatementAt) {
      return undefined;
    }
    const values = this.#values;
    if (this.#texts.length === this.#kinds.size) return [sample, values];
    const sql = sample.slice(0, at) + this.#texts.join(", ") + sample.slice(at + samples.length);
    knowAnalysis(sql, values, { ...analysis, parameterCount: values.length });
    return [sql, values];
  }
}
