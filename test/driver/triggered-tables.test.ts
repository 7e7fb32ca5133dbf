import {
  Column,
  CreateDateColumn,
  DeleteDateColumn,
  Entity,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  UpdateDateColumn,
  VersionColumn,
} from "typeorm";
import { testDatabases } from "../support/databases";
import { rawExec } from "../support/raw-database";

// What RETURNING gives is what the row was before its AFTER triggers ran.

const databases = testDatabases();

@Entity("articles")
class Article {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column("text")
  title!: string;

  @Column({ type: "text", default: "-" })
  slug!: string;

  @CreateDateColumn({ type: "text" })
  created!: string;

  @UpdateDateColumn({ type: "text" })
  updated!: string;

  @DeleteDateColumn({ type: "text" })
  deleted!: string | null;

  @VersionColumn()
  version!: number;
}

@Entity("counters")
class Counter {
  @PrimaryColumn("bigint")
  id!: number | bigint | string;

  @Column("integer", { default: 0 })
  count!: number;
}

@Entity("places")
class Place {
  @PrimaryColumn("integer")
  x!: number;

  @PrimaryColumn("integer")
  y!: number;

  @Column({ type: "text", default: "nowhere" })
  name!: string;
}

const TRIGGERS = `
  CREATE TRIGGER inserted AFTER INSERT ON articles BEGIN
    UPDATE articles SET slug = lower(new.title) WHERE id = new.id;
  END;
  CREATE TRIGGER updated AFTER UPDATE OF title ON articles BEGIN
    UPDATE articles SET updated = 'by the trigger', slug = lower(new.title) WHERE id = new.id;
  END;
  CREATE TRIGGER named AFTER INSERT ON places BEGIN
    UPDATE places SET name = new.x || '/' || new.y WHERE x = new.x AND y = new.y;
  END;`;

async function open(script = TRIGGERS) {
  const database = await databases.open({ entities: [Article, Counter, Place] });
  if (script) await database.execScript(script);
  return database;
}

test("an entity has what a trigger made of its row, and writes it back no other way", async () => {
  const { manager } = await open();
  const article = await manager.save(Article, { title: "ABC" });
  expect(article).toMatchObject({ id: 1, slug: "abc", version: 1, deleted: null });
  article.title = "DEF";
  expect((await manager.save(Article, article)).updated).toBe("by the trigger");
  expect(await manager.findOneBy(Article, { id: 1 })).toMatchObject({
    title: "DEF",
    slug: "def",
    version: 2,
  });
});

test("each of many rows has its own, with a key of several columns too", async () => {
  const database = await open();
  const rows = Array.from({ length: 2500 }, (_, n) => ({ x: n % 7, y: n }));
  const places = await database.getRepository(Place).save(rows.map((row) => Object.assign(new Place(), row)));
  expect(places.map(({ name }) => name)).toEqual(rows.map(({ x, y }) => `${x}/${y}`));
  const { generatedMaps } = await database
    .getRepository(Article)
    .insert([{ title: "One" }, { title: "Two" }]);
  expect(generatedMaps.map(({ slug }) => slug)).toEqual(["one", "two"]);
});

test("a row that a trigger leaves out does not take the id of another", async () => {
  const database = await open(`
    CREATE TRIGGER refused BEFORE INSERT ON articles WHEN new.title = 'no' BEGIN SELECT RAISE(IGNORE); END;`);
  const articles = database.getRepository(Article);
  for (const write of ["save", "insert"] as const) {
    const [no, one, two] = ["no", `${write} one`, `${write} two`].map((title) => articles.create({ title }));
    await articles[write]([no!, one!, two!]);
    expect(no!.id).toBeUndefined();
    expect(await articles.findOneByOrFail({ id: one!.id })).toMatchObject({ title: `${write} one` });
    expect(await articles.findOneByOrFail({ id: two!.id })).toMatchObject({ title: `${write} two` });
  }
});

test("the row is found whatever the id was given as", async () => {
  const database = await open(
    "CREATE TRIGGER counted AFTER INSERT ON counters BEGIN UPDATE counters SET count = 9 WHERE id = new.id; END",
  );
  for (const id of [1, 2n, "3"]) {
    expect(await database.getRepository(Counter).save({ id })).toMatchObject({ count: 9 });
  }
});

test("a trigger is noticed that was made since, in a session as well", async () => {
  const database = await open("");
  const articles = database.getRepository(Article);
  expect((await articles.save({ title: "Before" })).slug).toBe("-");
  await database.session(async (session) => {
    await session.exec(
      "CREATE TEMP TRIGGER own AFTER INSERT ON articles BEGIN UPDATE articles SET slug = 'own'; END",
    );
    expect((await articles.save({ title: "Inside" })).slug).toBe("own");
  });
  await database.execScript(TRIGGERS);
  expect((await articles.save({ title: "After" })).slug).toBe("after");
});

test("a trigger that another process made is noticed when the database is opened again", async () => {
  const database = await open("");
  const articles = database.getRepository(Article);
  await articles.save({ title: "Before" });
  await rawExec(databases.path, TRIGGERS);
  await database.close();
  await database.init();
  expect((await articles.save({ title: "After" })).slug).toBe("after");
});

test("a table without triggers is asked about once", async () => {
  const database = await open("");
  const { triggeredTables } = database.dataSource.driver;
  const asked = jest.spyOn(triggeredTables, "lookUp");
  for (const title of ["a", "b", "c"]) await database.getRepository(Article).save({ title });
  expect(asked).toHaveBeenCalledTimes(1);
});
