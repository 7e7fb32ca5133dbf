import {
  Check,
  ChildEntity,
  Column,
  Entity,
  Index,
  JoinTable,
  ManyToMany,
  ManyToOne,
  PrimaryGeneratedColumn,
  type Relation,
  TableInheritance,
  Tree,
  TreeChildren,
  TreeParent,
  Unique,
  ViewColumn,
  ViewEntity,
} from "typeorm";
import { entities } from "../../entities";
import { SqliteDataSource } from "../../src/driver/sqlite-data-source";
import { ReadonlyError } from "../../src/errors";
import type { SqliteDatabase } from "../../src/sqlite-database";
import { testDatabases } from "../support/databases";
import { rawExec, rawRead } from "../support/raw-database";
import { schemaOf } from "../support/schema-of";
import { SilentLogger } from "../support/silent-logger";
import { Account, NOTES, Note } from "../support/small-entities";
import { StatementLog } from "../support/statement-log";

const databases = testDatabases();

@Entity("parts")
@Tree("closure-table")
@Unique("parts_code", ["code", "revision"])
@Check("parts_revision", `"revision" > 0`)
@Index("parts_expensive", ["price"], { where: `"price" > 1000` })
@Index("parts_name", ["name"], { unique: true })
class Part {
  @PrimaryGeneratedColumn("uuid")
  id!: string;

  @Column({ collation: "NOCASE" })
  name!: string;

  @Column({ default: "none" })
  code!: string;

  @Column("integer", { default: 1 })
  revision!: number;

  @Column("decimal", { precision: 10, scale: 2, nullable: true })
  price!: string | null;

  @Column({ asExpression: "name || ' ' || code", generatedType: "STORED", insert: false })
  label!: string;

  @Column({ asExpression: "length(name)", generatedType: "VIRTUAL", insert: false })
  length!: number;

  @TreeParent({ onDelete: "CASCADE" })
  parent!: Relation<Part> | null;

  @TreeChildren()
  children!: Relation<Part>[];

  @ManyToMany(() => Part)
  @JoinTable({ name: "part_replacements" })
  replacements!: Relation<Part>[];
}

@Entity("machines")
@TableInheritance({ column: { type: "varchar", name: "kind" } })
class Machine {
  @PrimaryGeneratedColumn()
  id!: number;

  @ManyToOne(() => Part, { onDelete: "SET NULL", onUpdate: "CASCADE", deferrable: "INITIALLY DEFERRED" })
  part!: Relation<Part>;
}

@ChildEntity("drill")
class Drill extends Machine {
  @Column("integer", { nullable: true })
  diameter!: number;
}

@ViewEntity({ name: "a_part_names", expression: "SELECT name FROM part_labels", dependsOn: ["PartLabel"] })
class PartName {
  @ViewColumn()
  name!: string;
}

@ViewEntity({ name: "part_labels", expression: `SELECT "label", "name" FROM "parts"` })
class PartLabel {
  @ViewColumn()
  label!: string;

  @ViewColumn()
  name!: string;
}

@Entity("unmanaged", { synchronize: false })
class Unmanaged {
  @PrimaryGeneratedColumn()
  id!: number;
}

const machinery = [Part, Machine, Drill, PartName, PartLabel];

/** What changed the database, of all that was logged. */
class Changes extends SilentLogger {
  readonly statements: string[] = [];

  override logQuery(query: string): void {
    if (!/^\s*(SELECT|PRAGMA|BEGIN|COMMIT|ROLLBACK)\b/i.test(query)) this.statements.push(query);
  }
}

describe.each([
  ["the entities of the demo", entities],
  ["generated columns, trees, inheritance and views that depend on each other", machinery],
])("of %s", (_, managed) => {
  test("creates exactly what TypeORM's synchronize does", async () => {
    const synchronized = databases.folder.file("synchronized.db");
    const dataSource = new SqliteDataSource({ database: synchronized, entities: managed, synchronize: true });
    await dataSource.initialize();
    await dataSource.destroy();

    const database = await databases.open({ entities: managed });
    const created = await schemaOf(databases.path);
    expect(Object.keys(created).length).toBeGreaterThanOrEqual(database.dataSource.entityMetadatas.length);
    expect(created).toEqual(await schemaOf(synchronized));
    const notes = `SELECT "type", "table", "name", "value" FROM typeorm_metadata ORDER BY 1, 2, 3`;
    expect(await rawRead(databases.path, notes)).toEqual(await rawRead(synchronized, notes));
  });

  test("leaves nothing to do for synchronize(), or for itself", async () => {
    const echo = new Changes();
    const database = await databases.open({ entities: managed, echo });
    expect(echo.statements.some((statement) => statement.startsWith("CREATE TABLE"))).toBe(true);
    const created = await schemaOf(databases.path);
    echo.statements.length = 0;
    await database.synchronize();
    await database.createAll();
    await database.close();
    await database.init();
    expect(echo.statements).toEqual([]);
    expect(await schemaOf(databases.path)).toEqual(created);
  });
});

test("enforces the foreign keys that it created", async () => {
  const database = await databases.open({ entities });
  await expect(
    database.exec("INSERT INTO cities (name, latitude, longitude, country) VALUES ('Nowhere', 0, 0, 'XX')"),
  ).rejects.toMatchObject({ kind: "foreignKey" });
});

test("leaves alone an existing table of the same name, in whatever case, and its rows", async () => {
  await rawExec(
    databases.path,
    "CREATE TABLE Notes (text TEXT, other TEXT); INSERT INTO Notes VALUES ('kept', 'column')",
  );
  const before = await schemaOf(databases.path);
  const database = await databases.open({ entities: [Note] });
  await database.createAll();
  expect(await schemaOf(databases.path)).toEqual(before);
  expect(await rawRead(databases.path, "SELECT * FROM notes")).toEqual([{ text: "kept", other: "column" }]);
});

test("takes a view of the same name for the table, and a table for the view", async () => {
  await rawExec(
    databases.path,
    "CREATE VIEW notes AS SELECT 1 AS id, 'by a view' AS text; CREATE TABLE part_labels (x)",
  );
  const database = await databases.open({ entities: [Note, Part, PartLabel] });
  expect(await database.getRepository(Note).find()).toEqual([{ id: 1, text: "by a view" }]);
  expect(await rawRead(databases.path, "SELECT type FROM sqlite_schema WHERE name = 'part_labels'")).toEqual([
    { type: "table" },
  ]);
});

test("creates what is missing beside what is there, and leaves foreign tables alone", async () => {
  await rawExec(
    databases.path,
    "CREATE TABLE foreign_table (x REFERENCES notes); CREATE INDEX foreign_index ON foreign_table (x)",
  );
  const database = await databases.open({ entities: [Note] });
  await database.getRepository(Note).insert({ text: "kept" });
  const before = await schemaOf(databases.path);
  await database.close();

  const grown = await databases.open({ entities: [Note, ...machinery] });
  expect(await schemaOf(databases.path)).toMatchObject(before);
  expect(await rawRead(databases.path, NOTES)).toEqual([{ text: "kept" }]);
  await grown.manager.insert(Part, { name: "bolt" });
  expect(await grown.manager.find(PartName)).toEqual([{ name: "bolt" }]);
});

test("never alters a table", async () => {
  await rawExec(databases.path, "CREATE TABLE notes (id integer PRIMARY KEY)");
  const database = await databases.open({ entities: [Note] });
  await expect(database.getRepository(Note).insert({ text: "new" })).rejects.toThrow(/no column named text/);
});

test("looks once in an empty database, and without the writer's turn in any other", async () => {
  const echo = new StatementLog();
  const begins = () => echo.take().map((sql) => sql.slice(0, 6));
  const database = await databases.open({ entities: [Note], echo });
  expect(begins()).toEqual(["BEGIN ", "SELECT", "CREATE", "COMMIT"]);
  await database.close();
  await database.init();
  expect(begins()).toEqual(["SELECT"]);
});

test("leaves out entities with synchronize: false", async () => {
  await databases.open({ entities: [Note, Unmanaged] });
  expect(Object.keys(await schemaOf(databases.path))).toEqual(["table notes"]);
});

test("does nothing without entities", async () => {
  await databases.open();
  expect(await schemaOf(databases.path)).toEqual({});
});

test("works in memory", async () => {
  const database = await databases.open({ entities }, ":memory:");
  for (const { tablePath } of database.dataSource.entityMetadatas) {
    expect((await database.exec(`SELECT * FROM "${tablePath}"`)).rows).toEqual([]);
  }
});

test("can be called by several at the same time", async () => {
  const database = await databases.open({ entities, createAll: false });
  const others = [databases.make({ entities }), databases.make({ entities })];
  await Promise.all([...others.map((other) => other.init()), database.createAll(), database.createAll()]);
  expect(Object.keys(await schemaOf(databases.path))).toContain("view country_statistics");
});

test("brings back what was dropped behind its back", async () => {
  const database = await databases.open({ entities: [Note] });
  await rawExec(databases.path, "DROP TABLE notes");
  await database.createAll();
  await database.getRepository(Note).insert({ text: "again" });
  expect(await rawRead(databases.path, NOTES)).toEqual([{ text: "again" }]);
});

test("waits for the writer before it, and is not seen by anyone before it is through", async () => {
  const database = await databases.open({ entities, createAll: false });
  await using writer = await database.openSession();
  await writer.exec("CREATE TABLE mine (x)");
  const created = database.createAll();
  await writer.commit();
  let through = false;
  const seen = new Set<unknown>();
  const watching = (async () => {
    while (!through) {
      const [row] = await rawRead(
        databases.path,
        "SELECT count(*) AS n FROM sqlite_schema WHERE type = 'table'",
      );
      seen.add(row?.n);
    }
  })();
  await created;
  through = true;
  await watching;
  const all = Object.keys(await schemaOf(databases.path)).filter((name) => name.startsWith("table ")).length;
  // Without and with sqlite_sequence, which comes with the first AUTOINCREMENT.
  expect([...seen].every((count) => count === 1 || count === all + 1)).toBe(true);
});

test("inside a session is part of it, and undone with it", async () => {
  const database = await databases.open({ entities: [Note], createAll: false });
  const undone = database.session(async (session) => {
    await database.createAll();
    await session.exec("INSERT INTO notes (text) VALUES ('one')");
    throw new Error("boom");
  });
  await expect(undone).rejects.toThrow("boom");
  expect(await rawRead(databases.path, "SELECT name FROM sqlite_schema")).toEqual([]);
});

describe("in a session that only reads", () => {
  const readonly = { readonly: true };

  test.each<[string, string | undefined, (database: SqliteDatabase) => Promise<unknown>]>([
    ["by itself", undefined, (database) => database.session(() => database.createAll(), readonly)],
    [
      "inside of one that writes",
      undefined,
      (database) => database.session(() => database.session(() => database.createAll(), readonly)),
    ],
    [
      "in memory",
      ":memory:",
      (database) =>
        database.session(async () => {
          await database.exec("SELECT 1");
          await database.createAll();
        }, readonly),
    ],
  ])("%s nothing is created", async (_, location, work) => {
    const database = await databases.open({ entities: [Note, Account], createAll: false }, location);
    await expect(work(database)).rejects.toThrow(ReadonlyError);
    expect((await database.exec("SELECT count(*) FROM sqlite_schema")).scalar()).toBe(0);
    await database.createAll();
  });
});
