import {
  AfterInsert,
  AfterRemove,
  AfterUpdate,
  Column,
  Entity,
  type EntitySubscriberInterface,
  EventSubscriber,
  type InsertEvent,
  JoinTable,
  ManyToMany,
  ManyToOne,
  OneToMany,
  PrimaryGeneratedColumn,
} from "typeorm";
import { testDatabases } from "../support/databases";
import { rawRead } from "../support/raw-database";
import { NOTES, Note } from "../support/small-entities";
import { StatementLog } from "../support/statement-log";

// What TypeORM writes by a single statement needs no transaction around it; what belongs together has one.

const databases = testDatabases();

@Entity("watched")
class Watched {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column("text")
  text!: string;

  @AfterInsert()
  @AfterUpdate()
  @AfterRemove()
  refuse(): void {
    if (this.text === "refused") throw new Error("refused");
  }
}

@Entity("tags")
class Tag {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column("text", { unique: true })
  name!: string;
}

@Entity("lists")
class List {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column("text")
  name!: string;

  @OneToMany(
    () => Entry,
    (entry) => entry.list,
    { cascade: true },
  )
  entries?: Entry[];

  @ManyToMany(() => Tag)
  @JoinTable()
  tags?: Tag[];
}

@Entity("entries")
class Entry {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column("text", { unique: true })
  text!: string;

  @ManyToOne(
    () => List,
    (list) => list.entries,
  )
  list?: List;
}

const read = (sql: string) => rawRead(databases.path, sql);
const ends = (log: StatementLog) => log.take().filter((sql) => /^(BEGIN|COMMIT|ROLLBACK)/.test(sql));

test("an entity without cascades is saved, changed and removed without BEGIN and COMMIT", async () => {
  const log = new StatementLog();
  const database = await databases.open({ entities: [Note, List, Entry, Tag], echo: log });
  const { manager } = database.dataSource;
  const list = await manager.save(List, { name: "one" });
  log.take();
  const note = await manager.save(manager.create(Note, { text: "first" }));
  const entry = await manager.getRepository(Entry).save({ text: "of it", list });
  note.text = "second";
  await manager.save(note);
  expect(ends(log)).toEqual([]);
  expect(await read(NOTES)).toEqual([{ text: "second" }]);
  expect(await read("SELECT text, listId FROM entries")).toEqual([{ text: "of it", listId: list.id }]);
  await manager.remove(Entry, entry as Entry);
  await manager.remove(note);
  expect(ends(log)).toEqual([]);
  expect([...(await read(NOTES)), ...(await read("SELECT * FROM entries"))]).toEqual([]);
});

test("several entities, or `transaction: true`, are saved in a transaction", async () => {
  const log = new StatementLog();
  const database = await databases.open({ entities: [Note], echo: log });
  const { manager } = database.dataSource;
  log.take();
  await manager.save([manager.create(Note, { text: "a" }), manager.create(Note, { text: "b" })]);
  await manager.save(Note, { text: "c" }, { transaction: true });
  expect(ends(log)).toEqual(["BEGIN TRANSACTION", "COMMIT", "BEGIN TRANSACTION", "COMMIT"]);
});

test.each(["insert", "update", "remove"] as const)(
  "what a listener after the %s throws undoes it",
  async (operation) => {
    const database = await databases.open({ entities: [Watched] });
    const { manager } = database.dataSource;
    await database.exec("INSERT INTO watched (text) VALUES (?)", [
      operation === "remove" ? "refused" : "kept",
    ]);
    const before = await read("SELECT * FROM watched");
    const [found] = await manager.find(Watched);
    const attempt =
      operation === "insert"
        ? manager.save(manager.create(Watched, { text: "refused" }))
        : operation === "update"
          ? manager.save(Object.assign(found!, { text: "refused" }))
          : manager.remove(found!);
    await expect(attempt).rejects.toThrow("refused");
    expect(await read("SELECT * FROM watched")).toEqual(before);
  },
);

@Entity("converted")
class Converted {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({
    type: "text",
    default: "unreadable",
    transformer: {
      to: (value) => value,
      from: (value) => {
        if (value === "unreadable") throw new Error("cannot be read");
        return value;
      },
    },
  })
  text?: string;

  @Column({ type: "simple-json", nullable: true })
  more?: unknown;
}

test("what cannot be made of the values that come back undoes the statement", async () => {
  const database = await databases.open({ entities: [Converted] });
  const { manager } = database.dataSource;
  await expect(manager.save(Converted, {})).rejects.toThrow("cannot be read");
  expect(await read("SELECT * FROM converted")).toEqual([]);
  const saved = await manager.save(Converted, { text: "readable", more: [1] });
  expect(await read("SELECT id, text, more FROM converted")).toEqual([
    { id: 1, text: "readable", more: "[1]" },
  ]);
  await manager.remove(Object.assign(new Converted(), saved));
  expect(await read("SELECT * FROM converted")).toEqual([]);
});

@EventSubscriber()
class Refusing implements EntitySubscriberInterface<Note> {
  listenTo = () => Note;

  async afterInsert({ manager, entity }: InsertEvent<Note>): Promise<void> {
    if (entity.text !== "saved") return;
    await manager.insert(Note, { text: "by the subscriber" });
    throw new Error("refused");
  }
}

test("what a subscriber wrote in the transaction of a save is undone with it", async () => {
  const database = await databases.open({ entities: [Note], subscribers: [Refusing] });
  await expect(database.dataSource.manager.save(Note, { text: "saved" })).rejects.toThrow("refused");
  expect(await read(NOTES)).toEqual([]);
});

test("what is saved by cascades is saved together, or not at all", async () => {
  const database = await databases.open({ entities: [List, Entry, Tag] });
  const { manager } = database.dataSource;
  await expect(
    manager.save(List, { name: "one", entries: [{ text: "same" }, { text: "same" }] }),
  ).rejects.toThrow();
  const list = await manager.save(List, { name: "two", entries: [{ text: "other" }] });
  expect(await read("SELECT name FROM lists")).toEqual([{ name: "two" }]);
  await expect(manager.save(List, { id: list.id, name: "three", entries: [] })).resolves.toBeDefined();
  expect(await read("SELECT text, listId FROM entries")).toEqual([{ text: "other", listId: null }]);
});

test("an entity is removed together with its rows in a junction table, or not at all", async () => {
  const log = new StatementLog();
  const database = await databases.open({ entities: [List, Entry, Tag], echo: log });
  const { manager } = database.dataSource;
  const tag = await manager.save(Tag, { name: "tag" });
  const list = await manager.save(List, { name: "one", tags: [tag] });
  await database.execScript(
    "CREATE TRIGGER keep BEFORE DELETE ON lists BEGIN SELECT raise(ABORT, 'kept'); END",
  );
  const found = await manager.findOneByOrFail(List, { id: list.id });
  await expect(manager.remove(found)).rejects.toThrow("kept");
  expect(await read("SELECT * FROM lists_tags_tags")).toHaveLength(1);
});
