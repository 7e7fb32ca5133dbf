import {
  DeleteQueryBuilder,
  type EntityMetadata,
  type EntityTarget,
  type InsertQueryBuilder,
  type ObjectLiteral,
  type QueryRunner,
  RelationQueryBuilder,
  SelectQueryBuilder,
  UpdateQueryBuilder,
  UpdateResult,
} from "typeorm";
import type { QueryExpressionMap } from "typeorm/query-builder/QueryExpressionMap.js";
import type { SelectQuery } from "typeorm/query-builder/SelectQuery.js";
import { SoftDeleteQueryBuilder } from "typeorm/query-builder/SoftDeleteQueryBuilder.js";
import type { WhereClause } from "typeorm/query-builder/WhereClause.js";
import { groupAlternatives } from "./alternatives";
import { bindingNumbers } from "./binding-query-builder";
import { bindNumbers, writeNumbers } from "./escape-parameters";
import { flushNew } from "./flush-new";
import { inTransaction } from "./in-transaction";
import { readAgain } from "./read-again";
import { columnSelects, withColumnNames } from "./remembered-texts";
import type { SqliteDataSource } from "./sqlite-data-source";
import { SqliteInsertQueryBuilder } from "./sqlite-insert-query-builder";
import type { SqliteQueryRunner } from "./sqlite-query-runner";
import type { PendingWrite } from "./write-check";

/** Of a page, beyond which they are written into the text. */
const MOST_KEYS = 100;
const KEYS = "orm_page_keys";

/** Where every query builder begins, so that those made from it bind numbers and know SQLite's RETURNING. */
export class SqliteQueryBuilder<Entity extends ObjectLiteral> extends SelectQueryBuilder<Entity> {
  #running = false;

  override insert(): InsertQueryBuilder<Entity> {
    this.expressionMap.queryType = "insert";
    return new SqliteInsertQueryBuilder(this) as any;
  }

  override update(...args: any[]): UpdateQueryBuilder<Entity> {
    return new SqliteUpdateQueryBuilder(super.update(...(args as [any]))) as any;
  }

  override delete(): DeleteQueryBuilder<Entity> {
    return new SqliteDeleteQueryBuilder(super.delete()) as any;
  }

  override softDelete(): SoftDeleteQueryBuilder<any> {
    return new SqliteSoftDeleteQueryBuilder(super.softDelete()) as any;
  }

  override restore(): SoftDeleteQueryBuilder<any> {
    return new SqliteSoftDeleteQueryBuilder(super.restore()) as any;
  }

  override relation(...args: any[]): RelationQueryBuilder<any> {
    return new SqliteRelationQueryBuilder(super.relation(...(args as [any, any])));
  }

  override getQueryAndParameters(): [string, any[]] {
    return (this.#running ? bindNumbers : writeNumbers)(this.getQuery(), this.getParameters());
  }

  /** The keys of a page of entities with joins, which TypeORM has read before and writes as numbers. */
  override mergeExpressionMap(expressionMap: Partial<QueryExpressionMap>): this {
    super.mergeExpressionMap(expressionMap);
    const { extraAppendedAndWhereCondition: condition } = expressionMap;
    const [, keyIn, numbers] = /^(\S+ IN) \((-?\d+(?:, -?\d+)*)\)$/.exec(condition ?? "") ?? [];
    if (!keyIn || !numbers) return this;
    const keys = numbers.split(", ").map(Number);
    // Texts of all lengths would only push others out of the cache of statements.
    if (keys.length > MOST_KEYS) return this;
    this.expressionMap.extraAppendedAndWhereCondition = `${keyIn} (:...${KEYS})`;
    return this.setParameter(KEYS, keys);
  }

  protected override createWhereClausesExpression(clauses: WhereClause[]): string {
    return groupAlternatives(clauses, (some) => super.createWhereClausesExpression(some));
  }

  protected override replacePropertyNamesForTheWholeQuery(text: string): string {
    return withColumnNames(text, this.expressionMap, () => super.replacePropertyNamesForTheWholeQuery(text));
  }

  protected override buildEscapedEntityColumnSelects(
    aliasName: string,
    metadata: EntityMetadata,
  ): SelectQuery[] {
    return columnSelects(aliasName, metadata, this.expressionMap, () =>
      super.buildEscapedEntityColumnSelects(aliasName, metadata),
    );
  }

  protected override async loadRawResults(queryRunner: QueryRunner): Promise<any> {
    if (!this.dataSource.queryResultCache) {
      // TypeORM would write the values out for the key of a cache that there is not.
      const [sql, values] = bindNumbers(this.getQuery(), this.getParameters());
      return (await queryRunner.query(sql, values, true)).records;
    }
    this.#running = true;
    // A snapshot is not what the cache remembers, and cannot be written to.
    if ((queryRunner as SqliteQueryRunner).scope?.readonly) this.expressionMap.cache = false;
    try {
      return await super.loadRawResults(queryRunner);
    } finally {
      this.#running = false;
    }
  }
}

/** What `createQueryBuilder()` is, on a data source as on a manager. */
export function createQueryBuilder(
  dataSource: SqliteDataSource,
  entityOrRunner: EntityTarget<any> | QueryRunner | undefined,
  alias?: string,
  queryRunner?: QueryRunner,
): SelectQueryBuilder<any> {
  if (!alias) return new SqliteQueryBuilder(dataSource, entityOrRunner as QueryRunner | undefined);
  const { target } = dataSource.getMetadata(entityOrRunner as EntityTarget<any>);
  return new SqliteQueryBuilder(dataSource, queryRunner).select(alias).from(target, alias);
}

class SqliteRelationQueryBuilder extends RelationQueryBuilder<any> {
  override async add(value: any): Promise<void> {
    await flushNew(this as any);
    await super.add(value);
  }

  override async set(value: any): Promise<void> {
    await flushNew(this as any);
    await super.set(value);
  }

  override async remove(value: any): Promise<void> {
    await flushNew(this as any);
    await super.remove(value);
  }
}

class SqliteDeleteQueryBuilder extends bindingNumbers(DeleteQueryBuilder) {}

/** SQLite returns updated rows in an order of its own, so several entities are updated one by one. */
class SqliteUpdateQueryBuilder extends bindingNumbers(UpdateQueryBuilder) {
  pendingWrite(): PendingWrite | undefined {
    const { mainAlias, valuesSet } = this.expressionMap;
    if (!mainAlias?.hasMetadata || !valuesSet) return undefined;
    return { kind: "update", metadata: mainAlias.metadata, rows: [valuesSet] };
  }

  async execute(): Promise<UpdateResult> {
    return await oneByOne(this, (builder) => executeAndRead(builder, super.execute));
  }
}

class SqliteSoftDeleteQueryBuilder extends bindingNumbers(SoftDeleteQueryBuilder) {
  async execute(): Promise<UpdateResult> {
    return await oneByOne(this, (builder) => executeAndRead(builder, super.execute));
  }
}

async function executeAndRead(builder: any, execute: () => Promise<UpdateResult>): Promise<UpdateResult> {
  const result = await execute.call(builder);
  const { whereEntities, updateEntity, extraReturningColumns } = builder.expressionMap;
  if (whereEntities.length > 0 && updateEntity) {
    await readAgain(builder, extraReturningColumns, whereEntities, result.generatedMaps);
  }
  return result;
}

async function oneByOne(
  builder: any,
  execute: (builder: any) => Promise<UpdateResult>,
): Promise<UpdateResult> {
  const { whereEntities, updateEntity } = builder.expressionMap;
  if (whereEntities.length < 2 || !updateEntity) return await execute(builder);
  const whole = new UpdateResult();
  whole.raw = [];
  whole.affected = 0;
  await inTransaction(builder, async (runner) => {
    for (const entity of whereEntities) {
      const single = builder.clone().setQueryRunner(runner);
      single.expressionMap.wheres = [];
      const { raw, affected = 0, generatedMaps } = await execute(single.whereEntity(entity));
      if (Array.isArray(raw)) whole.raw.push(...raw);
      whole.affected! += affected;
      whole.generatedMaps.push(...generatedMaps);
    }
  });
  return whole;
}
