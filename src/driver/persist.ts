import type { EntityMetadata, ObjectLiteral } from "typeorm";
import { Subject } from "typeorm/persistence/Subject.js";
import { SubjectDatabaseEntityLoader } from "typeorm/persistence/SubjectDatabaseEntityLoader.js";

import { CascadesSubjectBuilder } from "typeorm/persistence/subject-builder/CascadesSubjectBuilder.js";
import { ManyToManySubjectBuilder } from "typeorm/persistence/subject-builder/ManyToManySubjectBuilder.js";
import { OneToManySubjectBuilder } from "typeorm/persistence/subject-builder/OneToManySubjectBuilder.js";
import { OneToOneInverseSideSubjectBuilder } from "typeorm/persistence/subject-builder/OneToOneInverseSideSubjectBuilder.js";
import { OrmUtils } from "typeorm/util/OrmUtils.js";
import { ParameterError } from "../errors";
import { OrderedSubjectExecutor } from "./ordered-subject-executor";
import { MOST_SUBJECTS } from "./row-order";
import type { SqliteQueryRunner } from "./sqlite-query-runner";

/** An entity, whatever its class, and what TypeORM knows of it. */
export interface KnownEntity {
  readonly metadata: EntityMetadata;
  readonly entity: ObjectLiteral;
}

interface SaveHooks {
  /** Sees what was loaded for each entity, its own and those that come by cascades, before they are compared. */
  readonly loaded: (entity: ObjectLiteral, databaseEntity: ObjectLiteral | undefined) => void;
  /** Sees each row of an entity that is not at hand, which was changed or deleted because a relation to it has ended. */
  readonly orphaned: (metadata: EntityMetadata, id: ObjectLiteral, how: { isRemoved: boolean }) => void;
  /** Called when listeners and subscribers may have changed what is going to be written. */
  readonly heard: () => void;
}

/** What `manager.save()` does for entities of any classes, in the order of their foreign keys. */
export async function saveEntities(
  runner: SqliteQueryRunner,
  entities: readonly KnownEntity[],
  { loaded, heard, orphaned }: SaveHooks,
): Promise<void> {
  const subjects = entities.map(
    (known) => new Subject({ ...known, canBeInserted: true, canBeUpdated: true }),
  );
  await load(runner, subjects, "save");
  assertComplete(subjects);
  for (const { entity, databaseEntity } of subjects) if (entity) loaded(entity, databaseEntity);
  new OneToManySubjectBuilder(subjects).build();
  new OneToOneInverseSideSubjectBuilder(subjects).build();
  new ManyToManySubjectBuilder(subjects).build();
  await execute(runner, subjects, heard);
  for (const { entity, metadata, identifier, mustBeRemoved: isRemoved } of subjects) {
    if (!entity && identifier) orphaned(metadata, identifier, { isRemoved });
  }
}

/**
 * What `manager.remove()` does for entities of any classes, in the reverse order of their foreign keys. `removing` sees
 * each of them, and those that come by cascades, before TypeORM takes their ids from them.
 */
export async function removeEntities(
  runner: SqliteQueryRunner,
  entities: readonly KnownEntity[],
  removing: (known: KnownEntity) => void,
): Promise<void> {
  const subjects = entities.map((known) => new Subject({ ...known, mustBeRemoved: true }));
  await load(runner, subjects, "remove");
  for (const { metadata, entity, mustBeRemoved } of subjects)
    if (entity && mustBeRemoved) removing({ metadata, entity });
  const junctions = new ManyToManySubjectBuilder(subjects);
  for (const subject of [...subjects]) if (subject.mustBeRemoved) junctions.buildForAllRemoval(subject);
  await execute(runner, subjects);
}

/** Both builders of TypeORM add the subjects that come by cascades to the list they were given. */
async function load(runner: SqliteQueryRunner, subjects: Subject[], how: "save" | "remove"): Promise<void> {
  const cascades = new CascadesSubjectBuilder(subjects);
  for (const subject of [...subjects]) cascades.build(subject, how);
  for (const some of OrmUtils.chunk(subjects, MOST_SUBJECTS)) {
    await new SubjectDatabaseEntityLoader(runner, some).load(how);
  }
}

async function execute(runner: SqliteQueryRunner, subjects: Subject[], heard?: () => void): Promise<void> {
  const executor = new OrderedSubjectExecutor(runner, subjects);
  executor.heard = heard;
  if (executor.hasExecutableOperations) await executor.execute();
}

/** TypeORM would store NULL for the reference. */
function assertComplete(subjects: readonly Subject[]): void {
  const written = new Set(subjects.map(({ entity }) => entity));
  for (const { metadata, entity } of subjects) {
    for (const relation of entity ? metadata.relationsWithJoinColumns : []) {
      const value: unknown = relation.getEntityValue(entity!);
      if (typeof value !== "object" || value === null || Buffer.isBuffer(value)) continue;
      if (written.has(value) || relation.getRelationIdMap(value)) continue;
      throw new ParameterError(
        `${metadata.name}.${relation.propertyPath} refers to a new ${relation.inverseEntityMetadata.name} that is not ` +
          "in this session. Add that one too, or give the relation a cascade. If you have added it, this is a copy: " +
          "manager.create() copies what is related: assign it afterwards.",
      );
    }
  }
}
