import type { ValidationError } from "class-validator";
import { QueryFailedError } from "typeorm";

/**
 * Root of the errors that this library raises itself. What SQLite refuses is a {@link QueryError}.
 *
 * `code` is stable across releases; messages are not.
 */
export class DatabaseError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** A location or an option that cannot be used. Raised by the constructor, or by `init()` where only opening can tell. */
export class ConfigurationError extends DatabaseError {
  constructor(message: string, options?: ErrorOptions) {
    super("CONFIGURATION", message, options);
  }
}

/** The database was used before `init()`. */
export class NotInitializedError extends DatabaseError {
  constructor(operation: string) {
    super("NOT_INITIALIZED", `Cannot ${operation}: the database is not open. Call init() first.`);
  }
}

/** The database is closing or closed and takes no new work. */
export class DatabaseClosedError extends DatabaseError {
  constructor(message = "The database is closed. Call init() to open it again.", options?: ErrorOptions) {
    super("DATABASE_CLOSED", message, options);
  }
}

/** Who holds a connection, as told by a {@link PoolTimeoutError}. */
export interface ConnectionHolder {
  /** The label of the session, or how the connection came to be held. */
  readonly label: string;
  /** Seconds since it was taken. */
  readonly age: number;
  /** The last statement that ran on it. */
  readonly statement: string | undefined;
}

/** Within `poolTimeout` no connection and no writer's turn came free, or a savepoint in the way did not end. */
export class PoolTimeoutError extends DatabaseError {
  constructor(
    message: string,
    /** Who held what was waited for, oldest first. */
    readonly holders: readonly ConnectionHolder[],
    options?: ErrorOptions,
  ) {
    super("POOL_TIMEOUT", message, options);
  }
}

/** A session, or something that belongs to it, was used after it had ended. */
export class SessionClosedError extends DatabaseError {
  constructor(
    message = "The session has ended. Await everything inside it, or use database.detach() for background work.",
    options?: ErrorOptions,
  ) {
    super("SESSION_CLOSED", message, options);
  }
}

/** A session, or a single statement, took longer than its `timeout`. It has been rolled back. */
export class SessionTimeoutError extends DatabaseError {
  constructor(
    message: string,
    /** What was allowed, in seconds. */
    readonly timeout: number,
    options?: ErrorOptions,
  ) {
    super("SESSION_TIMEOUT", message, options);
  }
}

/** A write was tried where only reading was asked for. Nothing was written. */
export class ReadonlyError extends DatabaseError {
  constructor(message: string, options?: ErrorOptions) {
    super("READONLY", message, options);
  }
}

/** Named parameters or SQL text that cannot be turned into one statement with its values. Nothing was run. */
export class ParameterError extends DatabaseError {
  constructor(message: string, options?: ErrorOptions) {
    super("PARAMETER", message, options);
  }
}

/** A result does not have the shape that was asked for, such as `one()` on two rows. */
export class ResultError extends DatabaseError {
  constructor(message: string, options?: ErrorOptions) {
    super("RESULT", message, options);
  }
}

/**
 * class-validator refused an entity, and nothing of it was written. What else was to be written in the same transaction
 * is rolled back with it.
 */
export class EntityValidationError extends DatabaseError {
  constructor(
    entity: string,
    /** What class-validator found; what is wrong inside an embedded object is in the `children`. */
    readonly errors: readonly ValidationError[],
  ) {
    super("ENTITY_VALIDATION", `${entity} is not valid and was not written: ${listed(errors).join("; ")}.`);
  }
}

/** `address.city: city must be a string`, for every constraint. */
function listed(errors: readonly ValidationError[], path = ""): string[] {
  return errors.flatMap(({ property, constraints = {}, children = [] }) => [
    ...Object.values(constraints).map((message) => `${path}${property}: ${message}`),
    ...listed(children, `${path}${property}.`),
  ]);
}

/**
 * A result has an integer beyond ±2^53, which JavaScript's `number` would round. What a statement of `exec()` wrote on
 * its own is not kept; inside a session, its transaction decides. TypeORM's own queries give those that a number holds
 * exactly; what one of them wrote outside a transaction and has RETURNING such an integer is kept.
 */
export class UnsafeIntegerError extends DatabaseError {
  constructor(
    /** The column of the result. */
    readonly column: string,
    remedy = `Select it as text, CAST(${column} AS TEXT) AS ${column}, and make a BigInt of it; ` +
      "an entity keeps such values in a column of text.",
  ) {
    super(
      "UNSAFE_INTEGER",
      `The column ${column} holds an integer beyond ±2^53, which a number cannot hold exactly. ${remedy}`,
    );
  }
}

/**
 * What SQLite itself refused. Handlers written for TypeORM's `QueryFailedError` go on working.
 *
 * `code` is SQLite's primary result code (`SQLITE_CONSTRAINT`, `SQLITE_BUSY`, …,
 * https://sqlite.org/rescode.html); `query` and `parameters` are what was sent; `driverError` and `cause` are the
 * native error; `stack` shows the caller.
 */
export class QueryError extends QueryFailedError {
  declare readonly code: string;

  constructor(query: string, parameters: unknown[] | undefined, driverError: Error, remedy?: string) {
    super(query, parameters, driverError);
    this.cause = driverError;
    if (remedy) this.message += `. ${remedy}`;
  }
}

export type ConstraintKind = "unique" | "primaryKey" | "foreignKey" | "notNull" | "check";

/** A constraint was violated: `kind`, and `table` and `columns` as far as SQLite names them. */
export class ConstraintError extends QueryError {
  readonly kind: ConstraintKind | undefined;
  readonly table: string | undefined;
  readonly columns: readonly string[];

  constructor(
    query: string,
    parameters: unknown[] | undefined,
    driverError: Error,
    violated: { kind: ConstraintKind | undefined; table: string | undefined; columns: readonly string[] },
  ) {
    super(query, parameters, driverError);
    this.kind = violated.kind;
    this.table = violated.table;
    this.columns = violated.columns;
  }
}

/** Another process held the lock for longer than `busyTimeout`. */
export class BusyError extends QueryError {}

/** The file is damaged, or is no database at all. */
export class CorruptDatabaseError extends QueryError {}

/** The disk, or the size that was allowed to the database, is full. */
export class DiskFullError extends QueryError {}

/** The file, its folder or `?mode=ro` does not allow writing. */
export class ReadonlyDatabaseError extends QueryError {}
