import { ParameterError } from "../errors";

export function noStatement(): ParameterError {
  return new ParameterError("There is no statement in the SQL text.");
}

/** @param start where the second one begins */
export function secondStatement(sql: string, start: number, remedy: string): ParameterError {
  const excerpt = JSON.stringify(sql.slice(start, start + 40));
  return new ParameterError(
    `One statement at a time: a second one begins at offset ${start} with ${excerpt}. ${remedy}`,
  );
}
