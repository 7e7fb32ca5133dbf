import {
  Column,
  Entity,
  ManyToOne,
  type MigrationInterface,
  PrimaryColumn,
  type QueryRunner,
  type Relation,
  Table,
  TableColumn,
} from "typeorm";
import type { SqliteDatabaseOptions } from "../../src/options/sqlite-database-options";
import type { SqliteDatabase } from "../../src/sqlite-database";
import { testDatabases } from "../support/databases";
import { rawExec, rawRead } from "../support/raw-database";
import { schemaOf } from "../support/schema-of";
import { SilentLogger } from "../support/silent-logger";
import { Note } from "../support/small-entities";

const databases = testDatabases();
const boom = new Error("boom");
const echo = new SilentLogger();

/** A parent, a child and a grandchild that go with it, and one that keeps it from going. */
const FAMILY = `
  CREATE TABLE parents (id integer PRIMARY KEY NOT NULL, name varchar NOT NULL);
  CREATE TABLE children (id integer PRIMARY KEY NOT NULL,
    parentId integer REFERENCES parents (id) ON DELETE CASCADE);
  CREATE TABLE grandchildren (id integer PRIMARY KEY NOT NULL,
    childId integer REFERENCES children (id) ON DELETE CASCADE);
  CREATE TABLE guests (id integer PRIMARY KEY NOT NULL,
    hostId integer DEFAULT 1 REFERENCES parents (id) ON DELETE SET DEFAULT);
  INSERT INTO parents VALUES (1, 'ada'), (2, 'bob');
  INSERT INTO children VALUES (10, 1), (20, 2);
  INSERT INTO grandchildren VALUES (100, 10);
  INSERT INTO guests VALUES (1000, 2);
`;

async function family(): Promise<unknown> {
  const rows = (sql: string) => rawRead(databases.path, sql);
  return {
    parents: await rows("SELECT id, name FROM parents ORDER BY id"),
    children: await rows("SELECT id, parentId FROM children ORDER BY id"),
    grandchildren: await rows("SELECT id, childId FROM grandchildren ORDER BY id"),
    guests: await rows("SELECT id, hostId FROM guests ORDER BY id"),
  };
}

const WHOLE_FAMILY = {
  parents: [
    { id: 1, name: "ada" },
    { id: 2, name: "bob" },
  ],
  children: [
    { id: 10, parentId: 1 },
    { id: 20, parentId: 2 },
  ],
  grandchildren: [{ id: 100, childId: 10 }],
  guests: [{ id: 1000, hostId: 2 }],
};

beforeEach(async () => {
  await rawExec(databases.path, FAMILY);
});

/** TypeORM rebuilds a table to change a column: a new table, a copy of the rows, DROP TABLE, a new name. */
async function rebuildParents(runner: QueryRunner, length: string): Promise<void> {
  const table = await runner.getTable("parents");
  const name = table!.findColumnByName("name")!;
  const changed = new TableColumn({ ...name, length });
  await runner.changeColumn("parents", "name", changed);
}

class RebuildParents1700000000001 implements MigrationInterface {
  up(runner: QueryRunner): Promise<void> {
    return rebuildParents(runner, "100");
  }
  down(runner: QueryRunner): Promise<void> {
    return rebuildParents(runner, "50");
  }
}

class CreatePets1700000000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.createTable(
      new Table({ name: "pets", columns: [{ name: "id", type: "integer", isPrimary: true }] }),
    );
  }
  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable("pets");
  }
}

/** A migration with the `up` of the test. */
let up: (runner: QueryRunner) => Promise<unknown> = async () => {};
class OfTheTest1700000000003 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await up(runner);
  }
  async down(): Promise<void> {}
}

const MODES = ["all", "each", "none"] as const;

async function columnType(table: string, column: string): Promise<unknown> {
  const [row] = await rawRead(
    databases.path,
    `SELECT type FROM pragma_table_info('${table}') WHERE name = '${column}'`,
  );
  return String(row?.type).toLowerCase();
}

async function assertForeignKeysAreOn(database: SqliteDatabase): Promise<void> {
  await expect(database.exec("INSERT INTO children VALUES (99, 99)")).rejects.toMatchObject({
    kind: "foreignKey",
  });
  await database.session(async (session) => {
    await expect(session.exec("INSERT INTO children VALUES (99, 99)")).rejects.toMatchObject({
      kind: "foreignKey",
    });
  });
}

describe("synchronize", () => {
  @Entity("parents")
  class Parent {
    @PrimaryColumn("integer")
    id!: number;
    @Column({ length: 100 })
    name!: string;
    @Column({ default: "unknown" })
    address!: string;
  }
  @Entity("children")
  class Child {
    @PrimaryColumn("integer")
    id!: number;
    @ManyToOne(() => Parent, { onDelete: "CASCADE" })
    parent!: Relation<Parent>;
  }

  test.each<[string, SqliteDatabaseOptions, (database: SqliteDatabase) => Promise<unknown>]>([
    ["on init", { synchronize: true }, async () => {}],
    ["by the database", {}, (database) => database.synchronize()],
    ["by the data source", {}, (database) => database.dataSource.synchronize()],
  ])("%s rebuilds a CASCADE parent without losing its children", async (_, options, synchronize) => {
    const database = await databases.open({ entities: [Parent, Child], ...options });
    await synchronize(database);
    expect(await columnType("parents", "address")).toBe("varchar");
    expect(await columnType("parents", "name")).toBe("varchar(100)");
    expect(await family()).toEqual(WHOLE_FAMILY);
    expect(
      await database.manager.find(Child, { relations: { parent: true }, order: { id: "ASC" } }),
    ).toMatchObject([
      { id: 10, parent: { id: 1, address: "unknown" } },
      { id: 20, parent: { id: 2 } },
    ]);
    await assertForeignKeysAreOn(database);
  });

  test("that fails in the middle changes nothing", async () => {
    @Entity("parents")
    class Impossible {
      @PrimaryColumn("integer")
      id!: number;
      @Column({ length: 100 })
      name!: string;
      @Column({ unique: true, default: "the same for all" })
      unique!: string;
    }
    const database = await databases.open({ entities: [Note, Impossible], createAll: false });
    const before = await schemaOf(databases.path);
    await expect(database.synchronize()).rejects.toMatchObject({ kind: "unique" });
    expect(await schemaOf(databases.path)).toEqual(before);
    expect(await family()).toEqual(WHOLE_FAMILY);
    await assertForeignKeysAreOn(database);
  });
});

test("synchronize that would leave rows that refer to nothing fails and changes nothing", async () => {
  @Entity("parents")
  class Owner {
    @PrimaryColumn("integer")
    id!: number;
    @Column()
    name!: string;
  }
  @Entity("pets")
  class Pet {
    @PrimaryColumn("integer")
    id!: number;
    @ManyToOne(() => Owner)
    owner!: Relation<Owner>;
  }
  await rawExec(
    databases.path,
    "CREATE TABLE pets (id integer PRIMARY KEY NOT NULL, ownerId integer); INSERT INTO pets VALUES (1, 99)",
  );
  const before = await schemaOf(databases.path);
  const database = await databases.open({ entities: [Owner, Pet], createAll: false, echo });
  await expect(database.synchronize()).rejects.toMatchObject({ code: "FOREIGN_KEY_CHECK" });
  expect(await schemaOf(databases.path)).toEqual(before);
});

describe.each(MODES)("migrations with transaction: %s", (transaction) => {
  const open = (...migrations: (new () => MigrationInterface)[]) => databases.open({ migrations, echo });

  test("rebuild a CASCADE parent without losing its children, and so does undoing them", async () => {
    const database = await open(RebuildParents1700000000001);
    const done = await database.runMigrations({ transaction });
    expect(done.map(({ name }) => name)).toEqual(["RebuildParents1700000000001"]);
    expect(await columnType("parents", "name")).toBe("varchar(100)");
    expect(await family()).toEqual(WHOLE_FAMILY);
    await assertForeignKeysAreOn(database);

    await database.undoLastMigration({ transaction });
    expect(await columnType("parents", "name")).toBe("varchar(50)");
    expect(await family()).toEqual(WHOLE_FAMILY);
    await assertForeignKeysAreOn(database);
    expect(await database.showMigrations()).toBe(true);
  });

  test("run in their order, once, and are shown", async () => {
    const database = await open(CreatePets1700000000002, RebuildParents1700000000001);
    expect(await database.showMigrations()).toBe(true);
    const done = await database.runMigrations({ transaction });
    expect(done.map(({ name }) => name)).toEqual(["RebuildParents1700000000001", "CreatePets1700000000002"]);
    expect(await database.showMigrations()).toBe(false);
    expect(await database.runMigrations({ transaction })).toEqual([]);
    await database.undoLastMigration({ transaction });
    expect(Object.keys(await schemaOf(databases.path))).not.toContain("table pets");
    expect(await columnType("parents", "name")).toBe("varchar(100)");
    expect(await database.showMigrations()).toBe(true);
  });

  test("let a query in the migration see and do what TypeORM's runner can", async () => {
    up = async (runner) => {
      await runner.addColumn("children", new TableColumn({ name: "toy", type: "varchar", isNullable: true }));
      await runner.manager.query("UPDATE children SET toy = 'ball' WHERE id = ?", [10]);
      await runner.query("INSERT INTO parents VALUES (3, 'eve')");
      expect(await runner.query("SELECT count(*) AS n FROM parents")).toEqual([{ n: 3 }]);
    };
    const database = await open(OfTheTest1700000000003);
    await database.runMigrations({ transaction });
    expect((await database.exec("SELECT toy FROM children ORDER BY id")).scalars()).toEqual(["ball", null]);
  });

  test("keep whoever writes meanwhile waiting, and out of them", async () => {
    let bystander: Promise<unknown> | undefined;
    let database: SqliteDatabase | undefined;
    up = async (runner) => {
      await rebuildParents(runner, "100");
      bystander = database?.exec("INSERT INTO parents VALUES (3, 'bystander')");
      bystander?.catch(() => {});
      if (transaction !== "none") throw boom;
    };
    database = await open(OfTheTest1700000000003);
    const migrated = database.runMigrations({ transaction });
    if (transaction === "none") await migrated;
    else await expect(migrated).rejects.toBe(boom);
    await bystander;
    expect((await database.exec("SELECT name FROM parents WHERE id = 3")).scalar()).toBe("bystander");
    await assertForeignKeysAreOn(database);
  });
});

describe.each(["all", "each"] as const)("a migration with transaction: %s", (transaction) => {
  const open = () => databases.open({ migrations: [CreatePets1700000000002, OfTheTest1700000000003], echo });

  test("that throws has changed nothing, and can be run again", async () => {
    let fails = true;
    up = async (runner) => {
      await rebuildParents(runner, "100");
      await runner.query("DELETE FROM guests");
      if (fails) throw boom;
    };
    const database = await open();
    await expect(database.runMigrations({ transaction })).rejects.toBe(boom);
    expect(await family()).toEqual(WHOLE_FAMILY);
    expect(await columnType("parents", "name")).toBe("varchar");
    // Of those before it, "all" takes back every one, "each" none.
    expect(Object.keys(await schemaOf(databases.path)).includes("table pets")).toBe(transaction === "each");
    await assertForeignKeysAreOn(database);
    fails = false;
    await database.runMigrations({ transaction });
    expect(await columnType("parents", "name")).toBe("varchar(100)");
  });

  test.each<[string, (runner: QueryRunner) => Promise<unknown>]>([
    [
      "after it changed the schema",
      async (runner) => {
        await rebuildParents(runner, "100");
        await runner.query("DELETE FROM parents WHERE id = 1");
      },
    ],
    [
      "before it changes the schema",
      async (runner) => {
        await runner.query("DELETE FROM parents WHERE id = 1");
        await rebuildParents(runner, "100");
      },
    ],
    ["without changing the schema", (runner) => runner.query("DELETE FROM parents WHERE id = 1")],
    ["by updating a key", (runner) => runner.query("UPDATE parents SET id = 11 WHERE id = 1")],
    ["by a new row", (runner) => runner.query("INSERT INTO children VALUES (30, 3)")],
    ["by dropping the table", (runner) => runner.dropTable("parents")],
  ])("that would leave rows that refer to nothing, %s, fails and changes nothing", async (_, orphan) => {
    // A row that refers to nothing already, from a time without foreign keys, is not held against it.
    await rawExec(databases.path, "INSERT INTO children VALUES (40, 404)");
    const whole = await family();
    up = orphan;
    const database = await open();
    const before = await schemaOf(databases.path);
    await expect(database.runMigrations({ transaction })).rejects.toMatchObject({
      code: "FOREIGN_KEY_CHECK",
      message: expect.stringMatching(/would leave .*children -> parents .*Nothing was changed/),
    });
    expect(await family()).toEqual(whole);
    expect(await schemaOf(databases.path)).toMatchObject(before);
    expect(await database.showMigrations()).toBe(true);
    up = async () => {};
    await database.runMigrations({ transaction });
    expect(await database.showMigrations()).toBe(false);
  });

  test("may leave rows alone that referred to nothing before", async () => {
    await rawExec(databases.path, "INSERT INTO children VALUES (40, 404)");
    up = (runner) => rebuildParents(runner, "100");
    const database = await open();
    await database.runMigrations({ transaction });
    expect(await columnType("parents", "name")).toBe("varchar(100)");
    expect(await rawRead(databases.path, "SELECT * FROM children WHERE id = 40")).toEqual([
      { id: 40, parentId: 404 },
    ]);
  });
});

test("undoing a migration that would leave rows that refer to nothing fails and changes nothing", async () => {
  class GrowFamily1700000000004 implements MigrationInterface {
    async up(runner: QueryRunner): Promise<void> {
      await runner.query("INSERT INTO parents VALUES (3, 'eve')");
    }
    async down(runner: QueryRunner): Promise<void> {
      await rebuildParents(runner, "100");
      await runner.query("DELETE FROM parents WHERE id = 3");
    }
  }
  const database = await databases.open({ migrations: [GrowFamily1700000000004] });
  await database.runMigrations();
  await database.exec("INSERT INTO children VALUES (30, 3)");
  await expect(database.undoLastMigration()).rejects.toMatchObject({ code: "FOREIGN_KEY_CHECK" });
  expect(await database.showMigrations()).toBe(false);
  expect(await columnType("parents", "name")).toBe("varchar");
  expect((await database.exec("SELECT name FROM parents WHERE id = 3")).scalar()).toBe("eve");
  await assertForeignKeysAreOn(database);
});

test("a migration without a transaction that leaves rows that refer to nothing says so", async () => {
  up = async (runner) => {
    await runner.query("DELETE FROM parents WHERE id = 1");
  };
  const database = await databases.open({ migrations: [OfTheTest1700000000003] });
  await expect(database.runMigrations({ transaction: "none" })).rejects.toMatchObject({
    code: "FOREIGN_KEY_CHECK",
    message: expect.stringMatching(/has left .*children -> parents .*what it changed is kept/),
  });
  expect(await rawRead(databases.path, "SELECT id FROM parents WHERE id = 1")).toEqual([]);
  expect(await database.showMigrations()).toBe(false);
});

test("migrationsRun runs them on init, before createAll", async () => {
  up = (runner) =>
    runner.query("CREATE TABLE notes (id integer PRIMARY KEY, text varchar, migrated integer)");
  const database = await databases.open({
    entities: [Note],
    migrations: [RebuildParents1700000000001, OfTheTest1700000000003],
    migrationsRun: true,
  });
  expect(await database.showMigrations()).toBe(false);
  expect(await columnType("parents", "name")).toBe("varchar(100)");
  expect(await columnType("notes", "migrated")).toBe("integer");
  expect(await family()).toEqual(WHOLE_FAMILY);
});

test("fake migrations are noted and not run", async () => {
  const database = await databases.open({ migrations: [RebuildParents1700000000001] });
  await database.runMigrations({ fake: true });
  expect(await database.showMigrations()).toBe(false);
  expect(await columnType("parents", "name")).toBe("varchar");
});

test("without any, running, undoing and showing them does nothing", async () => {
  const database = await databases.open();
  expect(await database.runMigrations()).toEqual([]);
  await database.undoLastMigration();
  expect(await database.showMigrations()).toBe(false);
  expect(await family()).toEqual(WHOLE_FAMILY);
});
