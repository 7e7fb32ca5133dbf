import { InsertQueryBuilder, InsertResult, type ObjectLiteral } from "typeorm";
import { bindingNumbers } from "./binding-query-builder";
import { MOST_PARAMETERS } from "./escape-parameters";
import { inTransaction, onRunnerOf } from "./in-transaction";
import { InsertRows } from "./insert-rows";
import { readAgain } from "./read-again";
import { writesVirtualTable } from "./virtual-tables";
import type { PendingWrite } from "./write-check";

/** Beyond it little is gained, and a single statement keeps the event loop busy with its values for longer. */
const MOST_ROWS = 1000;

/**
 * TypeORM leaves RETURNING out for SQLite, and reads the generated values back with a second query. It also sends all
 * rows in one statement, however many parameters that takes.
 */
export class SqliteInsertQueryBuilder extends bindingNumbers(InsertQueryBuilder) {
  /** While the text of a statement that is to be run is built. */
  #rows: InsertRows | undefined;

  pendingWrite(): PendingWrite | undefined {
    const { mainAlias, insertFromSelect } = this.expressionMap;
    if (!mainAlias?.hasMetadata || insertFromSelect) return undefined;
    return { kind: "insert", metadata: mainAlias.metadata, rows: this.getValueSets() };
  }

  async execute(): Promise<InsertResult> {
    const rows: ObjectLiteral[] = this.getValueSets();
    if (rows.length < 2 || this.expressionMap.insertFromSelect) return await this.#executeWhole(rows);
    const size = (await this.#isSkippedByTrigger()) ? 1 : this.#rowsPerStatement();
    if (rows.length <= size) return await this.#executeWhole(rows);
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
    const [first, ...others] = parts as [InsertResult, ...InsertResult[]];
    whole.identifiers = first.identifiers.concat(...others.map(({ identifiers }) => identifiers));
    whole.generatedMaps = first.generatedMaps.concat(...others.map(({ generatedMaps }) => generatedMaps));
    whole.raw = parts.every(({ raw }) => Array.isArray(raw))
      ? first.raw.concat(...others.map(({ raw }) => raw))
      : parts.at(-1)?.raw;
    return whole;
  }

  /**
   * TypeORM gives each value a name, looks for it among all names before, and lets the driver look for it in the text;
   * with many rows most of the time goes there.
   */
  protected bindParameters(): [string, any[]] {
    const { mainAlias, insertFromSelect, parameters } = this.expressionMap;
    const hasNames = Object.keys(parameters).length > 0;
    if (!mainAlias?.hasMetadata || insertFromSelect || hasNames) return super.bindParameters();
    const rows = new InsertRows();
    this.#rows = rows;
    let sample: string;
    try {
      sample = this.getQuery();
    } finally {
      this.#rows = undefined;
    }
    return rows.complete(sample) ?? super.bindParameters();
  }

  protected createParameter(value: unknown): string {
    return this.#rows ? this.#rows.bind(value) : super.createParameter(value);
  }

  protected createValuesExpression(): string {
    const rows = this.#rows;
    const columns = rows ? this.getInsertedColumns() : [];
    if (!rows || columns.length === 0) return super.createValuesExpression();
    const valueSets: ObjectLiteral[] = this.getValueSets();
    for (let index = 0; index < valueSets.length; index++) {
      rows.add(columns, (column) => this.createColumnValueExpression(valueSets, index, column));
    }
    return rows.samples;
  }

  protected createInsertExpression(): string {
    const insert = super.createInsertExpression();
    const returning = this.createReturningExpression("insert");
    return returning ? `${insert} RETURNING ${returning}` : insert;
  }

  async #executeWhole(rows: ObjectLiteral[]): Promise<InsertResult> {
    const result: InsertResult = await super.execute();
    const { mainAlias, updateEntity, insertFromSelect } = this.expressionMap;
    if (mainAlias?.hasMetadata && updateEntity && !insertFromSelect) {
      const columns = mainAlias.metadata.getInsertionReturningColumns();
      await readAgain(this, columns, rows, result.generatedMaps);
    }
    return result;
  }

  /** As for those that a conflict skips. */
  async #isSkippedByTrigger(): Promise<boolean> {
    const { mainAlias, updateEntity } = this.expressionMap;
    if (!mainAlias?.hasMetadata || !updateEntity) return false;
    const { metadata } = mainAlias;
    if (metadata.getInsertionReturningColumns().length === 0) return false;
    const { triggeredTables } = this.dataSource.driver;
    if (triggeredTables.known(metadata) === false) return false;
    return await onRunnerOf(this, (runner) => triggeredTables.maySkip(runner, metadata));
  }

  #rowsPerStatement(): number {
    const { mainAlias, onIgnore, onUpdate, updateEntity } = this.expressionMap;
    if (!mainAlias?.hasMetadata) return MOST_ROWS;
    const { columns } = mainAlias.metadata;
    // The rowid of the last row is all that is known afterwards.
    if (writesVirtualTable(this)) return 1;
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
