import { ParameterError } from "../errors";
import { type BindValue, describeRefused, toBindValue } from "../sql/bind-value";
import { noStatement, secondStatement } from "../sql/not-one-statement";
import type { StatementAnalysis } from "../sql/statement";

/**
 * The positional parameters of TypeORM's queries as SQLite can hold them.
 *
 * @param built by a query builder, for which TypeORM itself means NULL by `undefined`; written by hand it is a mistake
 * @throws ParameterError where there is no statement, which SQLite calls misuse; for a second one, which the module
 * would leave out; for too many or too few values, which SQLite would take for NULL or for those of the call before; and
 * naming the position of a value that would have been stored as something else
 */
export function toBindValues(
  sql: string,
  { kind, parameterCount, secondStatementAt }: StatementAnalysis,
  parameters: readonly unknown[],
  built: boolean,
): BindValue[] {
  if (kind === "empty") throw noStatement();
  if (secondStatementAt !== undefined) {
    throw secondStatement(sql, secondStatementAt, "Send each by a call of its own.");
  }
  if (parameters.length !== parameterCount) {
    throw new ParameterError(
      `The statement has ${parameterCount} parameters, but ${parameters.length} values were given: ${sql.trim().slice(0, 120)}`,
    );
  }
  return parameters.map((parameter, index) => {
    const value = toBindValue(parameter);
    if (value !== undefined) return value;
    if (parameter === undefined && built) return null;
    throw new ParameterError(`Parameter ${index + 1} is ${describeRefused(parameter)}.`);
  });
}
