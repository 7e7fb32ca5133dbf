import { EntitySchema, type MigrationInterface, type QueryRunner, Table, TableColumn } from "typeorm";
import type { SqliteDataSourceOptions } from "../../src/driver/sqlite-data-source";
import { dataSources, rejection } from "../support/data-sources";
import { deferred, isPending, until } from "../support/deferred";
import { rawExec, rawRead } from "../support/raw-database";
import { temporaryFolder } from "../support/temporary-folder";

const open = dataSources();
const folder = temporaryFolder();
const path = () => folder.file("app.db");

const FAMILY = `
  CREATE TABLE parent (id INTEGER PRIMARY KEY, name VARCHAR);
  CREATE TABLE child (id INTEGER PRIMARY KEY, parentId INTEGER REFERENCES parent (id) ON DELETE CASCADE);
  INSERT INTO parent VALUES (1, 'one'), (2, 'two');
  INSERT INTO child VALUES (10, 1), (11, 1), (20, 2);
`;
const children = async () => (await rawRead(path(), "SELECT id FROM child ORDER BY id")).map(({ id }) => id);
const parents = async () =>
  (await rawRead(path(), "SELECT name FROM parent ORDER BY id")).map(({ name }) => name);
const columns = async (table: string) =>
  (await rawRead(path(), `SELECT name FROM pragma_table_info('${table}')`)).map(({ name }) => name);
const ENTIRE = [10, 11, 20];

/** A data source with one migration, made of these two. */
function withMigration(
  up: MigrationInterface["up"],
  down: MigrationInterface["down"] = async () => {},
  options: Partial<SqliteDataSourceOptions> = {},
) {
  class Change1700000000000 implements MigrationInterface {
    up = up;
    down = down;
  }
  return open({ database: path(), migrations: [Change1700000000000], ...options });
}

/** Rebuilds the table, as TypeORM does for what SQLite's ALTER TABLE cannot. */
async function rebuildParent(runner: QueryRunner): Promise<void> {
  await runner.changeColumn(
    "parent",
    "name",
    new TableColumn({ name: "name", type: "varchar", isNullable: true, isUnique: true }),
  );
}

const executed = async () => (await rawRead(path(), "SELECT name FROM migrations")).length;

describe("a parent with ON DELETE CASCADE that is rebuilt keeps its children:", () => {
  beforeEach(() => rawExec(path(), FAMILY));

  test.each(["all", "each", "none"] as const)("by a migration, transaction mode %s", async (transaction) => {
    const dataSource = await withMigration(rebuildParent);
    await dataSource.runMigrations({ transaction });
    expect(await children()).toEqual(ENTIRE);
    expect(await parents()).toEqual(["one", "two"]);
    expect(await executed()).toBe(1);
    expect(await dataSource.query("PRAGMA foreign_keys")).toEqual([{ foreign_keys: 1 }]);
    await expect(dataSource.query("INSERT INTO child VALUES (99, 99)")).rejects.toThrow("FOREIGN KEY");
    await dataSource.query("DELETE FROM parent WHERE id = 1");
    expect(await children()).toEqual([20]);
  });

  test.each(["all", "each", "none"] as const)("by undoing one, transaction mode %s", async (transaction) => {
    const dataSource = await withMigration(async () => {}, rebuildParent);
    await dataSource.runMigrations();
    await dataSource.undoLastMigration({ transaction });
    expect(await children()).toEqual(ENTIRE);
    expect(await executed()).toBe(0);
    await expect(dataSource.query("INSERT INTO child VALUES (99, 99)")).rejects.toThrow("FOREIGN KEY");
  });

  test("by migrationsRun when it is opened", async () => {
    await withMigration(rebuildParent, undefined, { migrationsRun: true });
    expect(await children()).toEqual(ENTIRE);
    expect(await executed()).toBe(1);
  });

  test("by synchronize()", async () => {
    const Parent = new EntitySchema({
      name: "parent",
      columns: {
        id: { type: Number, primary: true },
        name: { type: String, unique: true },
        added: { type: Number, default: 7 },
      },
    });
    const dataSource = await open({ database: path(), entities: [Parent], synchronize: true });
    expect(await columns("parent")).toEqual(["id", "name", "added"]);
    expect(await children()).toEqual(ENTIRE);
    await expect(dataSource.query("INSERT INTO child VALUES (99, 99)")).rejects.toThrow("FOREIGN KEY");
  });

  test("by a query runner between beforeMigration() and afterMigration()", async () => {
    const dataSource = await open({ database: path() });
    const runner = dataSource.createQueryRunner();
    await runner.beforeMigration();
    expect(await runner.query("PRAGMA foreign_keys")).toEqual([{ foreign_keys: 0 }]);
    await runner.startTransaction();
    await rebuildParent(runner);
    await runner.commitTransaction();
    await runner.afterMigration();
    expect(await runner.query("PRAGMA foreign_keys")).toEqual([{ foreign_keys: 1 }]);
    await runner.startTransaction();
    expect(await runner.query("PRAGMA foreign_keys")).toEqual([{ foreign_keys: 1 }]);
    await runner.release();
    expect(await children()).toEqual(ENTIRE);
  });
});

describe("a migration that would leave rows that refer to nothing fails before the commit:", () => {
  beforeEach(() => rawExec(path(), FAMILY));

  const orphaning: [string, (runner: QueryRunner) => Promise<void>][] = [
    ["dropping a table", (runner) => runner.dropTable("parent")],
    [
      "changing the schema and deleting rows",
      async (runner) => {
        await runner.createTable(
          new Table({ name: "extra", columns: [{ name: "id", type: "integer", isPrimary: true }] }),
        );
        await runner.query("DELETE FROM parent WHERE id = 1");
      },
    ],
    [
      "deleting rows and then changing the schema",
      async (runner) => {
        await runner.query("DELETE FROM parent WHERE id = 1");
        await runner.query("CREATE TABLE extra (id INTEGER PRIMARY KEY)");
      },
    ],
    [
      "only deleting rows",
      async (runner) => {
        await runner.query("DELETE FROM parent WHERE id = 1");
      },
    ],
    [
      "inserting rows",
      async (runner) => {
        await runner.query("INSERT INTO child VALUES (99, 99)");
      },
    ],
  ];

  test.each(orphaning)("by %s; nothing is changed, and it may be run again", async (_, up) => {
    const dataSource = await withMigration(up);
    const refused = await rejection(dataSource.runMigrations());
    expect(await children()).toEqual(ENTIRE);
    expect(await parents()).toEqual(["one", "two"]);
    expect(await columns("extra")).toEqual([]);
    expect(await executed()).toBe(0);
    expect(refused).toMatchObject({ name: "DatabaseError", code: "FOREIGN_KEY_CHECK" });
    expect(refused.message).toContain("child -> parent");
    expect(dataSource.driver.lender.pool.writerStats.active).toBe(0);
    expect(await rejection(dataSource.runMigrations())).toMatchObject({ code: "FOREIGN_KEY_CHECK" });
  });

  test("undone, it is refused in the same way", async () => {
    const dataSource = await withMigration(
      async () => {},
      (runner) => runner.dropTable("parent"),
    );
    await dataSource.runMigrations();
    const refused = await rejection(dataSource.undoLastMigration());
    expect(refused).toMatchObject({ code: "FOREIGN_KEY_CHECK" });
    expect(await executed()).toBe(1);
    expect(await parents()).toEqual(["one", "two"]);
  });

  test("rows that referred to nothing before are not held against it", async () => {
    await rawExec(path(), "PRAGMA foreign_keys = OFF; INSERT INTO child VALUES (98, 98)");
    const dataSource = await withMigration(rebuildParent);
    await dataSource.runMigrations();
    expect(await children()).toEqual([...ENTIRE, 98]);
  });

  test("one that moves the children in time passes", async () => {
    const dataSource = await withMigration(async (runner) => {
      await runner.query("DELETE FROM parent WHERE id = 1");
      await runner.query("CREATE TABLE extra (id INTEGER PRIMARY KEY)");
      await runner.query("UPDATE child SET parentId = 2");
    });
    await dataSource.runMigrations();
    expect(await parents()).toEqual(["two"]);
    expect(await children()).toEqual(ENTIRE);
  });
});

describe("a migration that fails", () => {
  test("leaves nothing, whatever it did before, and the connection is as it was", async () => {
    await rawExec(path(), FAMILY);
    const dataSource = await withMigration(async (runner) => {
      await rebuildParent(runner);
      await runner.query("CREATE TABLE extra (id INTEGER PRIMARY KEY)");
      await runner.query("DELETE FROM child");
      throw new Error("deliberate");
    });
    await expect(dataSource.runMigrations()).rejects.toThrow("deliberate");
    expect(await children()).toEqual(ENTIRE);
    expect(await columns("extra")).toEqual([]);
    expect(await executed()).toBe(0);
    await expect(dataSource.query("INSERT INTO child VALUES (99, 99)")).rejects.toThrow("FOREIGN KEY");
  });
});

test.each(["ALL", "default", true, {}])(
  "the transaction mode %p is none, and no migration runs without a transaction",
  async (transaction) => {
    const dataSource = await withMigration((runner) => runner.query("CREATE TABLE half (id)"));
    for (const call of ["runMigrations", "undoLastMigration"] as const) {
      const error = await rejection(dataSource[call]({ transaction } as never));
      expect(error).toMatchObject({ name: "ConfigurationError", code: "CONFIGURATION" });
      expect(error.message).toContain("there are all, none, each");
    }
    const asOption = await withMigration(async () => {}, undefined, {
      migrationsTransactionMode: "one" as never,
    });
    await expect(asOption.runMigrations()).rejects.toThrow(
      "There is no transaction mode 'one' of migrations",
    );
    expect(await columns("half")).toEqual([]);
  },
);

describe("while a migration runs", () => {
  test("readers go on, and writers wait for their turn", async () => {
    await rawExec(path(), FAMILY);
    const entered = deferred();
    const leave = deferred();
    const dataSource = await withMigration(async (runner) => {
      await rebuildParent(runner);
      entered.resolve();
      await leave.promise;
    });
    const migrated = dataSource.runMigrations();
    await entered.promise;
    expect(await dataSource.query("SELECT count(*) AS n FROM parent")).toEqual([{ n: 2 }]);
    // Deletes the children too: with the foreign keys of its own connection, not those of the migration.
    const deleted = dataSource.query("DELETE FROM parent WHERE id = 1");
    await until(() => dataSource.driver.lender.pool.writerStats.waiting === 1);
    expect(await isPending(deleted)).toBe(true);
    leave.resolve();
    await Promise.all([migrated, deleted]);
    expect(await children()).toEqual([20]);
  });
});

describe("synchronize()", () => {
  const Thing = new EntitySchema({
    name: "thing",
    columns: { id: { type: Number, primary: true, generated: true }, text: { type: String, default: "new" } },
  });

  test("sees what another connection has changed since", async () => {
    const dataSource = await open({ database: path(), entities: [Thing], synchronize: true });
    await dataSource.synchronize();
    await rawExec(
      path(),
      "DROP TABLE thing; CREATE TABLE thing (id integer PRIMARY KEY AUTOINCREMENT NOT NULL); INSERT INTO thing VALUES (1)",
    );
    await dataSource.synchronize();
    expect(await columns("thing")).toEqual(["id", "text"]);
    expect(await dataSource.manager.find(Thing)).toEqual([{ id: 1, text: "new" }]);
  });

  test("changes nothing when there is nothing to change", async () => {
    const dataSource = await open({ database: path(), entities: [Thing], synchronize: true });
    const before = await rawRead(path(), "PRAGMA schema_version");
    await dataSource.synchronize();
    expect(await rawRead(path(), "PRAGMA schema_version")).toEqual(before);
  });

  test("that fails leaves nothing", async () => {
    await rawExec(path(), "CREATE TABLE thing (id integer PRIMARY KEY AUTOINCREMENT NOT NULL, text varchar)");
    await rawExec(path(), "INSERT INTO thing VALUES (1, NULL)");
    // Sorted before the table that cannot be changed.
    const First = new EntitySchema({ name: "first", columns: { id: { type: Number, primary: true } } });
    const refused = await rejection(open({ database: path(), entities: [First, Thing], synchronize: true }));
    expect(refused.message).toContain("NOT NULL");
    expect(await columns("first")).toEqual([]);
    expect(await rawRead(path(), "SELECT * FROM thing")).toEqual([{ id: 1, text: null }]);
  });
});
