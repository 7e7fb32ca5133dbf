import { Column, Entity, PrimaryGeneratedColumn, ViewColumn, ViewEntity } from "typeorm";
import { City, Country, CountryStatistics, entities, Tag } from "../../entities";
import { DatabaseError } from "../../src/errors";
import { testDatabases } from "../support/databases";
import { RawDatabase, rawExec, rawRead } from "../support/raw-database";
import { schemaOf } from "../support/schema-of";
import { Account, NOTES, Note } from "../support/small-entities";

const databases = testDatabases();

@Entity("measures")
class Measure {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column("integer")
  value!: number;

  @Column({ asExpression: "value * 2", generatedType: "STORED", insert: false })
  twice!: number;
}

@ViewEntity({
  name: "a_large",
  expression: "SELECT value FROM positive WHERE value > 100",
  dependsOn: ["Positive"],
})
class Large {
  @ViewColumn()
  value!: number;
}

@ViewEntity({ name: "positive", expression: "SELECT value FROM measures WHERE value > 0" })
class Positive {
  @ViewColumn()
  value!: number;
}

test("drops every table, junction table and view of the entities, with a cycle of foreign keys and rows in it", async () => {
  const database = await databases.open({ entities });
  await database.session(async ({ manager }) => {
    const france = await manager.save(manager.create(Country, { iso2: "FR", name: "France" }));
    const paris = await manager.save(
      manager.create(City, { name: "Paris", latitude: 48.85, longitude: 2.35, country: france }),
    );
    france.capital = paris;
    await manager.save(france);
  });
  expect(await database.manager.count(CountryStatistics)).toBe(1);
  await database.dropAll();
  expect(await schemaOf(databases.path)).toEqual({});
  await database.createAll();
  expect(await database.manager.count(City)).toBe(0);
});

test("leaves what is not of the entities, with rows that refer to what was dropped", async () => {
  const database = await databases.open({ entities: [Note, Measure, Positive, Large] });
  await database.execScript(`
    INSERT INTO notes (text) VALUES ('gone');
    CREATE TABLE keepers (note integer REFERENCES notes ON DELETE CASCADE, text);
    CREATE TABLE strict_keepers (note integer REFERENCES notes ON DELETE RESTRICT);
    INSERT INTO keepers VALUES (1, 'kept');
    INSERT INTO strict_keepers VALUES (1);
    CREATE INDEX keepers_text ON keepers (text);
    CREATE VIEW keeper_texts AS SELECT text FROM keepers;
    INSERT INTO typeorm_metadata ("type", "table", "name", "value") VALUES ('VIEW', NULL, 'keeper_texts', 'foreign');
  `);
  await database.dropAll();
  expect(Object.keys(await schemaOf(databases.path)).sort()).toEqual([
    "table keepers",
    "table strict_keepers",
    "table typeorm_metadata",
    "view keeper_texts",
  ]);
  expect(await rawRead(databases.path, "SELECT * FROM keepers")).toEqual([{ note: 1, text: "kept" }]);
  expect(await rawRead(databases.path, "SELECT * FROM strict_keepers")).toEqual([{ note: 1 }]);
  expect(await rawRead(databases.path, "SELECT name FROM typeorm_metadata")).toEqual([
    { name: "keeper_texts" },
  ]);
});

test("forgets what TypeORM has noted about them, so that they can be created again", async () => {
  const database = await databases.open({ entities: [Measure, Positive, Large] });
  const created = await schemaOf(databases.path);
  await database.dropAll();
  expect(await schemaOf(databases.path)).toEqual({});
  await database.createAll();
  expect(await schemaOf(databases.path)).toEqual(created);
  await database.manager.insert(Measure, { value: 200 });
  expect(await database.manager.find(Large)).toEqual([{ value: 200 }]);
  expect(await database.manager.findOneBy(Measure, { value: 200 })).toMatchObject({ twice: 400 });
});

test("of what is partly there, or not at all, drops what is there", async () => {
  const database = await databases.open({ entities: [Note, Account] });
  await rawExec(databases.path, "DROP TABLE notes");
  await database.dropAll();
  await database.dropAll();
  expect(await schemaOf(databases.path)).toEqual({});
});

test("drops all or nothing", async () => {
  // The table of the last entity is a view of someone else's, which DROP TABLE refuses.
  await rawExec(
    databases.path,
    "CREATE TABLE other (id, balance); CREATE VIEW accounts AS SELECT * FROM other",
  );
  const database = await databases.open({ entities: [Note, Measure, Positive, Account] });
  await database.getRepository(Note).insert({ text: "kept" });
  const before = await schemaOf(databases.path);
  await expect(database.dropAll()).rejects.toThrow(/accounts/);
  expect(await schemaOf(databases.path)).toEqual(before);
  expect(await rawRead(databases.path, NOTES)).toEqual([{ text: "kept" }]);
});

test("leaves foreign keys switched on for everyone after it, also where it failed", async () => {
  await rawExec(
    databases.path,
    "CREATE TABLE other (id, balance); CREATE VIEW accounts AS SELECT * FROM other",
  );
  const database = await databases.open({ entities: [Tag, ...entities, Account] });
  const orphan = () =>
    database.exec("INSERT INTO cities (name, latitude, longitude, country) VALUES ('Nowhere', 0, 0, 'XX')");
  await expect(database.dropAll()).rejects.toThrow();
  await expect(orphan()).rejects.toMatchObject({ kind: "foreignKey" });
  await rawExec(databases.path, "DROP VIEW accounts");
  await database.dropAll();
  await database.createAll();
  await expect(orphan()).rejects.toMatchObject({ kind: "foreignKey" });
  await database.session(async (session) => {
    expect((await session.exec("PRAGMA foreign_keys")).scalar()).toBe(1);
  });
});

test("works in memory, and leaves foreign keys switched on there too", async () => {
  const database = await databases.open({ entities }, ":memory:");
  await database.manager.insert(Country, { iso2: "FR", name: "France" });
  await database.dropAll();
  expect((await database.exec("SELECT name FROM sqlite_schema WHERE type <> 'index'")).scalars()).toEqual([
    "sqlite_sequence",
  ]);
  expect((await database.exec("PRAGMA foreign_keys")).scalar()).toBe(1);
});

test("is not seen by anyone before it is through", async () => {
  const database = await databases.open({ entities: [Note, Account] });
  const other = await RawDatabase.open(databases.path);
  try {
    await other.exec("BEGIN; SELECT * FROM notes");
    await other.all("SELECT * FROM notes");
    await database.dropAll();
    expect(await other.all("SELECT * FROM notes")).toEqual([]);
    await other.exec("COMMIT");
    await expect(other.all("SELECT * FROM notes")).rejects.toThrow("no such table");
  } finally {
    await other.close();
  }
});

describe.each<[string, "refused" | "takes part"]>([
  ["createAll", "takes part"],
  ["dropAll", "refused"],
  ["synchronize", "refused"],
  ["runMigrations", "refused"],
  ["undoLastMigration", "refused"],
  ["vacuum", "refused"],
  ["close", "refused"],
])("%s inside a session", (call, expected) => {
  const name = call as "createAll";

  test.each([
    ["that has begun", true],
    ["that has not begun", false],
  ])(
    `${expected === "refused" ? "is refused before anything is touched" : "takes part in it"}: one %s`,
    async (_, begun) => {
      const database = await databases.open({ entities: [Note, Account] });
      await database.getRepository(Note).insert({ text: "kept" });
      await rawExec(databases.path, "DROP TABLE accounts");
      const before = await schemaOf(databases.path);
      const session = database.session(async ({ manager }) => {
        if (begun) await manager.insert(Note, { text: "by the session" });
        if (expected === "takes part") {
          await database[name]();
          expect(await manager.count(Account)).toBe(0);
          throw new Error("undone");
        }
        for (const around of [
          () => database[name](),
          () => database.session(() => database[name]()),
          () => manager.transaction(() => database[name]()),
        ]) {
          await expect(around()).rejects.toThrow(DatabaseError);
          await expect(around()).rejects.toMatchObject({
            code: "INSIDE_SESSION",
            message: expect.stringContaining(call),
          });
        }
      });
      if (expected === "takes part") await expect(session).rejects.toThrow("undone");
      else await session;
      expect(await schemaOf(databases.path)).toEqual(before);
      if (expected === "refused") {
        await database.dataSource.transaction(async () => {
          await expect(database[name]()).rejects.toMatchObject({ code: "INSIDE_SESSION" });
        });
        await database.session(
          () => expect(database[name]()).rejects.toMatchObject({ code: "INSIDE_SESSION" }),
          {
            readonly: true,
          },
        );
      }
      const { text } = (await rawRead(databases.path, NOTES))[0] ?? {};
      expect(text).toBe("kept");
    },
  );
});
