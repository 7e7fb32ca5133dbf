import { type Migration, MigrationExecutor, type MigrationInterface, type QueryRunner } from "typeorm";
import { createMetadataTable, needsMetadataTable } from "./metadata-table";
import type { SqliteDataSource } from "./sqlite-data-source";
import type { SqliteQueryRunner } from "./sqlite-query-runner";

/**
 * TypeORM's, which looks for pending migrations before it has begun a transaction, and so would run what others, who
 * looked at the same time, have run until then. This one looks again inside of the transaction, where nobody else can
 * write. For a migration without one there is only that second look.
 */
export class OnceMigrationExecutor extends MigrationExecutor {
  readonly #dataSource: SqliteDataSource;
  readonly #runByOthers = new Set<Migration>();

  constructor(dataSource: SqliteDataSource, runner?: SqliteQueryRunner) {
    super(dataSource, runner);
    this.#dataSource = dataSource;
  }

  override async executePendingMigrations(): Promise<Migration[]> {
    const done = await super.executePendingMigrations();
    return done.filter((migration) => !this.#runByOthers.has(migration));
  }

  /** Another one is reverted where others have reverted the last one meanwhile. */
  override async undoLastMigration(): Promise<void> {
    const runner = this.queryRunner as SqliteQueryRunner;
    if (this.transaction === "none") await super.undoLastMigration();
    else await runner.transaction(() => super.undoLastMigration());
  }

  /** The tables that TypeORM needs for itself, which everyone who begins a new file finds missing. */
  protected override async createMigrationsTableIfNotExist(given: QueryRunner): Promise<void> {
    const runner = given as SqliteQueryRunner;
    const tables = [this.#tableName];
    if (needsMetadataTable(this.#dataSource)) tables.push(this.#dataSource.metadataTableName);
    const present = await Promise.all(tables.map((table) => runner.hasTable(table)));
    if (!present.includes(false)) return;
    await runner.transaction(async () => {
      await super.createMigrationsTableIfNotExist(runner);
      await createMetadataTable(this.#dataSource, runner);
    });
  }

  protected override getMigrations(): Migration[] {
    const migrations = super.getMigrations();
    for (const migration of migrations) {
      if (migration.instance) migration.instance = this.#once(migration, migration.instance);
    }
    return migrations;
  }

  protected override async insertExecutedMigration(runner: QueryRunner, migration: Migration): Promise<void> {
    if (!(await this.#isExecuted(runner, migration))) await super.insertExecutedMigration(runner, migration);
  }

  #once(migration: Migration, instance: MigrationInterface): MigrationInterface {
    const { context } = this.#dataSource.driver;
    // What would wait for the query runner in it, which waits for it, fails at once.
    const inside = (way: "up" | "down", runner: QueryRunner): Promise<void> =>
      context.surround(runner as SqliteQueryRunner, "migration", async () => await instance[way](runner));
    const up = async (runner: QueryRunner): Promise<void> => {
      if (await this.#isExecuted(runner, migration)) this.#runByOthers.add(migration);
      else await inside("up", runner);
    };
    const down = (runner: QueryRunner): Promise<void> => inside("down", runner);
    return Object.create(instance, { up: { value: up }, down: { value: down } });
  }

  async #isExecuted(runner: QueryRunner, { name }: Migration): Promise<boolean> {
    const table = this.#dataSource.driver.escape(this.#tableName);
    const rows: unknown[] = await runner.query(`SELECT 1 FROM ${table} WHERE name = ?`, [name]);
    return rows.length > 0;
  }

  get #tableName(): string {
    return this.#dataSource.options.migrationsTableName ?? "migrations";
  }
}
