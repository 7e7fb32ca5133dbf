import {
  Check,
  ChildEntity,
  Column,
  Entity,
  ManyToOne,
  OneToMany,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  TableInheritance,
  VersionColumn,
} from "typeorm";
import { SqliteDatabase } from "../../src/sqlite-database";
import { rejection } from "../support/data-sources";
import { testDatabases } from "../support/databases";
import { rawRead } from "../support/raw-database";
import { StatementLog } from "../support/statement-log";

// A row that refers to another of its table is inserted with the reference, after that other one.

const databases = testDatabases();

@Entity("people")
@Check(`"name" = 'root' OR "bossId" IS NOT NULL`)
class Person {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column("text")
  name!: string;

  @VersionColumn()
  version!: number;

  @ManyToOne(
    () => Person,
    (person) => person.subordinates,
  )
  boss?: Person | { id: number };

  @OneToMany(
    () => Person,
    (person) => person.boss,
    { cascade: true },
  )
  subordinates?: Person[];
}

@Entity("folders")
class Folder {
  @PrimaryColumn("text")
  path!: string;

  @ManyToOne(() => Folder)
  parent?: Folder;
}

@Entity("nodes")
@TableInheritance({ column: { type: "text", name: "kind" } })
class Node {
  @PrimaryGeneratedColumn()
  id!: number;

  @ManyToOne(() => Node)
  parent?: Node;
}

@ChildEntity()
class Branch extends Node {
  @Column("text", { nullable: true })
  text?: string;
}

@ChildEntity()
class Leaf extends Node {
  @Column("text", { nullable: true })
  text?: string;
}

@Entity("marks")
class Mark {
  @PrimaryGeneratedColumn()
  id!: number;

  @ManyToOne(() => Node, { nullable: false })
  node!: Node;
}

@Entity("friends")
class Friend {
  @PrimaryGeneratedColumn()
  id!: number;

  @ManyToOne(() => Friend)
  friend?: Friend;
}

const PEOPLE = 'SELECT id, name, bossId AS boss, version FROM "people" WHERE id > 1 ORDER BY id';

let database: SqliteDatabase;
let log: StatementLog;
beforeEach(async () => {
  log = new StatementLog();
  database = await databases.open({
    entities: [Person, Folder, Node, Branch, Leaf, Mark, Friend],
    echo: log,
  });
  await database.exec("INSERT INTO people (id, name, version) VALUES (1, 'root', 1)");
  log.take();
});

const person = (name: string, more: Partial<Person> = {}) => Object.assign(new Person(), { name, ...more });

test("rows that come by a cascade are inserted with the row that they refer to, and not updated", async () => {
  const events: string[] = [];
  database.dataSource.subscribers.push({
    afterInsert: ({ entity }) => void events.push(`inserted ${entity.name}`),
    afterUpdate: ({ entity }) => void events.push(`updated ${entity?.name}`),
  });
  const saved = await database.getRepository(Person).save(
    person("a", {
      boss: { id: 1 },
      subordinates: [person("b", { subordinates: [person("c")] }), person("d")],
    }),
  );
  expect(await rawRead(databases.path, PEOPLE)).toEqual([
    { id: 2, name: "a", boss: 1, version: 1 },
    { id: 3, name: "b", boss: 2, version: 1 },
    { id: 4, name: "c", boss: 3, version: 1 },
    { id: 5, name: "d", boss: 2, version: 1 },
  ]);
  expect(saved).toMatchObject({ id: 2, subordinates: [{ id: 3, version: 1 }, { id: 5 }] });
  expect(events.sort()).toEqual(["inserted a", "inserted b", "inserted c", "inserted d"]);
});

test("a row of an array may refer to one before it", async () => {
  const a = person("a", { boss: { id: 1 } });
  const b = person("b", { boss: a });
  await database.getRepository(Person).save([a, b, person("c", { boss: a }), person("d", { boss: b })]);
  expect(await rawRead(databases.path, PEOPLE)).toEqual([
    { id: 2, name: "a", boss: 1, version: 1 },
    { id: 3, name: "b", boss: 2, version: 1 },
    { id: 4, name: "c", boss: 2, version: 1 },
    { id: 5, name: "d", boss: 3, version: 1 },
  ]);
  expect(log.takeWrites()).toHaveLength(3);
});

test("a row of a session may refer to one that was added after it", async () => {
  await database.session((session) => {
    const a = person("a", { boss: { id: 1 } });
    const b = person("b", { boss: a });
    session.add([person("c", { boss: b }), b, a]);
  });
  expect(await rawRead(databases.path, PEOPLE)).toEqual([
    { id: 2, name: "a", boss: 1, version: 1 },
    { id: 3, name: "b", boss: 2, version: 1 },
    { id: 4, name: "c", boss: 3, version: 1 },
  ]);
});

test("a row of a session may refer to one that was added before it", async () => {
  await database.session(async (session) => {
    const a = person("a", { boss: { id: 1 } });
    session.add([a, person("b", { boss: a })]);
  });
  expect(await rawRead(databases.path, PEOPLE)).toEqual([
    { id: 2, name: "a", boss: 1, version: 1 },
    { id: 3, name: "b", boss: 2, version: 1 },
  ]);
});

test("rows that refer to each other's class but not to each other are one statement", async () => {
  const boss = { id: 1 };
  const people = Array.from({ length: 300 }, (_, n) => person(`p${n}`, { boss }));
  await database.getRepository(Person).save(people);
  expect(log.takeWrites()).toHaveLength(1);
  expect(people.map(({ id }) => id)).toEqual(people.map((_, n) => n + 2));
});

test("rows whose keys are known beforehand are one statement, also if they refer to each other", async () => {
  const root = Object.assign(new Folder(), { path: "/" });
  const sub = Object.assign(new Folder(), { path: "/sub", parent: root });
  await database.getRepository(Folder).save([root, sub]);
  expect(log.takeWrites()).toHaveLength(1);
  expect(await rawRead(databases.path, "SELECT path, parentPath FROM folders ORDER BY path")).toEqual([
    { path: "/", parentPath: null },
    { path: "/sub", parentPath: "/" },
  ]);
});

test("a row of one class may refer to a row of another class in the same table", async () => {
  const first = Object.assign(new Leaf(), { text: "first" });
  const branch = Object.assign(new Branch(), { text: "branch" });
  const second = Object.assign(new Leaf(), { text: "second", parent: branch });
  // For what cannot do without a node, TypeORM keeps the nodes in the order in which they were given.
  await database.manager.save([first, branch, second, Object.assign(new Mark(), { node: second })]);
  expect(await rawRead(databases.path, "SELECT text, parentId AS parent FROM nodes ORDER BY id")).toEqual([
    { text: "first", parent: null },
    { text: "branch", parent: null },
    { text: "second", parent: branch.id },
  ]);
  expect(log.takeWrites()).toHaveLength(4);
});

test("rows that refer to each other in a circle have both references", async () => {
  const one = new Friend();
  const other = Object.assign(new Friend(), { friend: one });
  one.friend = other;
  await database.manager.save([one, other]);
  expect(await rawRead(databases.path, "SELECT id, friendId AS friend FROM friends ORDER BY id")).toEqual([
    { id: one.id, friend: other.id },
    { id: other.id, friend: one.id },
  ]);
});

describe("save()", () => {
  test("of nothing, or of what is no entity, says so", async () => {
    const { manager } = database;
    expect(await manager.save([])).toEqual([]);
    const nothing = null as unknown as Person;
    expect((await rejection(manager.save(Person, nothing))).message).toMatch("must be an entity");
    expect((await rejection(manager.save({ name: "a" }))).message).toMatch("instance of entity class");
  });

  test("in chunks, with data for subscribers, is one transaction", async () => {
    const data: unknown[] = [];
    database.dataSource.subscribers.push({
      listenTo: () => Person,
      beforeInsert: ({ queryRunner }) => void data.push(queryRunner.data),
    });
    const people = [1, 2, 3].map((n) => person(`p${n}`, { boss: { id: 1 } }));
    await database.getRepository(Person).save(people, { chunk: 2, data: "given" });
    expect(data).toEqual(["given", "given", "given"]);
    expect(log.take().filter((sql) => !/^SELECT/.test(sql))).toEqual([
      "BEGIN TRANSACTION",
      expect.stringContaining("INSERT"),
      expect.stringContaining("INSERT"),
      "COMMIT",
    ]);
    const failing = [person("p4", { boss: { id: 1 } }), person("no boss")];
    await expect(database.getRepository(Person).save(failing, { chunk: 1 })).rejects.toThrow("CHECK");
    expect(await rawRead(databases.path, PEOPLE)).toHaveLength(3);
  });
});
