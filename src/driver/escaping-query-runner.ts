import { Table, type TableIndex } from "typeorm";
import type { Query } from "typeorm/driver/Query.js";
import { AbstractSqliteQueryRunner } from "typeorm/driver/sqlite-abstract/AbstractSqliteQueryRunner.js";
import type { View } from "typeorm/schema-builder/view/View.js";

/** The inside of a name that TypeORM puts between double quotes as it is. */
const escaped = (name: string): string => name.replaceAll('"', '""');

interface Named {
  name?: string;
  columnNames?: string[];
}

function isQuoted({ name, columnNames }: Named): boolean {
  return name?.includes('"') || (columnNames?.some((column) => column.includes('"')) ?? false);
}

function escapeIn(...named: Named[]): void {
  for (const one of named) {
    if (one.name !== undefined) one.name = escaped(one.name);
    if (one.columnNames) one.columnNames = one.columnNames.map(escaped);
  }
}

/**
 * TypeORM's query runner, with the quotes in names escaped that it forgets: in most places of CREATE TABLE, CREATE INDEX
 * and CREATE VIEW, and where it looks for tables. It goes on with the objects it was given, so copies are altered.
 */
export abstract class EscapingQueryRunner extends AbstractSqliteQueryRunner {
  protected override createTableSql(table: Table, createForeignKeys?: boolean, temporary?: boolean): Query {
    // Completes the table, by the constraints of unique columns for example.
    const query = super.createTableSql(table, createForeignKeys, temporary);
    const { columns, uniques, checks, foreignKeys } = table;
    const referenced = foreignKeys.map(({ referencedTableName, referencedColumnNames }) => ({
      name: referencedTableName,
      columnNames: referencedColumnNames,
    }));
    if (![...columns, ...uniques, ...checks, ...foreignKeys, ...referenced].some(isQuoted)) return query;
    const copy = table.clone();
    escapeIn(...copy.columns, ...copy.uniques, ...copy.checks, ...copy.foreignKeys);
    for (const foreignKey of copy.foreignKeys) {
      foreignKey.referencedTableName = escaped(foreignKey.referencedTableName);
      foreignKey.referencedColumnNames = foreignKey.referencedColumnNames.map(escaped);
    }
    return super.createTableSql(copy, createForeignKeys, temporary);
  }

  protected override loadTables(tableNames?: string[]): Promise<Table[]> {
    // Those with a dot are looked for by loadTableRecords().
    const literal = (name: string) => (name.includes(".") ? name : name.replaceAll("'", "''"));
    return super.loadTables(tableNames?.map(literal));
  }

  protected override createIndexSql(table: Table, index: TableIndex): Query {
    const copy = index.clone();
    copy.columnNames = index.columnNames.map(escaped);
    return super.createIndexSql(new Table({ name: escaped(table.name) }), copy);
  }

  protected override createViewSql(view: View): Query {
    const copy = view.clone();
    copy.name = escaped(view.name);
    return super.createViewSql(copy);
  }

  protected override dropViewSql(view: View | string, ifExists?: boolean): Query {
    return super.dropViewSql(escaped(typeof view === "string" ? view : view.name), ifExists);
  }
}
