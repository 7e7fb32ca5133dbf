import { AsyncLocalStorage } from "node:async_hooks";
import type { EntityMetadata, EntityTarget, ObjectLiteral } from "typeorm";
import { EntitySnapshot } from "../driver/entity-snapshot";
import { type KnownEntity, removeEntities, saveEntities } from "../driver/persist";
import { keyOf } from "../driver/row-key";
import type { SqliteQueryRunner } from "../driver/sqlite-query-runner";
import type { PendingWrites, TransactionScope } from "../driver/transaction-scope";
import { changedId, endlessFlush, incompleteId, notTracked, readonlyChange, rowGone } from "./entity-errors";
import { IdentityMap, type Tracked } from "./identity-map";
import { Journal } from "./journal";
import { type Changes, PendingEntities } from "./pending-entities";
import { selectEntity } from "./select-entity";

type Snapshots = Map<ObjectLiteral, EntitySnapshot>;

const NO_CHANGES: Changes = { changed: [], added: [], deleted: [], replaced: [] };

/** As many as SQLAlchemy's. */
const MOST_ROUNDS = 100;

/** What a flush writes triggers no other flush, also not what subscribers do meanwhile. */
const flushing = new AsyncLocalStorage<UnitOfWork>();

/**
 * The entities of a session and of those nested in it: one instance for each row, and what of them is to be written.
 * A savepoint that is undone takes its part with it.
 */
export class UnitOfWork implements PendingWrites {
  readonly #map = new IdentityMap();
  readonly #journal = new Journal();
  readonly #pending = new PendingEntities(this.#map, this.#journal);
  /** What had changed and was not written yet when a savepoint began. */
  readonly #before = new WeakMap<TransactionScope, ReadonlyMap<ObjectLiteral, EntitySnapshot>>();
  readonly #running = new Set<{ readonly scope: TransactionScope; readonly done: Promise<void> }>();

  /** The one that belongs to `scope`, which nested sessions share. */
  static of(scope: TransactionScope): UnitOfWork {
    const existing = scope.pending;
    if (existing instanceof UnitOfWork) return existing;
    const created = new UnitOfWork();
    scope.pending = created;
    return created;
  }

  async get<Entity extends ObjectLiteral>(
    runner: SqliteQueryRunner,
    target: EntityTarget<Entity>,
    id: unknown,
  ): Promise<Entity | null> {
    const metadata = runner.dataSource.getMetadata(target);
    const idMap = idMapOf(metadata, id);
    const key = keyOf(metadata, idMap);
    if (key === undefined) throw incompleteId(metadata, "get()");
    const known = this.#map.withKey(key);
    if (known && this.#pending.isDeleted(known.entity)) {
      return instanceOf<Entity>(metadata, this.#pending.replacementOf(known));
    }
    const found = known && !known.isStale ? known : await this.#load(runner, metadata, idMap, known);
    if (!found && known) this.#map.forget(known);
    return instanceOf<Entity>(metadata, found?.entity);
  }

  get hasNew(): boolean {
    return this.#pending.hasAdded;
  }

  add(runner: SqliteQueryRunner, entity: ObjectLiteral): void {
    this.#pending.add(runner, entity);
  }

  delete(runner: SqliteQueryRunner, entity: ObjectLiteral): void {
    this.#pending.delete(runner, entity);
  }

  async refresh(runner: SqliteQueryRunner, entity: ObjectLiteral): Promise<void> {
    if (this.#pending.isAdded(entity)) await this.flush(runner);
    const tracked = this.#map.of(entity);
    if (!tracked) throw notTracked();
    // What was changed is given up, and not written before the row is read.
    tracked.snapshot.revert(entity);
    tracked.isStale = true;
    if (await this.#load(runner, tracked.metadata, entity, tracked)) return;
    this.#map.forget(tracked);
    throw rowGone(tracked);
  }

  /** `undefined` if there is nothing to write or to wait for. */
  flush(runner: SqliteQueryRunner, signal?: AbortSignal): Promise<void> | undefined {
    const { scope } = runner;
    if (!scope?.isOpen || flushing.getStore() === this) return undefined;
    // One of the scope around this one would wait for this one to end.
    const earlier = [...this.#running].find((flush) => flush.scope.isWithin(scope));
    if (earlier) return earlier.done.catch(() => {}).then(() => this.flush(runner, signal));
    const changes = this.#pending.changes(scope, scope.readonly);
    if (!changes) return undefined;
    if (scope.readonly) return Promise.reject(readonlyChange(firstOf(changes), scope));
    const done = this.#write(runner, scope, signal).finally(() => this.#running.delete(flush));
    const flush = { scope, done };
    this.#running.add(flush);
    return done;
  }

  async flushAll(runner: SqliteQueryRunner): Promise<void> {
    for (let round = 1; ; round++) {
      const flushed = this.flush(runner);
      if (!flushed) return;
      await flushed;
      // A transformer may make something else of the same value every time.
      if (round > 1 && !this.#pending.isScheduled(runner.scope!)) return;
      if (round === MOST_ROUNDS) throw endlessFlush(MOST_ROUNDS);
    }
  }

  /** After `scope` was committed, and goes on. */
  committed(scope: TransactionScope): void {
    this.#journal.keep(scope);
  }

  began(savepoint: TransactionScope): void {
    const changed = this.#pending.changed(savepoint.readonly);
    const before = changed.map(
      ({ metadata, entity }) => [entity, new EntitySnapshot(metadata, entity)] as const,
    );
    this.#before.set(savepoint, new Map(before));
  }

  rolledBack(scope: TransactionScope): void {
    const hasWritten = this.#journal.undo(scope);
    this.#pending.undone(scope);
    if (hasWritten) for (const tracked of this.#map) tracked.isStale = true;
  }

  undone(scope: TransactionScope): void {
    if (flushing.getStore() === this) return;
    this.rolledBack(scope);
    const before = this.#before.get(scope);
    for (const tracked of this.#map) {
      (before?.get(tracked.entity) ?? tracked.snapshot).revert(tracked.entity);
      tracked.isStale = true;
    }
  }

  async #write(runner: SqliteQueryRunner, scope: TransactionScope, signal?: AbortSignal): Promise<void> {
    const before: Snapshots = new Map();
    /** What listeners and subscribers have made of it, and statements were made of. */
    const sent: Snapshots = new Map();
    const removed: KnownEntity[] = [];
    const orphans = new Map<Tracked, { isRemoved: boolean }>();
    let written: Changes;
    try {
      written = await runner.inSavepoint(scope, signal, async () => {
        // Only now: a savepoint that was open before this one may have written some of it.
        const changes = this.#pending.changes(scope, false) ?? NO_CHANGES;
        for (const { metadata, entity, key } of changes.changed) {
          if (keyOf(metadata, entity) !== key) throw changedId(metadata);
        }
        const saved = [...changes.added, ...changes.changed];
        remember(saved, before, sent);
        await flushing.run(this, async () => {
          if (saved.length > 0) {
            await saveEntities(runner, saved, {
              loaded: (entity, row) => this.#align(entity, row),
              heard: () => remember(saved, sent),
              orphaned: (metadata, id, how) => {
                const tracked = this.#map.withKey(keyOf(metadata, id));
                if (tracked) orphans.set(tracked, how);
              },
            });
          }
          if (changes.deleted.length > 0) {
            await removeEntities(runner, changes.deleted, (known) => {
              remember([known], before);
              removed.push(known);
            });
          }
        });
        return changes;
      });
    } catch (error) {
      // TypeORM gives ids and dates to what it has inserted before something else fails.
      for (const [entity, snapshot] of before) snapshot.revert(entity);
      throw error;
    }
    this.#pending.written(written, scope);
    for (const tracked of written.changed) this.#updated(scope, tracked, sent.get(tracked.entity)!);
    for (const { entity } of written.replaced) this.#replaced(scope, entity);
    for (const known of written.added) {
      this.#inserted(scope, known, before.get(known.entity)!, sent.get(known.entity)!);
    }
    for (const known of removed) this.#removed(scope, known, before.get(known.entity)!);
    for (const [tracked, { isRemoved }] of orphans) {
      if (isRemoved) this.#removed(scope, tracked, tracked.snapshot);
      else tracked.isStale = true;
    }
  }

  #updated(scope: TransactionScope, tracked: Tracked, sent: EntitySnapshot): void {
    const { metadata, entity, snapshot } = tracked;
    tracked.snapshot = sent.written(metadata, entity);
    this.#journal.add(scope, () => {
      tracked.snapshot = snapshot;
      snapshot.revert(entity);
    });
  }

  #inserted(
    scope: TransactionScope,
    { metadata, entity }: KnownEntity,
    before: EntitySnapshot,
    sent: EntitySnapshot,
  ): void {
    const tracked = this.#map.written(metadata, entity);
    if (tracked) tracked.snapshot = sent.written(metadata, entity);
    this.#journal.add(scope, () => {
      if (tracked) this.#map.forget(tracked);
      before.revert(entity);
    });
  }

  #replaced(scope: TransactionScope, entity: ObjectLiteral): void {
    const tracked = this.#map.of(entity);
    if (!tracked) return;
    this.#map.forget(tracked);
    this.#journal.add(scope, () => this.#map.restore(tracked));
  }

  #removed(scope: TransactionScope, { entity }: KnownEntity, removed: EntitySnapshot): void {
    const tracked = this.#map.of(entity);
    if (tracked) this.#map.forget(tracked);
    this.#journal.add(scope, () => {
      if (tracked) this.#map.restore(tracked);
      (tracked?.snapshot ?? removed).revert(entity);
    });
  }

  #align(entity: ObjectLiteral, row: ObjectLiteral | undefined): void {
    const tracked = this.#map.of(entity);
    if (!tracked) return;
    if (!row) throw rowGone(tracked);
    tracked.snapshot.align(row, entity);
  }

  async #load(
    runner: SqliteQueryRunner,
    metadata: EntityMetadata,
    id: ObjectLiteral,
    known: Tracked | undefined,
  ): Promise<Tracked | undefined> {
    const loaded = await selectEntity(runner, metadata, id, known?.entity);
    return loaded ? this.#map.load(metadata, loaded) : undefined;
  }
}

function remember(entities: readonly KnownEntity[], ...snapshots: readonly Snapshots[]): void {
  for (const { metadata, entity } of entities) {
    const snapshot = new EntitySnapshot(metadata, entity);
    for (const remembered of snapshots) remembered.set(entity, snapshot);
  }
}

function firstOf({ changed, added, deleted }: Changes): KnownEntity {
  return [...changed, ...added, ...deleted][0]!;
}

/** Dates and bytes are objects too, which TypeORM takes for the values of all columns. */
function idMapOf(metadata: EntityMetadata, id: unknown): ObjectLiteral {
  const [column] = metadata.primaryColumns;
  const isValue = id instanceof Date || id instanceof Uint8Array;
  if (isValue && column && !metadata.hasMultiplePrimaryKeys) return column.createValueMap(id);
  return metadata.ensureEntityIdMap(id) as ObjectLiteral;
}

function instanceOf<Entity extends ObjectLiteral>(
  { target }: EntityMetadata,
  entity: ObjectLiteral | undefined,
): Entity | null {
  const isOther = typeof target === "function" && !(entity instanceof target);
  return entity && !isOther ? (entity as Entity) : null;
}
