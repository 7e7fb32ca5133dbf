import { QueryFailedError } from "typeorm";
import {
  BusyError,
  ConfigurationError,
  CorruptDatabaseError,
  DatabaseClosedError,
  DatabaseError,
  DiskFullError,
  EntityValidationError,
  NotInitializedError,
  ParameterError,
  PoolTimeoutError,
  QueryError,
  ReadonlyDatabaseError,
  ReadonlyError,
  ResultError,
  SessionClosedError,
  SessionTimeoutError,
  UnsafeIntegerError,
} from "../src/errors";

/** With the arguments that they have in common: a text, and a list or a number. */
type AnyError = new (text: string, detail: unknown) => DatabaseError;

test.each([
  [ConfigurationError, "CONFIGURATION"],
  [NotInitializedError, "NOT_INITIALIZED"],
  [DatabaseClosedError, "DATABASE_CLOSED"],
  [PoolTimeoutError, "POOL_TIMEOUT"],
  [SessionClosedError, "SESSION_CLOSED"],
  [SessionTimeoutError, "SESSION_TIMEOUT"],
  [ReadonlyError, "READONLY"],
  [ParameterError, "PARAMETER"],
  [ResultError, "RESULT"],
  [UnsafeIntegerError, "UNSAFE_INTEGER"],
  [EntityValidationError, "ENTITY_VALIDATION"],
])("%p is a DatabaseError with its name and the code %s in every release", (Raised, code) => {
  const error = new (Raised as unknown as AnyError)("text", []);
  expect(error).toBeInstanceOf(DatabaseError);
  expect(error).toMatchObject({ name: Raised.name, code });
});

test("a cause is kept", () => {
  const cause = new Error("boom");
  expect(new ReadonlyError("text", { cause }).cause).toBe(cause);
});

test.each([QueryError, BusyError, CorruptDatabaseError, DiskFullError, ReadonlyDatabaseError])(
  "%p is TypeORM's QueryFailedError with the native code, and names the remedy",
  (Raised) => {
    const native = Object.assign(new Error("SQLITE_FULL: full"), { code: "SQLITE_FULL" });
    const error = new Raised("SELECT ?", [1], native, "Free some space.");
    expect(error).toBeInstanceOf(QueryFailedError);
    expect(error).toBeInstanceOf(QueryError);
    expect(error).toMatchObject({
      code: "SQLITE_FULL",
      query: "SELECT ?",
      parameters: [1],
      driverError: native,
      cause: native,
    });
    expect(error.message).toContain("Free some space.");
  },
);
