import { analyzeStatement, type StatementAnalysis } from "../sql/statement";

/** By the values of a statement, which TypeORM hands on as they are from the query builder to the query runner. */
const analyses = new WeakMap<
  readonly unknown[],
  { readonly sql: string; readonly analysis: StatementAnalysis }
>();

/** Lets {@link analysisOf} answer without reading the text, whose builder knows what is in it. */
export function knowAnalysis(sql: string, values: readonly unknown[], analysis: StatementAnalysis): void {
  analyses.set(values, { sql, analysis });
}

/** What {@link analyzeStatement} tells of the text. */
export function analysisOf(sql: string, values: readonly unknown[]): StatementAnalysis {
  const known = analyses.get(values);
  return known?.sql === sql ? known.analysis : analyzeStatement(sql);
}
