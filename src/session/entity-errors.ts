import type { EntityMetadata } from "typeorm";
import type { KnownEntity } from "../driver/persist";
import type { TransactionScope } from "../driver/transaction-scope";
import { DatabaseError, ParameterError, ReadonlyError } from "../errors";
import type { Tracked } from "./identity-map";

export function noEntity(call: string): ParameterError {
  return new ParameterError(
    `${call} takes entities: instances of their class, or what session.manager.create(User, { … }) gives.`,
  );
}

export function notTracked(): ParameterError {
  return new ParameterError("refresh() takes an entity of this session: one from get(), or an added one.");
}

export function secondInstance({ name }: EntityMetadata): DatabaseError {
  return new DatabaseError(
    "ALREADY_TRACKED",
    `Another instance of ${name} with the same id is in this session already. Change that one, which get() returns.`,
  );
}

export function incompleteId({ name, primaryColumns }: EntityMetadata, call: string): ParameterError {
  const columns = primaryColumns.map(({ propertyPath }) => propertyPath).join(", ");
  return new ParameterError(`${call} needs the whole id of ${name}: ${columns}.`);
}

export function changedId({ name }: EntityMetadata): ParameterError {
  return new ParameterError(
    `The id of a ${name} that is in the database was changed. Add a new entity and delete this one, or use exec().`,
  );
}

export function rowGone({ metadata: { name }, key }: Tracked): DatabaseError {
  return new DatabaseError(
    "ENTITY_NOT_FOUND",
    `The row of this ${name} is not in the database any more: ${key}. Someone has deleted it, or changed its id.`,
  );
}

export function endlessFlush(rounds: number): DatabaseError {
  return new DatabaseError(
    "ENDLESS_FLUSH",
    `A commit has written what was added ${rounds} times, and each time a subscriber or a listener has added more. ` +
      "Let it add nothing for what it has added itself.",
  );
}

export function readonlyChange(
  { metadata: { name } }: KnownEntity,
  { label }: TransactionScope,
): ReadonlyError {
  return new ReadonlyError(
    `The session "${label}" is read-only, and an entity in it (${name}) was changed, added or deleted. ` +
      "Open a read-write session.",
  );
}
