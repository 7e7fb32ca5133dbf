import type { EntityMetadata } from "typeorm";
import type { Subject } from "typeorm/persistence/Subject.js";
import { OrmUtils } from "typeorm/util/OrmUtils.js";
import { BulkSubjectExecutor } from "./bulk-subject-executor";
import { MOST_SUBJECTS, ownKeys, referredFirst, referringFirst } from "./row-order";
import type { SqliteQueryRunner } from "./sqlite-query-runner";

/**
 * TypeORM's executor, which inserts what others refer to first, and deletes it last. TypeORM's own order has the
 * nullable foreign keys after all others, so that it inserts such rows without them, updates them at once, and cannot
 * delete what they refer to; and it refuses tables that refer to each other.
 */
export class OrderedSubjectExecutor extends BulkSubjectExecutor {
  /** Called when listeners and subscribers may have changed what is going to be written. */
  heard: (() => void) | undefined;

  override async execute(): Promise<void> {
    const before = this.broadcastBeforeEventsForAll();
    await Promise.all(before.promises);
    if (before.count > 0) {
      for (const subject of this.allSubjects) subject.recompute();
      this.recompute();
      this.heard?.();
    }
    this.insertSubjects = byTable(this.insertSubjects, references).flatMap(([metadata, subjects]) =>
      referredFirst(subjects, metadata),
    );
    await this.executeInsertOperations();
    // An insert whose references were not there yet has left them to an update, which TypeORM forgets where it has
    // looked for the row before.
    for (const subject of this.insertSubjects) subject.databaseEntityLoaded = false;
    this.updateSubjects = this.allSubjects.filter((subject) => subject.mustBeUpdated);
    await this.executeUpdateOperations();
    await this.executeRemoveOperations();
    this.softRemoveSubjects = this.allSubjects.filter((subject) => subject.mustBeSoftRemoved);
    await this.executeSoftRemoveOperations();
    this.updateSpecialColumnsInPersistedEntities();
    await Promise.all(this.broadcastAfterEventsForAll().promises);
  }

  protected override async executeRemoveOperations(): Promise<void> {
    const removed: Subject[] = [];
    for (const [metadata, subjects] of byTable(this.removeSubjects, (one, other) => references(other, one))) {
      const keys = ownKeys(metadata);
      // RESTRICT refuses to delete a row even before one that goes by the same statement.
      const most = keys.some(({ onDelete }) => onDelete === "RESTRICT") ? 1 : MOST_SUBJECTS;
      const isOrdered = keys.length === 0 || subjects.length <= most;
      const rows = isOrdered
        ? subjects
        : await referringFirst(this.queryRunner as SqliteQueryRunner, subjects, metadata);
      for (const some of OrmUtils.chunk(rows, most)) {
        this.removeSubjects = some;
        await super.executeRemoveOperations();
      }
      removed.push(...rows);
    }
    this.removeSubjects = removed;
  }
}

/** What one table has of another, and whether it may do without at first. */
interface Reference {
  readonly to: EntityMetadata;
  readonly isNullable: boolean;
}

/** The subjects by table, each after those it has to wait for; where they wait for each other, nullable is weaker. */
function byTable(
  subjects: Subject[],
  waitsFor: (one: EntityMetadata, other: EntityMetadata) => Reference[],
): [EntityMetadata, Subject[]][] {
  const left = new Set(subjects.map(({ metadata }) => metadata));
  const isFree = (one: EntityMetadata, matters: (reference: Reference) => boolean) =>
    [...left].every((other) => other === one || !waitsFor(one, other).some(matters));
  const sorted: [EntityMetadata, Subject[]][] = [];
  while (left.size > 0) {
    const waiting = [...left];
    const next =
      waiting.find((one) => isFree(one, () => true)) ??
      waiting.find((one) => isFree(one, ({ isNullable }) => !isNullable)) ??
      waiting[0]!;
    left.delete(next);
    sorted.push([next, subjects.filter(({ metadata }) => metadata === next)]);
  }
  return sorted;
}

function references(one: EntityMetadata, other: EntityMetadata): Reference[] {
  const relations = one.relationsWithJoinColumns.map(({ inverseEntityMetadata, isNullable }) => ({
    to: inverseEntityMetadata,
    isNullable,
  }));
  // A junction table has no relations of its own.
  const keys = one.foreignKeys.map(({ referencedEntityMetadata, columns }) => ({
    to: referencedEntityMetadata,
    isNullable: columns.some((column) => column.isNullable),
  }));
  return [...relations, ...keys].filter(({ to }) => to.tablePath === other.tablePath);
}
