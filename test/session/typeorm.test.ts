import {
  Column,
  type DataSource,
  DefaultNamingStrategy,
  Entity,
  type EntitySubscriberInterface,
  EventSubscriber,
  type InsertEvent,
  ManyToOne,
  OneToMany,
  PrimaryGeneratedColumn,
  type Relation,
  Tree,
  TreeChildren,
  TreeParent,
  type UpdateEvent,
} from "typeorm";
import { City, Continent, Country, entities, Tag, Traveller, Trip } from "../../entities";
import { SessionClosedError } from "../../src/errors";
import type { Session } from "../../src/session/session";
import type { SqliteDatabase } from "../../src/sqlite-database";
import { testDatabases } from "../support/databases";
import { deferred, settle } from "../support/deferred";
import { rawRead } from "../support/raw-database";
import { NOTES, Note } from "../support/small-entities";

const databases = testDatabases();
const boom = new Error("boom");

abstract class Folder {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  name!: string;

  abstract parent: Folder | null;
  abstract children: Folder[];
}

@Entity("closure_folders")
@Tree("closure-table")
class ClosureFolder extends Folder {
  @TreeParent()
  parent!: Relation<ClosureFolder> | null;

  @TreeChildren()
  children!: Relation<ClosureFolder[]>;
}

@Entity("nested_folders")
@Tree("nested-set")
class NestedFolder extends Folder {
  @TreeParent()
  parent!: Relation<NestedFolder> | null;

  @TreeChildren()
  children!: Relation<NestedFolder[]>;
}

@Entity("path_folders")
@Tree("materialized-path")
class PathFolder extends Folder {
  @TreeParent()
  parent!: Relation<PathFolder> | null;

  @TreeChildren()
  children!: Relation<PathFolder[]>;
}

describe.each([
  ["closure table", ClosureFolder],
  ["nested set", NestedFolder],
  ["materialized path", PathFolder],
])("a tree as %s", (_, Kind: new () => Folder) => {
  async function plant(database: SqliteDatabase): Promise<void> {
    const trees = database.manager.getTreeRepository<Folder>(Kind);
    const root = await trees.save(Object.assign(new Kind(), { name: "root", parent: null }));
    const child = await trees.save(Object.assign(new Kind(), { name: "child", parent: root }));
    await trees.save(Object.assign(new Kind(), { name: "grandchild", parent: child }));
  }

  test("is written and read inside a session, and undone with it", async () => {
    const database = await databases.open({ entities: [Kind] });
    const undone = database.session(async () => {
      await plant(database);
      expect(await database.manager.getTreeRepository(Kind).count()).toBe(3);
      throw boom;
    });
    await expect(undone).rejects.toBe(boom);
    const trees = database.manager.getTreeRepository<Folder>(Kind);
    expect(await trees.findTrees()).toEqual([]);

    await database.session(async ({ manager }) => {
      await plant(database);
      expect(await manager.getTreeRepository(Kind).findTrees()).toMatchObject([
        { name: "root", children: [{ name: "child", children: [{ name: "grandchild" }] }] },
      ]);
    });
    const grandchild = await trees.findOneByOrFail({ name: "grandchild" });
    expect((await trees.findAncestors(grandchild)).map(({ name }) => name).sort()).toEqual([
      "child",
      "grandchild",
      "root",
    ]);
    const root = await trees.findOneByOrFail({ name: "root" });
    expect(await trees.countDescendants(root)).toBe(3);
  });
});

describe("the cache of query results", () => {
  const cached = { order: { id: "ASC" }, cache: 60_000 } as const;

  test("answers from what it stored", async () => {
    const database = await databases.open({ entities: [Note], cache: true });
    await database.getRepository(Note).insert({ text: "first" });
    expect(await database.getRepository(Note).find(cached)).toHaveLength(1);
    await database.getRepository(Note).insert({ text: "second" });
    expect(await database.getRepository(Note).find(cached)).toHaveLength(1);
    expect(await database.getRepository(Note).find({ ...cached, cache: false })).toHaveLength(2);
  });

  test("keeps nothing of a session that was rolled back", async () => {
    const database = await databases.open({ entities: [Note], cache: true });
    const undone = database.session(async () => {
      await database.getRepository(Note).insert({ text: "undone" });
      expect(await database.getRepository(Note).find(cached)).toHaveLength(1);
      expect(await database.getRepository(Note).find(cached)).toHaveLength(1);
      throw boom;
    });
    await expect(undone).rejects.toBe(boom);
    expect(await database.getRepository(Note).find(cached)).toEqual([]);
  });

  test("does not keep a read-only session from reading", async () => {
    const database = await databases.open({ entities: [Note], cache: true });
    await database.getRepository(Note).insert({ text: "first" });
    const read = () => database.session(({ manager }) => manager.find(Note, cached), { readonly: true });
    expect(await read()).toHaveLength(1);
    expect(await read()).toHaveLength(1);
  });
});

@Entity("authors")
class Author {
  @PrimaryGeneratedColumn()
  id!: number;

  @OneToMany(
    () => Book,
    (book) => book.author,
    { lazy: true },
  )
  books!: Promise<Relation<Book>[]>;
}

@Entity("books")
class Book {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  title!: string;

  @ManyToOne(
    () => Author,
    (author) => author.books,
  )
  author!: Relation<Author>;
}

@Entity("owners")
class Owner {
  @PrimaryGeneratedColumn()
  id!: number;

  @OneToMany(
    () => Pet,
    (pet) => pet.owner,
    { cascade: true },
  )
  pets!: Relation<Pet>[];
}

@Entity("pets")
class Pet {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ unique: true })
  name!: string;

  @ManyToOne(
    () => Owner,
    (owner) => owner.pets,
  )
  owner!: Relation<Owner>;
}

const heard: string[] = [];
let failsAfterCommit = false;

@EventSubscriber()
class Auditor implements EntitySubscriberInterface<Tag> {
  listenTo() {
    return Tag;
  }
  async afterInsert({ entity, manager, dataSource, queryRunner }: InsertEvent<Tag>): Promise<void> {
    await manager.insert(Note, { text: `manager: ${entity.name}` });
    await dataSource.getRepository(Note).insert({ text: `repository: ${entity.name}` });
    await queryRunner.query("INSERT INTO notes (text) VALUES (?)", [`query runner: ${entity.name}`]);
  }
  async beforeUpdate({ entity, manager }: UpdateEvent<Tag>): Promise<void> {
    // It sees what the session wrote.
    if (entity) entity.name = `${entity.name} of ${await manager.count(Note)} notes`;
  }
}

@EventSubscriber()
class Listener implements EntitySubscriberInterface {
  beforeTransactionStart(): void {
    heard.push("beforeTransactionStart");
  }
  beforeTransactionCommit(): void {
    heard.push("beforeTransactionCommit");
  }
  afterTransactionCommit(): void {
    heard.push("afterTransactionCommit");
    if (failsAfterCommit) throw boom;
  }
  afterTransactionRollback(): void {
    heard.push("afterTransactionRollback");
  }
}

describe("subscribers", () => {
  const audited = ["manager: sea", "repository: sea", "query runner: sea"];

  test("write in the session whose writes they hear of, and are undone with it", async () => {
    const database = await databases.open({ entities: [Note, ...entities], subscribers: [Auditor] });
    const undone = database.session(async ({ manager }) => {
      await manager.insert(Tag, { name: "sea" });
      await database.getRepository(Tag).save({ name: "sun" });
      expect(await manager.count(Note)).toBe(6);
      throw boom;
    });
    await expect(undone).rejects.toBe(boom);
    expect(await rawRead(databases.path, NOTES)).toEqual([]);

    await database.session(async ({ manager }) => {
      const tag = await manager.save(manager.create(Tag, { name: "sea" }));
      tag.name = "ocean";
      await manager.save(tag);
    });
    expect(await rawRead(databases.path, NOTES)).toEqual(audited.map((text) => ({ text })));
    expect(await rawRead(databases.path, "SELECT name FROM tags")).toEqual([{ name: "ocean of 3 notes" }]);
  });

  test("of a save outside of sessions write in the transaction of that save", async () => {
    const database = await databases.open({ entities: [Note, ...entities], subscribers: [Auditor] });
    const save = database.dataSource.transaction(async (manager) => {
      await manager.save(manager.create(Tag, { name: "sea" })).catch(() => {});
      throw boom;
    });
    await expect(save).rejects.toBe(boom);
    expect(await rawRead(databases.path, NOTES)).toEqual([]);
  });

  test("hear of the transaction of a session as of any other", async () => {
    const database = await databases.open({ entities: [Note], subscribers: [Listener] });
    heard.length = 0;
    await database.dataSource.transaction((manager) => manager.insert(Note, { text: "by TypeORM" }));
    const committed = ["beforeTransactionStart", "beforeTransactionCommit", "afterTransactionCommit"];
    expect(heard).toEqual(committed);
    heard.length = 0;
    await database.session(({ manager }) => manager.insert(Note, { text: "by a session" }));
    expect(heard).toEqual(committed);
    heard.length = 0;
    await database
      .session(async ({ manager }) => {
        await manager.insert(Note, { text: "undone" });
        throw boom;
      })
      .catch(() => {});
    expect(heard).toEqual(["beforeTransactionStart", "afterTransactionRollback"]);
  });
});

test("a subscriber that writes before the commit, by a repository of the database, writes in the session", async () => {
  let fails = false;
  let writes = false;
  @EventSubscriber()
  class Outbox implements EntitySubscriberInterface {
    async beforeTransactionCommit({ dataSource }: { dataSource: DataSource }): Promise<void> {
      if (!writes) return;
      await dataSource.getRepository(Note).insert({ text: fails ? "undone" : "from the outbox" });
      if (fails) throw boom;
    }
  }
  const database = await databases.open({ entities: [Note], subscribers: [Outbox], poolTimeout: 1 });
  writes = true;
  await database.session((session) => session.exec("UPDATE notes SET text = text"));
  fails = true;
  await expect(database.session((session) => session.exec("UPDATE notes SET text = text"))).rejects.toBe(
    boom,
  );
  expect(await rawRead(databases.path, NOTES)).toEqual([{ text: "from the outbox" }]);
});

test("a subscriber that fails after the commit undoes nothing, and hears of no rollback", async () => {
  const database = await databases.open({ entities: [Note], subscribers: [Listener] });
  heard.length = 0;
  failsAfterCommit = true;
  try {
    await expect(database.session(({ manager }) => manager.insert(Note, { text: "committed" }))).rejects.toBe(
      boom,
    );
  } finally {
    failsAfterCommit = false;
  }
  expect(heard).toEqual(["beforeTransactionStart", "beforeTransactionCommit", "afterTransactionCommit"]);
  expect(await rawRead(databases.path, NOTES)).toEqual([{ text: "committed" }]);
});

test("a naming strategy names the tables and columns", async () => {
  class Shouting extends DefaultNamingStrategy {
    override columnName(propertyName: string, customName: string): string {
      return (customName || propertyName).toUpperCase();
    }
  }
  const database = await databases.open({ entities: [Note], namingStrategy: new Shouting() });
  await database.getRepository(Note).insert({ text: "loud" });
  expect(await rawRead(databases.path, "SELECT * FROM notes")).toEqual([{ ID: 1, TEXT: "loud" }]);
});

describe("query builders and relations", () => {
  test("of every kind take part in the session", async () => {
    const database = await databases.open({ entities: [Note] });
    const { dataSource } = database;
    const undone = database.session(async ({ manager, queryRunner }) => {
      await manager
        .createQueryBuilder()
        .insert()
        .into(Note)
        .values([{ text: "a" }, { text: "b" }])
        .execute();
      await dataSource.createQueryBuilder().update(Note).set({ text: "c" }).where({ text: "a" }).execute();
      await dataSource.createQueryBuilder(queryRunner).delete().from(Note).where({ text: "b" }).execute();
      const ambient = dataSource
        .getRepository(Note)
        .createQueryBuilder("note")
        .where("note.text = :text", { text: "c" });
      expect(await ambient.getCount()).toBe(1);
      expect(await manager.createQueryBuilder(Note, "note").getMany()).toMatchObject([{ text: "c" }]);
      const [rows, count] = await ambient.getManyAndCount();
      expect([rows.length, count]).toEqual([1, 1]);
      expect(await rawRead(databases.path, NOTES)).toEqual([]);
      throw boom;
    });
    await expect(undone).rejects.toBe(boom);
    expect(await rawRead(databases.path, NOTES)).toEqual([]);
  });

  test("relations of every kind are saved and loaded in one session", async () => {
    const database = await databases.open({ entities });
    const tripId = await database.session(async ({ manager }) => {
      const france = await manager.save(
        manager.create(Country, { iso2: "FR", name: "France", continent: Continent.Europe }),
      );
      const paris = await manager.save(
        manager.create(City, {
          name: "Paris",
          latitude: 48.85,
          longitude: 2.35,
          population: 2_100_000,
          country: france,
        }),
      );
      france.capital = paris;
      await manager.save(france);
      const ada = await manager.save(
        manager.create(Traveller, {
          email: "ada@example.org",
          name: "Ada",
          passport: { number: "AB12345", expiresOn: new Date("2030-01-01"), issuedBy: france },
        }),
      );
      const bob = await manager.save(
        manager.create(Traveller, { email: "bob@example.org", name: "Bob", invitedBy: ada }),
      );
      const trip = await manager.save(
        manager.create(Trip, {
          title: "Weekend",
          departsOn: new Date("2029-05-01"),
          traveller: bob,
          stops: [paris],
          tags: [{ name: "sea" }, { name: "sun" }],
        }),
      );
      return trip.id;
    });
    const trip = await database.session(
      () =>
        database.getRepository(Trip).findOneOrFail({
          where: { id: tripId },
          relations: {
            traveller: { invitedBy: { passport: { issuedBy: { capital: true } } } },
            stops: { country: true },
            tags: true,
          },
        }),
      { readonly: true },
    );
    expect(trip).toMatchObject({
      title: "Weekend",
      departsOn: new Date("2029-05-01"),
      traveller: {
        name: "Bob",
        invitedBy: { name: "Ada", passport: { issuedBy: { capital: { name: "Paris" } } } },
      },
      stops: [{ name: "Paris", country: { iso2: "FR" } }],
    });
    expect(trip.tags.map(({ name }) => name).sort()).toEqual(["sea", "sun"]);
  });

  test("a lazy relation that is loaded in a session is read from its snapshot", async () => {
    const database = await databases.open({ entities: [Author, Book] });
    const { id } = await database.manager.save(new Author());
    await database.session(
      async ({ manager }) => {
        const author = await manager.findOneByOrFail(Author, { id });
        await database.detach(() =>
          database.exec("INSERT INTO books (title, authorId) VALUES ('new', :id)", { id }),
        );
        expect(await author.books).toEqual([]);
      },
      { readonly: true },
    );
    const author = await database.manager.findOneByOrFail(Author, { id });
    expect(await author.books).toMatchObject([{ title: "new" }]);
  });

  test("a lazy relation that is touched after the end of its session is read outside of it", async () => {
    const database = await databases.open({ entities: [Author, Book] });
    const { id } = await database.manager.save(new Author());
    await database.exec("INSERT INTO books (title, authorId) VALUES ('first', :id)", { id });
    const load = (session: Session) => session.get(Author, id);
    const author = (await database.session(load, { readonly: true }))!;
    await database.exec("INSERT INTO books (title, authorId) VALUES ('second', :id)", { id });
    expect(await author.books).toMatchObject([{ title: "first" }, { title: "second" }]);
    await using session = await database.openSession();
    const nested = (await session.transaction(load))!;
    await session.exec("INSERT INTO books (title, authorId) VALUES ('third', :id)", { id });
    // The session around the nested one has not ended.
    expect(await nested.books).toHaveLength(3);
  });

  test("a lazy relation that cannot be loaded rejects for who awaits it and nobody else, and may be tried again", async () => {
    const database = await databases.open({ entities: [Author, Book] });
    await database.manager.save(new Author());
    const unhandled = jest.fn();
    process.on("unhandledRejection", unhandled);
    const ended = deferred();
    let author: Author | null = null;
    let late: Promise<unknown> | undefined;
    await database.session(async (session) => {
      author = await session.get(Author, 1);
      late = ended.promise.then(() => author!.books);
      late.catch(() => {});
    });
    ended.resolve();
    await expect(late).rejects.toThrow(SessionClosedError);
    await settle();
    process.off("unhandledRejection", unhandled);
    expect(unhandled).not.toHaveBeenCalled();
    expect(await author!.books).toEqual([]);
  });

  test("save() outside of sessions is a transaction of its own", async () => {
    const database = await databases.open({ entities: [Owner, Pet, Note] });
    const save = () => database.getRepository(Owner).save({ pets: [{ name: "Rex" }, { name: "Rex" }] });
    const bystander = database.getRepository(Note).insert({ text: "bystander" });
    await expect(save()).rejects.toMatchObject({ kind: "unique", table: "pets", columns: ["name"] });
    await bystander;
    expect(await rawRead(databases.path, "SELECT * FROM owners")).toEqual([]);
    expect(await rawRead(databases.path, NOTES)).toEqual([{ text: "bystander" }]);
  });

  test("a query runner that was not released holds nobody up", async () => {
    const database = await databases.open({ entities: [Note] });
    const inside = deferred();
    await database.session(async () => {
      const runner = database.dataSource.createQueryRunner();
      await runner.query("INSERT INTO notes (text) VALUES ('in the session')");
      inside.resolve();
    });
    const outside = database.dataSource.createQueryRunner();
    await outside.query("INSERT INTO notes (text) VALUES ('outside')");
    await database.session(({ manager }) => manager.insert(Note, { text: "after" }));
    expect(await rawRead(databases.path, NOTES)).toHaveLength(3);
  });
});
