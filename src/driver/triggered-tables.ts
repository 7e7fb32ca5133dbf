import type { EntityMetadata } from "typeorm";
import { quotedName } from "../sql/quoted-name";
import type { Connection } from "./connection";
import type { SqliteQueryRunner } from "./sqlite-query-runner";

/**
 * Which tables have triggers: what those change in a row is not in what RETURNING gave
 * (https://sqlite.org/lang_returning.html#limitations_and_caveats), and has to be read again.
 *
 * Asked for once for each table, until a statement of this process changes the schema.
 */
export class TriggeredTables {
  /** By the path of the table. */
  readonly #known = new Map<string, boolean>();

  /** Those whose triggers may leave out a row of an INSERT (https://sqlite.org/lang_createtrigger.html#the_raise_function). */
  readonly #skipping = new Set<string>();

  forget(): void {
    this.#known.clear();
    this.#skipping.clear();
  }

  /** Whether the rows of RETURNING may be fewer than those that were to be inserted. */
  async maySkip(runner: SqliteQueryRunner, metadata: EntityMetadata): Promise<boolean> {
    const { tablePath } = metadata;
    if (!this.#known.has(tablePath)) await this.lookUp(runner, metadata);
    return this.#skipping.has(tablePath);
  }

  /** `undefined` as long as nobody has asked for it. */
  known({ tablePath }: EntityMetadata): boolean | undefined {
    return this.#known.get(tablePath);
  }

  /** Seen from the transaction of the runner, or else from the writer, on which nobody's schema is half changed. */
  async lookUp(runner: SqliteQueryRunner, { tablePath, tableName }: EntityMetadata): Promise<boolean> {
    const schema = tablePath.slice(0, -tableName.length).replace(/\.$/, "") || "main";
    const triggers = (catalogue: string) =>
      `SELECT sql FROM ${catalogue} WHERE type = 'trigger' AND lower(tbl_name) = lower(?1)`;
    const sql = `${triggers(`${quotedName(schema)}.sqlite_schema`)} UNION ALL ${triggers("sqlite_temp_schema")}`;
    const look = (connection: Connection) => connection.all(sql, [tableName]);
    const { lender } = runner.driver;
    const rows = await (runner.scope ? runner.scope.run(look) : lender.useOnce("writer", "triggers", look));
    this.#known.set(tablePath, rows.length > 0);
    if (rows.some(({ sql }) => /\bignore\b/i.test(String(sql)))) this.#skipping.add(tablePath);
    return rows.length > 0;
  }
}
