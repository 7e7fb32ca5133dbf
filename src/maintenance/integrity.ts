import type { Connection, Row } from "../driver/connection";
import { throwMapped } from "../driver/error-mapping";
import type { SqliteDataSource } from "../driver/sqlite-data-source";
import { CorruptDatabaseError } from "../errors";

/** A row that refers to nothing. */
export interface BrokenReference {
  readonly table: string;
  /** `null` for a row of a WITHOUT ROWID table. */
  readonly rowid: number | null;
  readonly parent: string;
  /** Which foreign key of the table, as `PRAGMA foreign_key_list` numbers them. */
  readonly foreignKey: number;
}

/** What is wrong with a database. */
export interface IntegrityReport {
  /** Whether nothing is. */
  readonly ok: boolean;
  /** Damage of the file, in SQLite's words; empty if there is none. */
  readonly integrity: readonly string[];
  /** Rows that refer to nothing; empty if there are none, or if the file is too damaged to tell. */
  readonly foreignKeys: readonly BrokenReference[];
}

/** Looks for damage and for broken references, in one snapshot. */
export async function checkIntegrity(dataSource: SqliteDataSource): Promise<IntegrityReport> {
  const snapshot = dataSource.driver.openTransaction({ readonly: true, label: "checkIntegrity" });
  const integrity: string[] = [];
  const foreignKeys: BrokenReference[] = [];
  try {
    await snapshot.run(async (connection) => {
      integrity.push(...(await damageOf(connection)));
      foreignKeys.push(...(await brokenReferencesOf(connection)));
    });
  } catch (error) {
    // Some damage is such that there is no reading at all.
    if (!(error instanceof CorruptDatabaseError)) throw error;
    integrity.push(error.driverError.message);
  } finally {
    await snapshot.rollback().catch(() => {});
  }
  return { ok: integrity.length + foreignKeys.length === 0, integrity, foreignKeys };
}

/** https://sqlite.org/pragma.html#pragma_integrity_check */
export async function damageOf(connection: Connection): Promise<string[]> {
  const rows = await ask(connection, "PRAGMA integrity_check");
  const lines = rows.map(({ integrity_check }) => String(integrity_check));
  return lines.length === 1 && lines[0] === "ok" ? [] : lines;
}

/** https://sqlite.org/pragma.html#pragma_foreign_key_check */
async function brokenReferencesOf(connection: Connection): Promise<BrokenReference[]> {
  const rows = await ask(connection, "PRAGMA foreign_key_check");
  return rows.map(({ table, rowid, parent, fkid }) => ({
    table: String(table),
    rowid: rowid === null ? null : Number(rowid),
    parent: String(parent),
    foreignKey: Number(fkid),
  }));
}

function ask(connection: Connection, sql: string): Promise<Row[]> {
  return connection.all(sql).catch((error) => throwMapped(sql, [], error, connection));
}
