import type { EntityMetadata, ObjectLiteral } from "typeorm";
import { targetOf } from "../driver/entity-target";
import type { KnownEntity } from "../driver/persist";
import { keyOf } from "../driver/row-key";
import type { SqliteQueryRunner } from "../driver/sqlite-query-runner";
import type { TransactionScope } from "../driver/transaction-scope";
import { incompleteId, noEntity, secondInstance } from "./entity-errors";
import type { IdentityMap, Tracked } from "./identity-map";
import type { Journal } from "./journal";

/** What a flush has to write. */
export interface Changes {
  readonly changed: readonly Tracked[];
  readonly added: readonly KnownEntity[];
  readonly deleted: readonly KnownEntity[];
  /** Those that were to be deleted, in whose place another instance was added: their rows are updated. */
  readonly replaced: readonly KnownEntity[];
}

interface Scheduled extends KnownEntity {
  /** The part of the session whose code has asked for it: it is written in that, and undone with it. */
  readonly by: TransactionScope;
}

type Schedule = Map<ObjectLiteral, Scheduled>;

/** What is to be inserted and deleted by the next flush, besides what has changed in the identity map. */
export class PendingEntities {
  readonly #map: IdentityMap;
  readonly #journal: Journal;
  readonly #added: Schedule = new Map();
  readonly #deleted: Schedule = new Map();

  constructor(map: IdentityMap, journal: Journal) {
    this.#map = map;
    this.#journal = journal;
  }

  add(runner: SqliteQueryRunner, entity: ObjectLiteral): void {
    const metadata = this.#metadataOf(runner, entity, "add()");
    const by = runner.scope!;
    this.#takeOff(this.#deleted, entity, by);
    if (this.#map.of(entity)) return;
    const known = this.#map.withKey(keyOf(metadata, entity));
    if (known && !this.isDeleted(known.entity)) throw secondInstance(metadata);
    this.#schedule(this.#added, { metadata, entity, by });
  }

  /** Of two instances of one row the tracked one is deleted. */
  delete(runner: SqliteQueryRunner, entity: ObjectLiteral): void {
    const metadata = this.#metadataOf(runner, entity, "delete()");
    const by = runner.scope!;
    if (this.#takeOff(this.#added, entity, by)) return;
    const key = keyOf(metadata, entity);
    if (key === undefined) throw incompleteId(metadata, "delete()");
    const { entity: instance } = this.#map.withKey(key) ?? { entity };
    this.#schedule(this.#deleted, { metadata, entity: instance, by });
  }

  get hasAdded(): boolean {
    return this.#added.size > 0;
  }

  isAdded(entity: ObjectLiteral): boolean {
    return this.#added.has(entity);
  }

  isDeleted(entity: ObjectLiteral): boolean {
    return this.#deleted.has(entity);
  }

  /** Whether there is anything to insert or to delete that was asked for in `scope`. */
  isScheduled(scope: TransactionScope): boolean {
    return [this.#added, this.#deleted].some((schedule) =>
      [...schedule.values()].some(({ by }) => by.isWithin(scope)),
    );
  }

  /** What was added in the place of a tracked entity that is to be deleted. */
  replacementOf({ key }: Tracked): ObjectLiteral | undefined {
    return [...this.#added.values()].find(({ metadata, entity }) => keyOf(metadata, entity) === key)?.entity;
  }

  /** What a flush in `scope` has to write, which leaves to those around it what is theirs; `undefined` if nothing. */
  changes(scope: TransactionScope, isReadonly: boolean): Changes | undefined {
    const changed = this.changed(isReadonly);
    // Before most statements there is nothing at all.
    if (changed.length + this.#added.size + this.#deleted.size === 0) return undefined;
    const isOwn = ({ by }: Scheduled) => by.isWithin(scope);
    const added = this.#withCascades(changed, [...this.#added.values()].filter(isOwn));
    const keys = new Set(this.#deleted.size > 0 ? added.map(keyOfKnown) : []);
    const [deleted, replaced]: [KnownEntity[], KnownEntity[]] = [[], []];
    for (const known of this.#deleted.values()) {
      if (keys.has(keyOfKnown(known))) replaced.push(known);
      else if (isOwn(known)) deleted.push(known);
    }
    if (changed.length + added.length + deleted.length === 0) return undefined;
    return { changed, added, deleted, replaced };
  }

  /** What has changed, and is not to be deleted. */
  changed(isReadonly: boolean): Tracked[] {
    return [...this.#map].filter(
      ({ entity, snapshot }) =>
        !this.isDeleted(entity) && snapshot.isChanged(entity, { ignoreLazy: isReadonly }),
    );
  }

  /** Forgets what was written in `scope`, for as long as that is not undone. */
  written({ added, deleted, replaced }: Changes, scope: TransactionScope): void {
    for (const { entity } of added) this.#takeOff(this.#added, entity, scope);
    for (const { entity } of [...deleted, ...replaced]) this.#takeOff(this.#deleted, entity, scope);
  }

  /** Forgets what was asked for in `scope`. */
  undone(scope: TransactionScope): void {
    for (const scheduled of [this.#added, this.#deleted]) {
      for (const { entity, by } of scheduled.values()) if (by.isWithin(scope)) scheduled.delete(entity);
    }
  }

  /** Also what a part around this one has asked for already. */
  #schedule(on: Schedule, scheduled: Scheduled): void {
    const { entity, by } = scheduled;
    const earlier = on.get(entity);
    if (earlier?.by === by) return;
    on.set(entity, scheduled);
    if (earlier) this.#journal.add(by, () => on.set(entity, earlier));
  }

  #takeOff(from: Schedule, entity: ObjectLiteral, scope: TransactionScope): boolean {
    const scheduled = from.get(entity);
    if (!scheduled) return false;
    from.delete(entity);
    this.#journal.add(scope, () => from.set(entity, scheduled));
    return true;
  }

  /** What was added, and what TypeORM will insert by cascades of that and of what has changed. */
  #withCascades(changed: readonly Tracked[], own: readonly KnownEntity[]): KnownEntity[] {
    const added = new Map(own.map((known) => [known.entity, known]));
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
    for (const known of [...changed, ...own]) follow(known);
    return [...added.values()];
  }

  #metadataOf({ dataSource }: SqliteQueryRunner, entity: ObjectLiteral, call: string): EntityMetadata {
    const tracked = this.#map.of(entity);
    if (tracked) return tracked.metadata;
    const target = targetOf(Object(entity) as object);
    if (!dataSource.hasMetadata(target)) throw noEntity(call);
    return dataSource.getMetadata(target).findInheritanceMetadata(entity);
  }
}

function keyOfKnown({ metadata, entity }: KnownEntity): string | undefined {
  return keyOf(metadata, entity);
}
