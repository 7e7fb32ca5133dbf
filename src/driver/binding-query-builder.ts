import type { ReturningType } from "typeorm/driver/types/ReturningType.js";
import type { WhereClause } from "typeorm/query-builder/WhereClause.js";
import { EntityValidationError } from "../errors";
import { groupAlternatives } from "./alternatives";
import { bindNumbers, writeNumbers } from "./escape-parameters";
import { flushNew } from "./flush-new";
import { withColumnNames } from "./remembered-texts";
import { writesVirtualTable } from "./virtual-tables";
import type { PendingWrite } from "./write-check";

/**
 * A builder whose text has its numbers bound when it is run, and written out when it is only shown, as ever; and whose
 * values are checked before they are written.
 */
export function bindingNumbers(base: new (from: any) => any): new (from: any) => any {
  return class extends base {
    #running = false;

    protected replacePropertyNamesForTheWholeQuery(text: string): string {
      return withColumnNames(text, this.expressionMap, () =>
        super.replacePropertyNamesForTheWholeQuery(text),
      );
    }

    protected createWhereClausesExpression(clauses: WhereClause[]): string {
      return groupAlternatives(clauses, (some) => super.createWhereClausesExpression(some));
    }

    getQueryAndParameters(): [string, any[]] {
      if (!this.#running) return writeNumbers(this.getQuery(), this.getParameters());
      const write = this.pendingWrite();
      if (write) this.dataSource.driver.writeCheck?.check(write);
      return this.bindParameters();
    }

    protected bindParameters(): [string, any[]] {
      return bindNumbers(this.getQuery(), this.getParameters());
    }

    protected createReturningExpression(type: ReturningType): string {
      // Unless someone has asked for it.
      if (!this.expressionMap.returning && writesVirtualTable(this)) return "";
      return super.createReturningExpression(type);
    }

    pendingWrite(): PendingWrite | undefined {
      return undefined;
    }

    async execute(): Promise<any> {
      const flushed = flushNew(this as any);
      if (flushed) await flushed;
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
