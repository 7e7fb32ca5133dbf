import {
  type ArgumentsHost,
  Catch,
  ConflictException,
  type HttpException,
  ServiceUnavailableException,
  UnprocessableEntityException,
} from "@nestjs/common";
import { BaseExceptionFilter } from "@nestjs/core";
import {
  BusyError,
  ConstraintError,
  DatabaseClosedError,
  EntityValidationError,
  PoolTimeoutError,
} from "typeorm-sqlite-database";

/** What the database refuses, as a status and a message that a client can use. */
@Catch(ConstraintError, EntityValidationError, BusyError, PoolTimeoutError, DatabaseClosedError)
export class DatabaseErrorFilter extends BaseExceptionFilter<Error> {
  override catch(error: Error, host: ArgumentsHost): void {
    super.catch(answerTo(error), host);
  }
}

function answerTo(error: Error): HttpException {
  if (error instanceof EntityValidationError) return new UnprocessableEntityException(error.message);
  if (!(error instanceof ConstraintError)) {
    return new ServiceUnavailableException("The database is busy or closing. Try again.");
  }
  const columns = error.columns.join(", ");
  if (error.kind === "unique") return new ConflictException(`${columns} is taken.`);
  return new ConflictException(
    `${error.table} does not allow that: ${error.kind} of ${columns || "its rows"}.`,
  );
}
