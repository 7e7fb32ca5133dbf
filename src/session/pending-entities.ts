import type { EntityMetadata, ObjectLiteral } from "typeorm";
import type { KnownEntity } from "../driver/persist";
import type { SqliteQueryRunner } from "../driver/sqlite-query-runner";
import { incompleteId, noEntity, secondInstance } from "./entity-errors";
import { type IdentityMap, keyOf, type Tracked } from "./identity-map";

/** What a flush has to write. */
export interface Changes {
  readonly changed: readonly Tracked[];
  readonly added: readonly KnownEntity[];
  readonly deleted: readonly KnownEntity[];
}

/** What is to be inserted and deleted by the next flush, besides what has changed in the identity map. */
export class PendingEntities {
  readonly #map: IdentityMap;
  readonly #added = new Map<ObjectLiteral, KnownEntity>();
  readonly #deleted = new Map<ObjectLiteral, KnownEntity>();

  constructor(map: IdentityMap) {
    this.#map = map;
  }

  add(runner: SqliteQueryRunner, entity: ObjectLiteral): void {
    const metadata = this.#metadataOf(runner, entity, "add()");
    this.#deleted.delete(entity);
    if (this.#map.of(entity)) return;
    if (this.#map.withKey(keyOf(metadata, entity))) throw secondInstance(metadata);
    this.#added.set(entity, { metadata, entity });
  }

  /** Of two instances of one row the tracked one is deleted. */
  delete(runner: SqliteQueryRunner, entity: ObjectLiteral): void {
    const metadata = this.#metadataOf(runner, entity, "delete()");
    if (this.#added.delete(entity)) return;
    const key = keyOf(metadata, entity);
    if (key === undefined) throw incompleteId(metadata, "delete()");
    const { entity: instance } = this.#map.withKey(key) ?? { entity };
    this.#deleted.set(instance, { metadata, entity: instance });
  }

  isAdded(entity: ObjectLiteral): boolean {
    return this.#added.has(entity);
  }

  isDeleted(entity: ObjectLiteral): boolean {
    return this.#deleted.has(entity);
  }

  /** `undefined` if there are none. */
  changes(isReadonly: boolean): Changes | undefined {
    const changed: Tracked[] = [];
    for (const tracked of this.#map) {
      if (this.isDeleted(tracked.entity)) continue;
      if (tracked.snapshot.isChanged(tracked.entity, { ignoreLazy: isReadonly })) changed.push(tracked);
    }
    if (changed.length + this.#added.size + this.#deleted.size === 0) return undefined;
    return { changed, added: this.#withCascades(changed), deleted: [...this.#deleted.values()] };
  }

  /** Forgets what was written. */
  written({ added, deleted }: Changes): void {
    for (const { entity } of added) this.#added.delete(entity);
    for (const { entity } of deleted) this.#deleted.delete(entity);
  }

  clear(): void {
    this.#added.clear();
    this.#deleted.clear();
  }

  /** What was added, and what TypeORM will insert by cascades of that and of what has changed. */
  #withCascades(changed: readonly Tracked[]): KnownEntity[] {
    const added = new Map(this.#added);
    const follow = ({ metadata, entity }: KnownEntity): void => {
      const values = metadata.extractRelationValuesFromEntity(entity, metadata.relations);
      for (const [{ isCascadeInsert, isCascadeUpdate }, child, childMetadata] of values) {
        if (!isCascadeInsert || typeof child !== "object" || child === null) continue;
        if (added.has(child) || this.#map.of(child) || this.isDeleted(child)) continue;
        // One that has a row already is written only by cascades that update.
        if (!isCascadeUpdate && keyOf(childMetadata, child) !== undefined) continue;
        const known = { metadata: childMetadata, entity: child };
        added.set(child, known);
        follow(known);
      }
    };
    for (const known of [...changed, ...this.#added.values()]) follow(known);
    return [...added.values()];
  }

  #metadataOf({ dataSource }: SqliteQueryRunner, entity: ObjectLiteral, call: string): EntityMetadata {
    const tracked = this.#map.of(entity);
    if (tracked) return tracked.metadata;
    const { constructor: target } = Object(entity) as object;
    if (!dataSource.hasMetadata(target)) throw noEntity(call);
    return dataSource.getMetadata(target).findInheritanceMetadata(entity);
  }
}
