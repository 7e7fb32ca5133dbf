import { CannotDetermineEntityError, MustBeEntityError, type ObjectLiteral, type QueryRunner } from "typeorm";
import { EntityPersistExecutor } from "typeorm/persistence/EntityPersistExecutor.js";
import { Subject } from "typeorm/persistence/Subject.js";
import { SubjectDatabaseEntityLoader } from "typeorm/persistence/SubjectDatabaseEntityLoader.js";
import { CascadesSubjectBuilder } from "typeorm/persistence/subject-builder/CascadesSubjectBuilder.js";
import { ManyToManySubjectBuilder } from "typeorm/persistence/subject-builder/ManyToManySubjectBuilder.js";
import { OneToManySubjectBuilder } from "typeorm/persistence/subject-builder/OneToManySubjectBuilder.js";
import { OneToOneInverseSideSubjectBuilder } from "typeorm/persistence/subject-builder/OneToOneInverseSideSubjectBuilder.js";
import { OrmUtils } from "typeorm/util/OrmUtils.js";
import { BulkSubjectExecutor } from "./bulk-subject-executor";

/** What TypeORM does for `save()`, step by step, since that always makes an executor of its own. */
export class SaveExecutor extends EntityPersistExecutor {
  override async execute(): Promise<void> {
    const { entity, options } = this;
    if (!entity || typeof entity !== "object") throw new MustBeEntityError(this.mode, entity);
    // Lazy relations that were given as promises are set by then.
    await Promise.resolve();
    const runner = this.queryRunner ?? this.dataSource.createQueryRunner();
    const { data } = runner;
    if (options?.data) runner.data = options.data;
    try {
      const entities: ObjectLiteral[] = Array.isArray(entity) ? entity : [entity];
      const chunks = options?.chunk ? OrmUtils.chunk(entities, options.chunk) : [entities];
      const executors = await Promise.all(chunks.map((some) => this.#executorOf(some, runner)));
      const needed = executors.filter(({ hasExecutableOperations }) => hasExecutableOperations);
      if (needed.length > 0) await this.#executeAll(needed, runner);
    } finally {
      runner.data = data;
      if (!this.queryRunner) await runner.release();
    }
  }

  async #executorOf(entities: ObjectLiteral[], runner: QueryRunner): Promise<BulkSubjectExecutor> {
    const subjects = entities.map((entity) => this.#subjectOf(entity));
    const cascades = new CascadesSubjectBuilder(subjects);
    for (const subject of [...subjects]) cascades.build(subject, this.mode);
    await new SubjectDatabaseEntityLoader(runner, subjects).load(this.mode);
    new OneToManySubjectBuilder(subjects).build();
    new OneToOneInverseSideSubjectBuilder(subjects).build();
    new ManyToManySubjectBuilder(subjects).build();
    return new BulkSubjectExecutor(runner, subjects, this.options);
  }

  #subjectOf(entity: ObjectLiteral): Subject {
    const target = this.target ?? entity.constructor;
    if (target === Object) throw new CannotDetermineEntityError(this.mode);
    const metadata = this.dataSource.getMetadata(target).findInheritanceMetadata(entity);
    return new Subject({ metadata, entity, canBeInserted: true, canBeUpdated: true });
  }

  async #executeAll(executors: readonly BulkSubjectExecutor[], runner: QueryRunner): Promise<void> {
    const begins = !runner.isTransactionActive && this.options?.transaction !== false;
    try {
      if (begins) await runner.startTransaction();
      for (const executor of executors) await executor.execute();
      if (begins) await runner.commitTransaction();
    } catch (error) {
      // What went wrong is what the caller must see, and not that the rollback failed too.
      if (begins) await runner.rollbackTransaction().catch(() => {});
      throw error;
    }
  }
}
