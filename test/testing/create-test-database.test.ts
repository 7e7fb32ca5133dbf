import "reflect-metadata";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { EntitySchema, type MigrationInterface, type QueryRunner } from "typeorm";
import { ConfigurationError, ConstraintError, DatabaseClosedError, SqliteDatabase } from "../../src";
import { createTestDatabase, sandbox, type TestDatabase } from "../../src/testing";
import { BLOG, Label, Post, User } from "../support/blog-entities";
import { runScript } from "../support/child-process";
import { rejection, SILENT } from "../support/data-sources";
import { deferred, isPending } from "../support/deferred";
import { rawRead } from "../support/raw-database";
import { Account, NOTES, Note } from "../support/small-entities";
import { temporaryFolder } from "../support/temporary-folder";

const folder = temporaryFolder();
const open: TestDatabase[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((database) => database.close()));
});

async function create(...options: Parameters<typeof createTestDatabase>): Promise<TestDatabase> {
  const database = await createTestDatabase(...options);
  open.push(database);
  return database;
}

const pathOf = ({ dataSource }: TestDatabase) => dataSource.driver.settings.location.path;
const templates = (database: TestDatabase) =>
  readdirSync(dirname(dirname(pathOf(database)))).filter((name) => name.startsWith("template-"));

it("is open, in a file of its own, with the tables of the entities and no rows", async () => {
  const database = await create({ entities: BLOG });
  expect(database.isInitialized).toBe(true);
  for (const entity of BLOG) expect(await database.getRepository(entity).count()).toBe(0);
  const saved = await database
    .getRepository(User)
    .save({ username: "ada", posts: [{ title: "Notes" }] as Post[] });
  expect(saved.id).toBe(1);
  expect(await rawRead(pathOf(database), "SELECT title FROM posts")).toEqual([{ title: "Notes" }]);
});

it("databases of the same entities share nothing but the template", async () => {
  const [one, other] = await Promise.all([create({ entities: [Note] }), create({ entities: [Note] })]);
  await one!.getRepository(Note).insert({ text: "one" });
  await other!.getRepository(Note).insert({ text: "other" });
  expect((await one!.exec(NOTES)).scalars()).toEqual(["one"]);
  expect((await other!.exec(NOTES)).scalars()).toEqual(["other"]);
  const third = await create({ entities: [Note] });
  expect(await third.getRepository(Note).count()).toBe(0);
});

it("closing it removes everything it had on the disk, and it cannot be opened again", async () => {
  let place: string;
  {
    await using database = await createTestDatabase({ entities: [Note] });
    place = dirname(pathOf(database));
    await database.getRepository(Note).insert({ text: "one" });
    expect(readdirSync(place)).toContain("test.db");
  }
  expect(existsSync(place)).toBe(false);
  const database = await createTestDatabase({ entities: [Note] });
  await Promise.all([database.close(), database.close(), database.dataSource.destroy()]);
  await database.close();
  expect(existsSync(dirname(pathOf(database)))).toBe(false);
  await expect(database.init()).rejects.toThrow(DatabaseClosedError);
  expect(existsSync(dirname(pathOf(database)))).toBe(false);
});

it("keeps its file where closing is refused", async () => {
  const database = await create({ entities: [Note] });
  await database.session(async ({ manager }) => {
    await manager.insert(Note, { text: "kept" });
    expect(await rejection(database.close())).toMatchObject({ code: "INSIDE_SESSION" });
  });
  await database.init();
  expect((await database.exec(NOTES)).scalars()).toEqual(["kept"]);
});

it("can be read by nobody but the user", async () => {
  const shared = dirname(dirname(pathOf(await create({ entities: [Note] }))));
  for (const place of [shared, dirname(shared)]) expect(statSync(place).mode & 0o077).toBe(0);
});

it("refuses a folder that others can change", async () => {
  const script = join(__dirname, "create-and-insert.ts");
  const { output } = await runScript(script, [folder.path, "1", "trap"], 60_000);
  expect(output).toContain("ConfigurationError");
  expect(output).toContain("other users can change");
});

it("takes a temporary folder whatever its name is", async () => {
  const script = join(__dirname, "create-and-insert.ts");
  const odd = folder.file("50% of what? #1");
  mkdirSync(odd);
  const { output } = await runScript(script, [odd, "1"], 60_000);
  expect(output).toBe("rows: seeded,own\n");
});

it("processes that start together make the template once", async () => {
  const script = join(__dirname, "create-and-insert.ts");
  const outcomes = await Promise.all(
    Array.from({ length: 4 }, () => runScript(script, [folder.path, "4"], 120_000)),
  );
  for (const { code, output } of outcomes) {
    expect(output).toContain("rows: seeded,own");
    expect(code).toBe(0);
  }
  expect(readFileSync(folder.file("witness"), "utf8")).toBe("migrated\n");
});

it("what a failed build leaves behind is nothing, and the next one succeeds", async () => {
  let fails = true;
  class Fragile1700000000000 implements MigrationInterface {
    async up(runner: QueryRunner): Promise<void> {
      await runner.query("CREATE TABLE half (id INTEGER)");
      if (fails) throw new Error("not this time");
    }
    async down(): Promise<void> {}
  }
  const options = {
    entities: [Account],
    migrations: [Fragile1700000000000],
    migrationsRun: true,
    echo: SILENT,
  };
  await expect(createTestDatabase(options)).rejects.toThrow("not this time");
  fails = false;
  const database = await create(options);
  expect((await database.exec("SELECT count(*) FROM half")).scalar()).toBe(0);
  const own = new RegExp(`^(building|database)-${process.pid}-`);
  const left = readdirSync(dirname(dirname(pathOf(database)))).filter((name) => own.test(name));
  expect(left).toHaveLength(open.length);
});

it("what dead processes have left behind goes when a template is made, and nothing of the living", async () => {
  const shared = dirname(dirname(pathOf(await create({ entities: [Note] }))));
  const { pid: dead } = spawnSync(process.execPath, ["--version"]);
  const { pid: alsoDead } = spawnSync(process.execPath, ["--version"]);
  const gone = [
    join(shared, `database-${dead}-a`),
    join(shared, `building-${dead}-b`),
    join(dirname(shared), String(dead)),
    join(dirname(shared), String(alsoDead), `database-${dead}-c`),
  ];
  const kept = [
    join(shared, `database-${process.pid}-d`),
    join(dirname(shared), String(alsoDead), `database-${process.pid}-e`),
    join(dirname(shared), String(alsoDead), "template-f"),
  ];
  for (const path of [...gone, ...kept]) mkdirSync(path, { recursive: true });
  const New = new EntitySchema({
    name: `leftovers_${dead}`,
    columns: { id: { type: Number, primary: true } },
  });
  await create({ entities: [New] });
  expect(gone.filter(existsSync)).toEqual([]);
  expect(kept.filter((path) => !existsSync(path))).toEqual([]);
  rmSync(kept[0]!, { recursive: true });
  rmSync(dirname(kept[1]!), { recursive: true });
});

it("a template that was tidied away is made again", async () => {
  const Tidied = new EntitySchema({ name: "tidied", columns: { id: { type: Number, primary: true } } });
  const first = await create({ entities: [Tidied] });
  const shared = dirname(dirname(pathOf(first)));
  for (const name of templates(first)) rmSync(join(shared, name), { recursive: true });
  const second = await create({ entities: [Tidied] });
  expect(await second.getRepository(Tidied).count()).toBe(0);
});

describe("a template is made anew where the schema would differ", () => {
  const schemaOf = (columns: object, more: object = {}) =>
    new EntitySchema({
      name: "thing",
      columns: { id: { type: Number, primary: true }, ...columns },
      ...more,
    } as never);
  const name = { name: { type: String } };
  const variants: [string, EntitySchema][] = [
    ["a column", schemaOf(name)],
    ["a length", schemaOf({ name: { type: String, length: 7 } })],
    ["a default", schemaOf({ name: { type: String, default: "x" } })],
    ["a null", schemaOf({ name: { type: String, nullable: true } })],
    ["a unique column", schemaOf({ name: { type: String, unique: true } })],
    ["an index", schemaOf(name, { indices: [{ columns: ["name"] }] })],
    ["a check", schemaOf(name, { checks: [{ expression: "name <> ''" }] })],
    ["another check", schemaOf(name, { checks: [{ name: "a", expression: "name <> 'b'" }] })],
  ];

  it("of the entities", async () => {
    const seen = new Set<unknown>();
    for (const [, entity] of variants) {
      const database = await create({ entities: [entity] });
      const sql = await database.exec("SELECT group_concat(sql) FROM sqlite_schema WHERE tbl_name = 'thing'");
      seen.add(sql.scalar());
    }
    expect(seen.size).toBe(variants.length);
  });

  describe("of what functions give", () => {
    const given = async (options: Parameters<typeof createTestDatabase>[0]) =>
      (await (await create(options)).exec("INSERT INTO thing (id) VALUES (1) RETURNING name")).scalar();
    const thing = (make: () => string) => schemaOf({ name: { type: String, default: () => make() } });

    it("as the default of a column", async () => {
      for (const name of ["'a'", "'b'"]) {
        expect(await given({ entities: [thing(() => name)] })).toBe(name[1]);
      }
      let name = "'c'";
      const entities = [thing(() => name)];
      expect(await given({ entities })).toBe("c");
      name = "'d'";
      expect(await given({ entities })).toBe("d");
      expect(await given({ entities })).toBe("d");
    });

    it("as the query of a view", async () => {
      const view = (name: string) =>
        new EntitySchema({
          name: "seen",
          type: "view",
          expression: (source) => source.createQueryBuilder().select("id").from(name, "row"),
          columns: { id: { type: Number } },
        });
      const tables = ["one", "other"].map(
        (name) => new EntitySchema({ name, columns: { id: { type: Number, primary: true } } }),
      );
      for (const name of ["one", "other"]) {
        const database = await create({ entities: [...tables, view(name)] });
        await database.exec(`INSERT INTO ${name} VALUES (7)`);
        expect((await database.exec("SELECT id FROM seen")).scalars()).toEqual([7]);
      }
    });

    it("and without a template where that is something else each time", async () => {
      let number = 0;
      const entities = [thing(() => `'${number++}'`)];
      const database = await create({ entities });
      const before = templates(database);
      const names = [await given({ entities }), await given({ entities })];
      expect(new Set(names).size).toBe(2);
      expect(templates(database)).toEqual(before);
      const path = pathOf(database);
      await database.close();
      expect(existsSync(dirname(path))).toBe(false);
    });

    it("and without further templates where it has changed many times", async () => {
      let name = "";
      const entities = [thing(() => `'${name}'`)];
      const first = await create({ entities });
      const before = templates(first).length;
      for (let number = 1; number <= 20; number++) {
        name = `n${number}`;
        expect(await given({ entities })).toBe(name);
      }
      expect(templates(first).length - before).toBeLessThan(10);
    });

    it("and fails with what they throw", async () => {
      const entities = [
        thing(() => {
          throw new Error("no default today");
        }),
      ];
      expect((await rejection(create({ entities }))).message).toBe("no default today");
    });
  });

  it("of the migrations", async () => {
    const migrationTo = (text: string) =>
      // biome-ignore lint/security/noGlobalEval: two classes of the same name whose text differs
      eval(`(class Same1700000000000 {
        async up(runner) { await runner.query("CREATE TABLE ${text} (id INTEGER)"); }
        async down() {}
      })`);
    for (const text of ["one", "other"]) {
      const database = await create({ migrations: [migrationTo(text)], migrationsRun: true });
      expect((await database.exec(`SELECT count(*) FROM ${text}`)).scalar()).toBe(0);
    }
  });

  it("of the options", async () => {
    const entities = [schemaOf(name)];
    const database = await create({ entities, createAll: false, pragmas: { page_size: 8192 } });
    expect((await database.exec("SELECT count(*) FROM sqlite_schema")).scalar()).toBe(0);
    expect((await database.exec("PRAGMA page_size")).scalar()).toBe(8192);
    const other = await create({ entities });
    expect((await other.exec("PRAGMA page_size")).scalar()).toBe(4096);
  });
});

it("has what migrations and synchronize make, and the table of the query cache", async () => {
  class Seed1700000000001 implements MigrationInterface {
    async up(runner: QueryRunner): Promise<void> {
      await runner.query("CREATE TABLE colours (name TEXT)");
      await runner.query("INSERT INTO colours VALUES ('red')");
    }
    async down(): Promise<void> {}
  }
  const database = await create({
    entities: [Note],
    migrations: [Seed1700000000001],
    migrationsRun: true,
    synchronize: true,
    cache: true,
  });
  expect((await database.exec("SELECT name FROM colours")).scalars()).toEqual(["red"]);
  expect(await database.showMigrations()).toBe(false);
  expect(await database.getRepository(Note).find({ cache: 60_000 })).toEqual([]);
});

it.each([[{ poolsize: 3 }], [null], [{ pragmas: null }], [{ entities: null }]])(
  "refuses the options %j as every database does",
  async (options) => {
    const { message } = await rejection(createTestDatabase(options as never));
    expect(() => new SqliteDatabase(":memory:", options as never)).toThrow(new ConfigurationError(message));
  },
);

it("rejects with what makes the schema fail", async () => {
  const Broken = new EntitySchema({ name: "broken", columns: { name: { type: String } } });
  expect((await rejection(createTestDatabase({ entities: [Broken] }))).message).toContain("primary column");
});

describe("reset()", () => {
  it("empties the tables and the junction tables, and lets ids begin at 1 again", async () => {
    const database = await create({ entities: BLOG });
    const fill = async () => {
      const label = await database.getRepository(Label).save({ name: "red" });
      return await database.getRepository(Post).save({
        title: "Notes",
        labels: [label],
        author: await database.getRepository(User).save({ username: "ada" }),
      });
    };
    await fill();
    await database.reset();
    expect((await database.exec("SELECT count(*) FROM post_labels")).scalar()).toBe(0);
    for (const entity of BLOG) expect(await database.getRepository(entity).count()).toBe(0);
    const again = await fill();
    expect([again.id, again.author!.id]).toEqual([1, 1]);
    await database.reset();
    await database.reset();
  });

  it("restarts the sequence also of a table whose rows are gone already", async () => {
    const database = await create({ entities: BLOG });
    const users = database.getRepository(User);
    await users.insert({ username: "ada" });
    await users.clear();
    await database.reset();
    expect((await users.save({ username: "ada" })).id).toBe(1);
  });

  it("leaves the schema, and tables that belong to no entity", async () => {
    const database = await create({ entities: [Note] });
    await database.execScript(
      "CREATE TABLE other (id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO other VALUES (7)",
    );
    await database.getRepository(Note).insert({ text: "one" });
    const schema = "SELECT group_concat(sql) FROM sqlite_schema";
    const before = (await database.exec(schema)).scalar();
    const version = (await database.exec("PRAGMA schema_version")).scalar();
    await database.reset();
    expect((await database.exec(schema)).scalar()).toBe(before);
    expect((await database.exec("PRAGMA schema_version")).scalar()).toBe(version);
    const { rows } = await database.exec("INSERT INTO other DEFAULT VALUES RETURNING id");
    expect(rows).toEqual([{ id: 8 }]);
  });

  const tables = (name: string, ...more: string[]) =>
    new EntitySchema({
      name,
      synchronize: false,
      columns: {
        id: { type: Number, primary: true },
        ...Object.fromEntries(more.map((key) => [key, { type: Number }])),
      },
    });

  it.each([
    [
      "refer to themselves",
      "CREATE TABLE a (id INTEGER PRIMARY KEY, up INTEGER REFERENCES a)",
      ["a"],
      ["INSERT INTO a VALUES (1, NULL), (2, 1), (3, 3)"],
    ],
    [
      "restrict the deletion of their own rows",
      "CREATE TABLE a (id INTEGER PRIMARY KEY, up INTEGER REFERENCES a ON DELETE RESTRICT)",
      ["a"],
      ["INSERT INTO a VALUES (1, NULL), (2, 1), (3, 2)"],
    ],
    [
      "refer to each other",
      "CREATE TABLE a (id INTEGER PRIMARY KEY, b INTEGER REFERENCES b ON DELETE RESTRICT); CREATE TABLE b (id INTEGER PRIMARY KEY, a INTEGER NOT NULL REFERENCES a)",
      ["a", "b"],
      ["INSERT INTO a VALUES (1, NULL)", "INSERT INTO b VALUES (1, 1)", "UPDATE a SET b = 1"],
    ],
    [
      "refer to each other when the transaction ends",
      "CREATE TABLE a (id INTEGER PRIMARY KEY, b INTEGER NOT NULL REFERENCES b DEFERRABLE INITIALLY DEFERRED); CREATE TABLE b (id INTEGER PRIMARY KEY, a INTEGER NOT NULL REFERENCES a DEFERRABLE INITIALLY DEFERRED)",
      ["a", "b"],
      ["INSERT INTO a VALUES (1, 1)", "INSERT INTO b VALUES (1, 1)"],
    ],
    [
      "refer to each other, and cannot be without",
      "CREATE TABLE a (id INTEGER PRIMARY KEY, b INTEGER NOT NULL REFERENCES b); CREATE TABLE b (id INTEGER PRIMARY KEY, a INTEGER NOT NULL REFERENCES a)",
      ["a", "b"],
      ["PRAGMA defer_foreign_keys = ON", "INSERT INTO a VALUES (1, 1)", "INSERT INTO b VALUES (1, 1)"],
    ],
    [
      "refer to each other, and must not be changed",
      `CREATE TABLE a (id INTEGER PRIMARY KEY, b INTEGER REFERENCES b, CHECK (id = 1 OR b IS NOT NULL)); CREATE TABLE b (id INTEGER PRIMARY KEY, a INTEGER REFERENCES a);
       CREATE TRIGGER t BEFORE UPDATE ON b BEGIN SELECT RAISE(ABORT, 'never'); END`,
      ["a", "b"],
      ["INSERT INTO a VALUES (1, NULL)", "INSERT INTO b VALUES (1, 1)", "INSERT INTO a VALUES (2, 1)"],
    ],
    [
      "stand in a chain, parents first",
      "CREATE TABLE a (id INTEGER PRIMARY KEY); CREATE TABLE b (id INTEGER PRIMARY KEY REFERENCES a ON DELETE RESTRICT); CREATE TABLE c (id INTEGER PRIMARY KEY REFERENCES B ON DELETE RESTRICT)",
      ["a", "b", "c"],
      ["INSERT INTO a VALUES (1)", "INSERT INTO b VALUES (1)", "INSERT INTO c VALUES (1)"],
    ],
    [
      "are filled by triggers on deletion",
      "CREATE TABLE a (id INTEGER PRIMARY KEY); CREATE TABLE b (id INTEGER PRIMARY KEY); CREATE TRIGGER t AFTER DELETE ON b BEGIN INSERT INTO a VALUES (old.id); END",
      ["a", "b"],
      ["INSERT INTO a VALUES (1)", "INSERT INTO b VALUES (2)"],
    ],
    [
      "are filled by triggers on deletion from a table of nobody's",
      "CREATE TABLE a (id INTEGER PRIMARY KEY); CREATE TABLE x (a INTEGER REFERENCES a ON DELETE CASCADE); CREATE TRIGGER t AFTER DELETE ON x BEGIN INSERT INTO a VALUES (9); END",
      ["a"],
      ["INSERT INTO a VALUES (1)", "INSERT INTO x VALUES (1)"],
    ],
  ])("empties tables that %s", async (_, schema, names, rows) => {
    const database = await create({ entities: names.map((name) => tables(name)) });
    await database.execScript(schema);
    await database.execScript(rows.join(";"));
    await database.reset();
    for (const name of names) expect((await database.exec(`SELECT count(*) FROM ${name}`)).scalar()).toBe(0);
    expect((await database.exec("PRAGMA foreign_keys")).scalar()).toBe(1);
  });

  it("does not take a schema for that of a sandbox which had the same version", async () => {
    const database = await create({ entities: [tables("a"), tables("b")] });
    const table = (name: string) =>
      database.execScript(`CREATE TABLE ${name} (id INTEGER PRIMARY KEY); INSERT INTO ${name} VALUES (1)`);
    const { restore } = await sandbox(database);
    await table("a");
    await database.reset();
    await restore();
    await table("b");
    await database.reset();
    expect((await database.exec("SELECT count(*) FROM b")).scalar()).toBe(0);
  });

  it("notices tables that were made since the last time", async () => {
    const database = await create({ entities: [tables("a"), tables("b")] });
    await database.execScript("CREATE TABLE a (id INTEGER PRIMARY KEY); INSERT INTO a VALUES (1)");
    await database.reset();
    await database.execScript("CREATE TABLE b (id INTEGER PRIMARY KEY); INSERT INTO b VALUES (1)");
    await database.reset();
    expect((await database.exec("SELECT (SELECT count(*) FROM a) + (SELECT count(*) FROM b)")).scalar()).toBe(
      0,
    );
  });

  it("says which tables triggers do not let become empty, and deletes nothing then", async () => {
    const database = await create({ entities: [tables("a"), tables("b")] });
    await database.execScript(`
      CREATE TABLE a (id INTEGER PRIMARY KEY); CREATE TABLE b (id INTEGER PRIMARY KEY);
      CREATE TRIGGER t AFTER DELETE ON a BEGIN INSERT INTO a VALUES (old.id); END;
      INSERT INTO a VALUES (1); INSERT INTO b VALUES (1)`);
    expect((await rejection(database.reset())).message).toContain('cannot empty "main"."a"');
    expect((await database.exec("SELECT count(*) FROM b")).scalar()).toBe(1);
  });

  it("deletes nothing where a table of nobody's refers to the rows", async () => {
    const database = await create({ entities: [Note, Account] });
    await database.execScript(`
      CREATE TABLE other (note INTEGER REFERENCES notes);
      INSERT INTO accounts (id) VALUES (1); INSERT INTO notes (text) VALUES ('kept'); INSERT INTO other VALUES (1)`);
    await expect(database.reset()).rejects.toThrow(ConstraintError);
    expect(await database.getRepository(Account).count()).toBe(1);
  });

  it("nor where that table refers to a circle of them", async () => {
    const database = await create({ entities: [tables("a"), tables("b")] });
    await database.execScript(`
      CREATE TABLE a (id INTEGER PRIMARY KEY, b INTEGER REFERENCES b); CREATE TABLE b (id INTEGER PRIMARY KEY, a INTEGER REFERENCES a);
      CREATE TABLE other (a INTEGER REFERENCES a);
      INSERT INTO a VALUES (1, NULL); INSERT INTO b VALUES (1, 1); INSERT INTO other VALUES (1)`);
    await expect(database.reset()).rejects.toThrow(ConstraintError);
    expect((await database.exec("SELECT count(*) FROM b")).scalar()).toBe(1);
  });

  it("forgets results that the query cache has kept", async () => {
    const database = await create({ entities: [Note], cache: true });
    const notes = database.getRepository(Note);
    await notes.insert({ text: "one" });
    expect(await notes.find({ cache: 60_000 })).toHaveLength(1);
    await database.reset();
    expect(await notes.find({ cache: 60_000 })).toHaveLength(0);
  });

  it("waits for the writer before it, and deletes what that has written", async () => {
    const database = await create({ entities: [Note] });
    const [entered, written] = [deferred(), deferred()];
    const writing = database.session(async ({ manager }) => {
      await manager.insert(Note, { text: "one" });
      entered.resolve();
      await written.promise;
    });
    await entered.promise;
    const resetting = database.reset();
    expect(await isPending(resetting)).toBe(true);
    written.resolve();
    await Promise.all([writing, resetting]);
    expect(await database.getRepository(Note).count()).toBe(0);
  });

  it("is undone by a sandbox around it", async () => {
    const database = await create({ entities: [Note] });
    await database.getRepository(Note).insert({ text: "one" });
    const { restore } = await sandbox(database);
    await database.reset();
    expect(await database.getRepository(Note).count()).toBe(0);
    await restore();
    expect(await database.getRepository(Note).count()).toBe(1);
  });
});
