import {
  EntityManager,
  type EntityTarget,
  type ObjectLiteral,
  type QueryRunner,
  QueryRunnerProviderAlreadyReleasedError,
  type SelectQueryBuilder,
  TypeORMError,
} from "typeorm";
import type { IsolationLevel } from "typeorm/driver/types/IsolationLevel.js";
import { InstanceChecker } from "typeorm/util/InstanceChecker.js";
import { rememberTarget } from "./entity-target";
import { flushNew } from "./flush-new";
import { mergePlain } from "./merge-plain";
import { SaveExecutor } from "./save-executor";
import { isSingleStatement, type Persistence } from "./single-statement";
import type { SqliteDataSource } from "./sqlite-data-source";
import { createQueryBuilder } from "./sqlite-query-builder";
import type { SqliteQueryRunner } from "./sqlite-query-runner";

type Work<T> = (manager: EntityManager) => Promise<T>;

/**
 * TypeORM's manager, whose transactions are known to the code inside them: nested ones that are started together run
 * one after another, and one that cannot begin does not roll back the one around it.
 */
export class SqliteEntityManager extends EntityManager {
  override async transaction<T>(work: Work<T>): Promise<T>;
  override async transaction<T>(isolation: IsolationLevel, work: Work<T>): Promise<T>;
  override async transaction<T>(isolationOrWork: IsolationLevel | Work<T>, maybeWork?: Work<T>): Promise<T> {
    const work = typeof isolationOrWork === "function" ? isolationOrWork : maybeWork;
    const isolation = typeof isolationOrWork === "function" ? undefined : isolationOrWork;
    if (!work)
      throw new TypeORMError("transaction() needs a callback, after the isolation level if there is one.");
    if (this.queryRunner?.isReleased) throw new QueryRunnerProviderAlreadyReleasedError();
    const dataSource = this.dataSource as SqliteDataSource;
    const runner = (this.queryRunner as SqliteQueryRunner | undefined) ?? dataSource.createQueryRunner();
    try {
      return await runner.transaction(() => work(runner.manager), isolation);
    } finally {
      if (!this.queryRunner) await runner.release();
    }
  }

  override create(target: EntityTarget<any>, plain?: any): any {
    const created = super.create(target, plain);
    const { target: known } = this.dataSource.getMetadata(target);
    if (typeof known === "string") rememberTarget([created].flat(), known);
    return created;
  }

  override save(...args: any[]): Promise<any> {
    return this.#afterFlush(() => this.#save(args));
  }

  override remove(...args: any[]): Promise<any> {
    return this.#afterFlush(() =>
      super.remove(...(this.#withoutNeedlessTransaction("remove", args) as [any])),
    );
  }

  override softRemove(...args: any[]): Promise<any> {
    return this.#afterFlush(() => super.softRemove(...(args as [any])));
  }

  override recover(...args: any[]): Promise<any> {
    return this.#afterFlush(() => super.recover(...(args as [any])));
  }

  async #save(args: any[]): Promise<any> {
    const [target, entity, options] = targetEntityAndOptions(this.#withoutNeedlessTransaction("save", args));
    if (Array.isArray(entity) && entity.length === 0) return entity;
    await new SaveExecutor(this.dataSource, this.queryRunner, "save", target, entity, options).execute();
    return entity;
  }

  #afterFlush<T>(persist: () => Promise<T>): Promise<T> {
    const flushed = flushNew(this as any);
    return flushed ? flushed.then(persist) : persist();
  }

  #withoutNeedlessTransaction(mode: Persistence, args: any[]): any[] {
    if (this.queryRunner?.isTransactionActive) return args;
    const [target, entity, options] = targetEntityAndOptions(args);
    if (options?.transaction !== undefined) return args;
    if (!isSingleStatement(this.dataSource as SqliteDataSource, target, entity, mode)) return args;
    return [...(target ? [target] : []), entity, { ...options, transaction: false }];
  }

  override createQueryBuilder<Entity extends ObjectLiteral>(
    entityClass: EntityTarget<Entity>,
    alias: string,
    queryRunner?: QueryRunner,
  ): SelectQueryBuilder<Entity>;
  override createQueryBuilder(queryRunner?: QueryRunner): SelectQueryBuilder<any>;
  /**
   * TypeORM asks its data source, in whose method typeorm-transactional puts TypeORM's own, by which nothing would be
   * validated any more.
   */
  override createQueryBuilder(
    entityOrRunner?: EntityTarget<any> | QueryRunner,
    alias?: string,
    queryRunner?: QueryRunner,
  ): SelectQueryBuilder<any> {
    const dataSource = this.dataSource as SqliteDataSource;
    if (alias) return createQueryBuilder(dataSource, entityOrRunner, alias, queryRunner ?? this.queryRunner);
    return createQueryBuilder(dataSource, entityOrRunner ?? queryRunner ?? this.queryRunner);
  }

  /** TypeORM merges what a database generated into every entity that it writes. */
  override merge(target: EntityTarget<any>, entity: any, ...sources: any[]): any {
    const [source] = sources;
    const isMerged = sources.length === 1 && mergePlain(this.dataSource.getMetadata(target), entity, source);
    return isMerged ? entity : super.merge(target, entity, ...sources);
  }
}

/** The arguments as TypeORM takes them: `(entity, options?)` or `(target, entity, options?)`. */
function targetEntityAndOptions(args: any[]): [target: any, entity: any, options: any] {
  const [first, second, third] = args;
  if (args.length > 1 && InstanceChecker.isEntitySchema(first)) return [first.options.name, second, third];
  const isTarget = args.length > 1 && (typeof first === "function" || typeof first === "string");
  return isTarget ? [first, second, third] : [undefined, first, second];
}
