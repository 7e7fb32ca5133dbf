import type { EntityMetadata, ObjectLiteral } from "typeorm";

/** Rows of an entity that are about to be inserted, or the values that are about to be set by an update. */
export interface PendingWrite {
  readonly kind: "insert" | "update";
  readonly metadata: EntityMetadata;
  readonly rows: readonly ObjectLiteral[];
}

/** Refuses, by throwing, what is not to be written. */
export interface WriteCheck {
  /** Called last of all, after TypeORM's listeners and subscribers. */
  check(write: PendingWrite): void;
  /** For the entities whose check must be waited for; `undefined` for all others. Called before the listeners. */
  checkAsync(write: PendingWrite): Promise<void> | undefined;
}
