import {
  BeforeInsert,
  BeforeUpdate,
  Column,
  Entity,
  type EntitySubscriberInterface,
  EventSubscriber,
  type InsertEvent,
  ManyToOne,
  OneToMany,
  PrimaryGeneratedColumn,
  type Relation,
} from "typeorm";
import type { SqliteDatabase } from "../../src/sqlite-database";
import { BLOG, Post, User } from "../support/blog-entities";
import { testDatabases } from "../support/databases";
import { rawExec, rawRead } from "../support/raw-database";
import { StatementLog } from "../support/statement-log";

const databases = testDatabases();

@Entity("accounts")
class Account {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ unique: true })
  name!: string;

  @Column({ select: false })
  password!: string;

  @Column({ type: "text", nullable: true })
  note?: string | null;

  @BeforeInsert()
  @BeforeUpdate()
  hash(): void {
    if (this.password) this.password = `hash(${this.password})`;
  }
}

function account(name: string, password = "pw"): Account {
  return Object.assign(new Account(), { name, password });
}

@Entity("shelves")
class Shelf {
  @PrimaryGeneratedColumn()
  id!: number;

  @OneToMany(
    () => Book,
    (book) => book.shelf,
  )
  books!: Relation<Book[]>;

  @OneToMany(
    () => Vase,
    (vase) => vase.shelf,
  )
  vases!: Relation<Vase[]>;
}

@Entity("books")
class Book {
  @PrimaryGeneratedColumn()
  id!: number;

  @ManyToOne(
    () => Shelf,
    (shelf) => shelf.books,
    { orphanedRowAction: "delete" },
  )
  shelf!: Relation<Shelf>;
}

@Entity("vases")
class Vase {
  @PrimaryGeneratedColumn()
  id!: number;

  @ManyToOne(
    () => Shelf,
    (shelf) => shelf.vases,
    { eager: true },
  )
  shelf!: Relation<Shelf> | null;
}

let whileInserting: ((entity: unknown) => unknown) | undefined;
let afterInserting: ((entity: unknown) => unknown) | undefined;

@EventSubscriber()
class Meddler implements EntitySubscriberInterface {
  beforeQuery({ query }: { query: string }): void {
    if (query.startsWith("INSERT")) whileInserting?.(undefined);
  }

  async afterInsert({ entity }: InsertEvent<unknown>): Promise<void> {
    await afterInserting?.(entity);
  }
}

beforeEach(() => {
  whileInserting = undefined;
  afterInserting = undefined;
});

const read = (sql: string) => rawRead(databases.path, sql);
const open = (): Promise<SqliteDatabase> =>
  databases.open({ entities: [...BLOG, Account, Shelf, Book, Vase], subscribers: [Meddler] });

describe("a flush that fails", () => {
  test("leaves new entities without the ids they were given, so that the work can be tried again", async () => {
    const database = await open();
    await database.session((session) => {
      const ada = Object.assign(new User(), { username: "ada" });
      session.add([ada, Object.assign(new Post(), { title: "hers", author: ada })]);
    });
    const mine = Object.assign(new User(), { username: "mine" });
    const work = database.session(async (session) => {
      const ada = (await session.get(User, 1))!;
      session.add(mine);
      session.delete(ada);
    });
    await expect(work).rejects.toThrow("FOREIGN KEY");
    expect(mine.id).toBeUndefined();

    await rawExec(databases.path, "INSERT INTO users (username) VALUES ('somebody else')");
    await database.session((session) => session.add(mine));
    expect(await read("SELECT username FROM users ORDER BY id")).toEqual([
      { username: "ada" },
      { username: "somebody else" },
      { username: "mine" },
    ]);
  });

  test("leaves what listeners have changed as it was, so that nothing is hashed twice", async () => {
    const database = await open();
    afterInserting = () => {
      throw new Error("boom");
    };
    const ada = account("ada");
    await expect(database.session((session) => session.add(ada))).rejects.toThrow("boom");
    expect(ada).toMatchObject({ name: "ada", password: "pw" });
    afterInserting = undefined;
    await database.session((session) => session.add(ada));
    expect(await read("SELECT password FROM accounts")).toEqual([{ password: "hash(pw)" }]);
  });

  test("keeps what was changed for the next one, where the session goes on", async () => {
    const database = await open();
    await rawExec(databases.path, "INSERT INTO accounts (name, password) VALUES ('ada', 'a'), ('bob', 'b')");
    await database.session(async (session) => {
      const bob = (await session.get(Account, 2))!;
      bob.note = "changed";
      bob.name = "ada";
      await expect(session.flush()).rejects.toThrow("UNIQUE");
      expect(bob).toMatchObject({ name: "ada", note: "changed" });
      bob.name = "bert";
    });
    expect(await read("SELECT name, note FROM accounts WHERE id = 2")).toEqual([
      { name: "bert", note: "changed" },
    ]);
  });
});

describe("what a listener changed before it was written", () => {
  test("is not written again by the next flush, also in a column that is not selected", async () => {
    const database = await open();
    await database.session(async (session) => {
      const ada = account("ada");
      session.add(ada);
      await session.flush();
      await session.flush();
      ada.password = "new";
      await session.flush();
      await session.exec("SELECT 1");
    });
    expect(await read("SELECT password FROM accounts")).toEqual([{ password: "hash(new)" }]);
  });
});

describe("what is set while it is written", () => {
  test("is written by the next flush, also where nothing was before", async () => {
    const database = await open();
    await database.session(async (session) => {
      const ada = account("ada");
      whileInserting = () => {
        ada.note = "late";
        ada.name = "ada l.";
      };
      session.add(ada);
      await session.flush();
      whileInserting = undefined;
      await session.flush();
    });
    expect(await read("SELECT name, note FROM accounts")).toEqual([{ name: "ada l.", note: "late" }]);
  });

  test("is nothing where TypeORM made NULL of what was not given", async () => {
    const log = new StatementLog();
    const database = await databases.open({ entities: [Account], echo: log });
    await database.session(async (session) => {
      session.add(account("ada"));
      await session.flush();
      log.take();
      await session.flush();
      expect(log.take()).toEqual([]);
    });
  });
});

describe("a commit writes", () => {
  test("what subscribers add, change and delete while it is written, as far as that goes", async () => {
    const database = await open();
    await database.session((session) => session.add([account("left"), account("right")]));
    await database.session(async (session) => {
      const left = (await session.get(Account, 1))!;
      const right = (await session.get(Account, 2))!;
      afterInserting = async (entity) => {
        if (!(entity instanceof Account)) return;
        if (entity.name === "one") {
          session.add(account("two"));
          left.note = "changed";
        }
        if (entity.name === "two") await database.session((nested) => nested.add(account("three")));
        if (entity.name === "three") session.delete(right);
      };
      session.add(account("one"));
    });
    expect(await read("SELECT name, note FROM accounts ORDER BY id")).toEqual([
      { name: "left", note: "changed" },
      { name: "one", note: null },
      { name: "two", note: null },
      { name: "three", note: null },
    ]);
  });

  test("it in a session under manual control too", async () => {
    const database = await open();
    await using session = await database.openSession();
    afterInserting = (entity) => {
      if ((entity as Account).name === "one") session.add(account("two"));
    };
    session.add(account("one"));
    await session.commit();
    expect(await read("SELECT name FROM accounts")).toEqual([{ name: "one" }, { name: "two" }]);
  });

  test("nothing, and says why, where that would never end", async () => {
    const database = await open();
    let number = 0;
    const work = database.session((session) => {
      afterInserting = () => session.add(account(`number ${number++}`));
      session.add(account("first"));
    });
    await expect(work).rejects.toMatchObject({ code: "ENDLESS_FLUSH" });
    expect(await read("SELECT name FROM accounts")).toEqual([]);
  });
});

describe("what was added to the session has its id", () => {
  const newUser = (username: string) => Object.assign(new User(), { username });
  const posts = () =>
    read("SELECT title, username FROM posts LEFT JOIN users ON users.id = author_id ORDER BY posts.id");

  test("where manager.insert() and update() refer to it, in the session and by way of the database", async () => {
    const database = await open();
    await database.session(async (session) => {
      const [ada, bob, eve] = [newUser("ada"), newUser("bob"), newUser("eve")];
      session.add(ada);
      await session.manager.insert(Post, { title: "one", author: ada });
      session.add(bob);
      await database.getRepository(Post).insert({ title: "two", author: bob });
      session.add(eve);
      await session.manager.update(Post, 1, { author: eve });
    });
    expect(await posts()).toEqual([
      { title: "one", username: "eve" },
      { title: "two", username: "bob" },
    ]);
  });

  test("where the builder for relations refers to it", async () => {
    const database = await open();
    await database.session(async (session) => {
      const [ada, bob] = [newUser("ada"), newUser("bob")];
      session.add(ada);
      await session.manager.insert(Post, [{ title: "one" }, { title: "two" }]);
      session.add(bob);
      const relation = (of: number) => session.manager.createQueryBuilder().relation(Post, "author").of(of);
      await relation(1).set(bob);
      await database.dataSource.createQueryBuilder().relation(User, "posts").of(bob).add(2);
    });
    expect(await posts()).toEqual([
      { title: "one", username: "bob" },
      { title: "two", username: "bob" },
    ]);
  });

  test("when it is saved as well, and so is inserted once", async () => {
    const database = await open();
    await database.session(async (session) => {
      const [ada, bob, eve] = [newUser("ada"), newUser("bob"), newUser("eve")];
      session.add([ada, bob, eve]);
      await session.manager.save(ada);
      await database.getRepository(User).save([bob]);
      await session.manager.remove(eve);
    });
    expect(await read("SELECT username FROM users")).toEqual([{ username: "ada" }, { username: "bob" }]);
  });
});

describe("what a relation lets go of", () => {
  const onShelf = <T extends object>(made: T, shelf: Shelf): T => Object.assign(made, { shelf });

  test("is not found any more where its row is deleted with that, until that is undone", async () => {
    const database = await open();
    await database.session(async (session) => {
      const shelf = new Shelf();
      const [one, two] = [onShelf(new Book(), shelf), onShelf(new Book(), shelf)];
      session.add([shelf, one, two]);
      await session.flush();
      const nested = session.transaction(async () => {
        shelf.books = [two];
        await session.flush();
        expect(await session.get(Book, 1)).toBeNull();
        throw new Error("boom");
      });
      await expect(nested).rejects.toThrow("boom");
      expect(await session.get(Book, 1)).toBe(one);
      shelf.books = [two];
      await session.flush();
      expect(await session.get(Book, 1)).toBeNull();
    });
    expect(await read("SELECT id FROM books")).toEqual([{ id: 2 }]);
  });

  test("is read anew where it only does not refer to it any more", async () => {
    const database = await open();
    await database.session(async (session) => {
      const shelf = new Shelf();
      const vase = onShelf(new Vase(), shelf);
      session.add([shelf, vase]);
      await session.flush();
      shelf.vases = [];
      await session.flush();
      expect(await session.get(Vase, 1)).toBe(vase);
      expect(vase.shelf).toBeNull();
    });
  });
});
