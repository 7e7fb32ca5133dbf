import type { EntityMetadata, ObjectLiteral } from "typeorm";
import type { RelationMetadata } from "typeorm/metadata/RelationMetadata.js";
import { EntitySnapshot, related, setRelated } from "../driver/entity-snapshot";
import { keyOf } from "../driver/row-key";

/** An entity whose row is known, and what it was when it was last read or written. */
export interface Tracked {
  readonly metadata: EntityMetadata;
  readonly entity: ObjectLiteral;
  readonly key: string;
  snapshot: EntitySnapshot;
  /** Whether a rollback has made it doubtful what the row is. */
  isStale: boolean;
}

/** The one instance there is of each row in a session. */
export class IdentityMap implements Iterable<Tracked> {
  readonly #byKey = new Map<string, Tracked>();
  readonly #byEntity = new Map<ObjectLiteral, Tracked>();

  [Symbol.iterator](): Iterator<Tracked> {
    return this.#byKey.values();
  }

  withKey(key: string | undefined): Tracked | undefined {
    const tracked = key === undefined ? undefined : this.#byKey.get(key);
    if (!tracked || keyOf(tracked.metadata, tracked.entity) !== undefined) return tracked;
    // manager.remove() has taken the id from it.
    this.forget(tracked);
    return undefined;
  }

  of(entity: ObjectLiteral): Tracked | undefined {
    return this.#byEntity.get(entity);
  }

  /** Tracks what was written. */
  written(metadata: EntityMetadata, entity: ObjectLiteral): Tracked | undefined {
    const key = keyOf(metadata, entity);
    if (key === undefined) return undefined;
    const known = this.#byKey.get(key);
    if (known) return known;
    const snapshot = new EntitySnapshot(metadata, entity);
    return this.restore({ metadata, entity, key, snapshot, isStale: false });
  }

  /** Tracks what was loaded, and the entities that were loaded with it; gives the instance that stands for the row. */
  load(anyMetadata: EntityMetadata, loaded: ObjectLiteral): Tracked | undefined {
    const metadata = anyMetadata.findInheritanceMetadata(loaded);
    const key = keyOf(metadata, loaded);
    if (key === undefined) return undefined;
    const known = this.#byKey.get(key);
    if (known && (known.entity === loaded || !known.isStale)) return known;
    const snapshot = new EntitySnapshot(metadata, loaded);
    // It is tracked before those that may refer back to it.
    const tracked = known ?? this.restore({ metadata, entity: loaded, key, snapshot, isStale: false });
    tracked.isStale = false;
    if (known) snapshot.revert(known.entity, { onlyLoaded: true });
    for (const relation of metadata.relations)
      if (!relation.isLazy) this.#loadRelated(relation, tracked.entity);
    tracked.snapshot = new EntitySnapshot(metadata, tracked.entity);
    return tracked;
  }

  forget(tracked: Tracked): void {
    this.#byKey.delete(tracked.key);
    this.#byEntity.delete(tracked.entity);
  }

  restore(tracked: Tracked): Tracked {
    this.#byKey.set(tracked.key, tracked);
    this.#byEntity.set(tracked.entity, tracked);
    return tracked;
  }

  #loadRelated(relation: RelationMetadata, entity: ObjectLiteral): void {
    const instanceOf = (one: unknown): unknown => {
      if (typeof one !== "object" || one === null) return one;
      return this.load(relation.inverseEntityMetadata, one)?.entity ?? one;
    };
    const value = related(relation, entity);
    if (Array.isArray(value)) value.splice(0, value.length, ...value.map(instanceOf));
    else if (value) setRelated(relation, entity, instanceOf(value));
  }
}
