import { Column, Entity, PrimaryColumn, PrimaryGeneratedColumn, VersionColumn } from "typeorm";
import type { SqliteDatabase } from "../../src/sqlite-database";
import { testDatabases } from "../support/databases";
import { rawExec, rawRead } from "../support/raw-database";

// RETURNING of a virtual table gives -1 or NULL for the rowid of a new row.

const databases = testDatabases();

@Entity("pages", { synchronize: false })
class Page {
  @PrimaryGeneratedColumn()
  rowid!: number;

  @Column("text")
  body!: string;

  @Column("text", { default: "en" })
  language!: string;

  @VersionColumn()
  version!: number;
}

@Entity("areas", { synchronize: false })
class Area {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column("real")
  minimum!: number;

  @Column("real")
  maximum!: number;
}

@Entity("words", { synchronize: false })
class Word {
  @PrimaryColumn("integer")
  rowid!: number;

  @Column("text")
  word!: string;
}

const TABLES = `
  CREATE VIRTUAL TABLE pages USING fts5(body, language, version);
  CREATE VIRTUAL TABLE areas USING rtree(id, minimum, maximum);
  CREATE VIRTUAL TABLE words USING fts4(word);`;
const PAGES = "SELECT rowid, body, version FROM pages ORDER BY rowid";

let database: SqliteDatabase;
beforeEach(async () => {
  await rawExec(databases.path, TABLES);
  database = await databases.open({ entities: [Page, Area, Word], createAll: false });
});

const page = (body: string, rowid?: number) => Object.assign(new Page(), { body, ...(rowid && { rowid }) });

test("a new row of a virtual table has its rowid, and is that row when it is saved again", async () => {
  const pages = database.getRepository(Page);
  const first = await pages.save(page("first"));
  const second = await pages.save(page("second"));
  expect([first, second]).toEqual([
    { rowid: 1, body: "first", language: "en", version: 1 },
    { rowid: 2, body: "second", language: "en", version: 1 },
  ]);
  first.body = "changed";
  expect((await pages.save(first)).version).toBe(2);
  expect(await rawRead(databases.path, PAGES)).toEqual([
    { rowid: 1, body: "changed", version: 2 },
    { rowid: 2, body: "second", version: 1 },
  ]);
  await pages.remove(first);
  expect(await pages.count()).toBe(1);
});

test("each of many rows has its own rowid, also where some were given one", async () => {
  const pages = database.getRepository(Page);
  const saved = await pages.save([page("a"), page("b", 100), page("c")]);
  expect(saved.map(({ rowid }) => rowid)).toEqual([1, 100, 101]);
  const { identifiers } = await pages.insert([page("d"), page("e", 200), page("f")]);
  expect(identifiers).toEqual([{ rowid: 102 }, { rowid: 200 }, { rowid: 201 }]);
  expect(await rawRead(databases.path, "SELECT rowid, body FROM pages ORDER BY rowid")).toEqual([
    { rowid: 1, body: "a" },
    { rowid: 100, body: "b" },
    { rowid: 101, body: "c" },
    { rowid: 102, body: "d" },
    { rowid: 200, body: "e" },
    { rowid: 201, body: "f" },
  ]);
});

test("rows that are inserted together are all there, or none", async () => {
  const areas = database.getRepository(Area);
  const rows = [
    { minimum: 1, maximum: 2 },
    { minimum: 4, maximum: 3 },
  ];
  await expect(areas.insert(rows)).rejects.toThrow("rtree constraint failed");
  expect(await areas.count()).toBe(0);
});

test("many sessions and single statements at once get no rowid of another", async () => {
  const pages = database.getRepository(Page);
  const saved = await Promise.all(
    Array.from({ length: 40 }, (_, n) =>
      n % 2 ? pages.save(page(`${n}`)) : database.session(() => pages.save(page(`${n}`))),
    ),
  );
  const rows = await rawRead(databases.path, "SELECT rowid, body FROM pages");
  const bodies = new Map(rows.map(({ rowid, body }) => [rowid, body]));
  expect(saved.map(({ rowid }) => bodies.get(rowid))).toEqual(saved.map(({ body }) => body));
});

test("other modules than FTS5 do the same", async () => {
  const areas = database.getRepository(Area);
  const saved = await areas.save([
    { minimum: 1, maximum: 2 },
    { minimum: 3, maximum: 4 },
  ]);
  expect(saved.map(({ id }) => id)).toEqual([1, 2]);
  await database.getRepository(Word).save({ rowid: 7, word: "seven" });
  expect(await database.getRepository(Word).find()).toEqual([{ rowid: 7, word: "seven" }]);
});

test("a table that becomes virtual, or ordinary, is noticed", async () => {
  const pages = database.getRepository(Page);
  await pages.save(page("virtual"));
  await database.execScript(
    "DROP TABLE pages; CREATE TABLE pages (rowid INTEGER PRIMARY KEY AUTOINCREMENT, body, language DEFAULT 'de', version)",
  );
  expect(await pages.save(page("ordinary"))).toMatchObject({ rowid: 1 });
  await database.execScript(
    "DROP TABLE pages; CREATE VIRTUAL TABLE pages USING fts5(body, language, version)",
  );
  expect(await pages.save([page("virtual"), page("again")])).toMatchObject([{ rowid: 1 }, { rowid: 2 }]);
});

test("one that is made or renamed in a session is noticed, also where that is rolled back", async () => {
  const pages = database.getRepository(Page);
  await database.session(async (session) => {
    await session.exec("ALTER TABLE pages RENAME TO other");
    await session.exec(
      "CREATE TABLE pages (rowid INTEGER PRIMARY KEY AUTOINCREMENT, body, language, version)",
    );
    expect(await pages.save([page("a"), page("b")])).toMatchObject([{ rowid: 1 }, { rowid: 2 }]);
    await session.exec("DROP TABLE pages");
    await session.exec("ALTER TABLE other RENAME TO pages");
    expect(await pages.save(page("c"))).toMatchObject({ rowid: 1 });
    await session.rollback();
  });
  expect(await pages.save([page("d"), page("e")])).toMatchObject([{ rowid: 1 }, { rowid: 2 }]);
  await database.execScript(
    "DROP TABLE words; CREATE VIRTUAL TABLE fresh USING fts5(body, language, version); DROP TABLE pages; ALTER TABLE fresh RENAME TO pages",
  );
  expect(await pages.save(page("f"))).toMatchObject({ rowid: 1 });
});

test("one in an attached file is known, when it is there and when it is made", async () => {
  @Entity("notes", { database: "other.db", synchronize: false })
  class Note {
    @PrimaryGeneratedColumn()
    rowid!: number;

    @Column("text")
    text!: string;
  }
  await rawExec(databases.folder.file("other.db"), "CREATE VIRTUAL TABLE notes USING fts5(text)");
  const location = databases.folder.file("main.db");
  const attaching = await databases.open({ entities: [Note], createAll: false }, location);
  const notes = attaching.getRepository(Note);
  expect(await notes.save({ text: "a" })).toEqual({ rowid: 1, text: "a" });
  const [, schema] = /^(.*)\.notes$/.exec(notes.metadata.tablePath)!;
  await attaching.execScript(
    `DROP TABLE "${schema}".notes; CREATE VIRTUAL TABLE "${schema}".notes USING fts5(text)`,
  );
  expect(await notes.save([{ text: "b" }, { text: "c" }])).toMatchObject([{ rowid: 1 }, { rowid: 2 }]);
});
