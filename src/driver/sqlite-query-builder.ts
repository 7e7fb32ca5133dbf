import {
  DeleteQueryBuilder,
  type EntityTarget,
  InsertQueryBuilder,
  InsertResult,
  type ObjectLiteral,
  type QueryRunner,
  SelectQueryBuilder,
  UpdateQueryBuilder,
  UpdateResult,
} from "typeorm";
import type { QueryExpressionMap } from "typeorm/query-builder/QueryExpressionMap.js";
import { SoftDeleteQueryBuilder } from "typeorm/query-builder/SoftDeleteQueryBuilder.js";
import { EntityValidationError } from "../errors";
import { bindNumbers, MOST_PARAMETERS, writeNumbers } from "./escape-parameters";
import type { SqliteDataSource } from "./sqlite-data-source";
import type { SqliteQueryRunner } from "./sqlite-query-runner";
import type { PendingWrite } from "./write-check";

/** Beyond it the text that TypeORM builds and searches costs more than a further statement. */
const MOST_ROWS = 1000;

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

  protected override async loadRawResults(queryRunner: QueryRunner): Promise<any> {
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

/**
 * A builder whose text has its numbers bound when it is run, and written out when it is only shown, as ever; and whose
 * values are checked before they are written.
 */
function bindingNumbers(base: new (from: any) => any): new (from: any) => any {
  return class extends base {
    #running = false;

    getQueryAndParameters(): [string, any[]] {
      if (!this.#running) return writeNumbers(this.getQuery(), this.getParameters());
      const write = this.pendingWrite();
      if (write) this.dataSource.driver.writeCheck?.check(write);
      return bindNumbers(this.getQuery(), this.getParameters());
    }

    pendingWrite(): PendingWrite | undefined {
      return undefined;
    }

    async execute(): Promise<any> {
      const write = this.pendingWrite();
      const checked = write && this.dataSource.driver.writeCheck?.checkAsync(write);
      if (checked) await checked;
      this.#running = true;
      try {
        return await super.execute();
      } catch (error) {
        // As with what SQLite refuses, it is the caller who is to be seen.
        if (error instanceof EntityValidationError) Error.captureStackTrace(error);
        throw error;
      } finally {
        this.#running = false;
      }
    }
  };
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
    return await oneByOne(this, (builder) => super.execute.call(builder));
  }
}

class SqliteSoftDeleteQueryBuilder extends bindingNumbers(SoftDeleteQueryBuilder) {
  async execute(): Promise<UpdateResult> {
    return await oneByOne(this, (builder) => super.execute.call(builder));
  }
}

/**
 * TypeORM leaves RETURNING out for SQLite, and reads the generated values back with a second query. It also sends all
 * rows in one statement, however many parameters that takes.
 */
class SqliteInsertQueryBuilder extends bindingNumbers(InsertQueryBuilder) {
  pendingWrite(): PendingWrite | undefined {
    const { mainAlias, insertFromSelect } = this.expressionMap;
    if (!mainAlias?.hasMetadata || insertFromSelect) return undefined;
    return { kind: "insert", metadata: mainAlias.metadata, rows: this.getValueSets() };
  }

  async execute(): Promise<InsertResult> {
    const rows: ObjectLiteral[] = this.getValueSets();
    const size = this.expressionMap.insertFromSelect ? rows.length : this.#rowsPerStatement();
    if (rows.length <= size) return await super.execute();
    const parts = await inTransaction(this, async (runner) => {
      const results: InsertResult[] = [];
      for (let start = 0; start < rows.length; start += size) {
        const part = this.clone().setQueryRunner(runner);
        part.expressionMap.valuesSet = rows.slice(start, start + size);
        results.push(await part.execute());
      }
      return results;
    });
    const whole = new InsertResult();
    whole.identifiers = parts.flatMap(({ identifiers }) => identifiers);
    whole.generatedMaps = parts.flatMap(({ generatedMaps }) => generatedMaps);
    whole.raw = parts.every(({ raw }) => Array.isArray(raw))
      ? parts.flatMap(({ raw }) => raw)
      : parts.at(-1)?.raw;
    return whole;
  }

  protected createInsertExpression(): string {
    const insert = super.createInsertExpression();
    const returning = this.createReturningExpression("insert");
    return returning ? `${insert} RETURNING ${returning}` : insert;
  }

  #rowsPerStatement(): number {
    const { mainAlias, onIgnore, onUpdate, updateEntity } = this.expressionMap;
    if (!mainAlias?.hasMetadata) return MOST_ROWS;
    const { columns } = mainAlias.metadata;
    // TypeORM matches the rows of RETURNING to the entities by position, and a row that was skipped is not among them.
    const skips =
      onIgnore ||
      onUpdate?.overwriteCondition ||
      onUpdate?.skipUpdateIfNoValuesChanged ||
      onUpdate?.overwrite?.length === 0;
    if (skips && updateEntity && mainAlias.metadata.getInsertionReturningColumns().length > 0) return 1;
    return Math.min(MOST_ROWS, Math.max(1, Math.floor(MOST_PARAMETERS / columns.length)));
  }
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

/** Several statements that succeed or fail as the one they stand for: in a transaction, or a savepoint inside one. */
async function inTransaction<T>(builder: any, work: (runner: QueryRunner) => Promise<T>): Promise<T> {
  const runner: SqliteQueryRunner = builder.queryRunner ?? builder.dataSource.createQueryRunner();
  try {
    return await runner.transaction(() => work(runner));
  } finally {
    if (runner !== builder.queryRunner) await runner.release();
  }
}
