import { ParameterError } from "../errors";
import { type BindValue, describeRefused, toBindValue } from "../sql/bind-value";

/**
 * The positional parameters of TypeORM's queries as SQLite can hold them.
 *
 * @param built by a query builder, for which TypeORM itself means NULL by `undefined`; written by hand it is a mistake
 * @throws ParameterError naming the position of a value that would have been stored as something else
 */
export function toBindValues(parameters: readonly unknown[], built: boolean): BindValue[] {
  return parameters.map((parameter, index) => {
    const value = toBindValue(parameter);
    if (value !== undefined) return value;
    if (parameter === undefined && built) return null;
    throw new ParameterError(`Parameter ${index + 1} is ${describeRefused(parameter)}.`);
  });
}
