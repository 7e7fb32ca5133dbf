import type { ObjectLiteral } from "typeorm";
import type { Subject } from "typeorm/persistence/Subject.js";
import { SubjectExecutor } from "typeorm/persistence/SubjectExecutor.js";
import { InstanceChecker } from "typeorm/util/InstanceChecker.js";
import { keyOf } from "./row-key";

/**
 * TypeORM's executor, which inserts all rows of a class at once where a database has RETURNING. A row that needs the
 * generated id of another one of them would be inserted without it, and updated afterwards.
 */
export class BulkSubjectExecutor extends SubjectExecutor {
  /** Each row with the others of its class, as long as what it refers to is inserted before. */
  protected override groupBulkSubjects(
    subjects: Subject[],
    type: "insert" | "delete",
  ): [groups: Record<string, Subject[]>, keys: string[]] {
    if (type === "delete") return super.groupBulkSubjects(subjects, type);
    const groups: Subject[][] = [];
    const latest = new Map<string, number>();
    const placed = new Map<Subject, number>();
    for (const subject of subjects) {
      const { name } = subject.metadata;
      let place = latest.get(name) ?? -1;
      if (awaited(subject).some((other) => (placed.get(other) ?? -1) >= place)) place = -1;
      // TypeORM inserts those without a value after all others of their group.
      if (place >= 0 && isEmpty(groups[place]![0]!) !== isEmpty(subject)) place = -1;
      if (place < 0) {
        place = groups.push([]) - 1;
        latest.set(name, place);
      }
      groups[place]!.push(subject);
      placed.set(subject, place);
    }
    return [Object.fromEntries(groups.entries()), Object.keys(groups)];
  }

  /** Where several entities are of one row, each has what the last UPDATE gave. */
  protected override async executeUpdateOperations(): Promise<void> {
    await super.executeUpdateOperations();
    if (this.updateSubjects.length < 2) return;
    const last = new Map<string | undefined, ObjectLiteral>();
    for (const { metadata, identifier, generatedMap } of this.updateSubjects.toReversed()) {
      if (!identifier || !generatedMap) continue;
      const row = keyOf(metadata, identifier);
      Object.assign(generatedMap, last.get(row));
      last.set(row, generatedMap);
    }
  }
}

/** Whether the row has nothing but defaults. */
function isEmpty({ changeMaps }: Subject): boolean {
  return changeMaps.length === 0;
}

/** The subjects whose ids are to be in the row, and are not known yet. */
function awaited({ changeMaps }: Subject): Subject[] {
  const others: Subject[] = [];
  for (const { relation, value } of changeMaps) {
    if (!relation || !InstanceChecker.isSubject(value)) continue;
    if (value.entity && !relation.getRelationIdMap(value.entity)) others.push(value);
  }
  return others;
}
