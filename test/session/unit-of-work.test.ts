import {
  ChildEntity,
  Column,
  Entity,
  type EntitySubscriberInterface,
  EventSubscriber,
  type InsertEvent,
  ManyToOne,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  type Relation,
  TableInheritance,
  type TransactionCommitEvent,
  type UpdateEvent,
} from "typeorm";
import { City, Continent, Country, entities } from "../../entities";
import {
  ConstraintError,
  DatabaseError,
  ParameterError,
  ReadonlyError,
  SessionClosedError,
} from "../../src/errors";
import type { Session } from "../../src/session/session";
import type { SqliteDatabase } from "../../src/sqlite-database";
import { BLOG, Comment, Label, Membership, Money, Post, Profile, User } from "../support/blog-entities";
import { testDatabases } from "../support/databases";
import { deferred } from "../support/deferred";
import { rawExec, rawRead } from "../support/raw-database";
import { StatementLog } from "../support/statement-log";

const databases = testDatabases();
const boom = new Error("boom");
const log = new StatementLog();

async function open(): Promise<SqliteDatabase> {
  const database = await databases.open({ entities: BLOG, echo: log });
  log.take();
  return database;
}

/** With users 1, "ada", and 2, "bob". */
async function openWithUsers(): Promise<SqliteDatabase> {
  const database = await open();
  await database.execScript(
    "INSERT INTO users (username) VALUES ('ada'); INSERT INTO users (username) VALUES ('bob')",
  );
  log.take();
  return database;
}

function user(username: string, values: Partial<User> = {}): User {
  return Object.assign(new User(), { username }, values);
}

function post(title: string, author?: User): Post {
  return Object.assign(new Post(), { title }, author && { author });
}

const read = (sql: string) => rawRead(databases.path, sql);
const names = async () =>
  (await read("SELECT username FROM users ORDER BY id")).map(({ username }) => username);

@Entity("chunks")
class Chunk {
  @PrimaryColumn("blob")
  hash!: Buffer;

  @Column()
  size!: number;
}

@Entity("days")
class Day {
  @PrimaryColumn("datetime")
  date!: Date;

  @Column()
  name!: string;
}

describe("get", () => {
  test("loads, and what was changed is flushed and committed when the work resolves", async () => {
    const database = await openWithUsers();
    const id = 1;
    const user = await database.session(async (session) => {
      const user = await session.get(User, id);
      user!.username = "new_name";
      return user;
    });
    expect(user).toBeInstanceOf(User);
    expect(await names()).toEqual(["new_name", "bob"]);
    expect(log.takeWrites()).toEqual([`UPDATE "users" SET "username" = ? WHERE "id" = ?`]);
  });

  test("gives the same instance for the same id, without another query, however it is given", async () => {
    const database = await openWithUsers();
    await database.session(async (session) => {
      const ada = await session.get(User, 1);
      log.take();
      expect(await session.get(User, 1)).toBe(ada);
      expect(await session.get(User, { id: 1 })).toBe(ada);
      expect(await session.get(User, "1")).toBe(ada);
      expect(log.take()).toEqual([]);
      expect(await session.get(User, 2)).not.toBe(ada);
    });
    await database.session(async (session) => {
      const both = await Promise.all([session.get(User, 1), session.get(User, 1)]);
      expect(both[0]).toBe(both[1]);
    });
  });

  test("gives null for what is not there", async () => {
    const database = await openWithUsers();
    await database.session(async (session) => {
      expect(await session.get(User, 99)).toBeNull();
      await session.exec("INSERT INTO users (id, username) VALUES (99, 'late')");
      expect(await session.get(User, 99)).toMatchObject({ username: "late" });
    });
  });

  test("takes an object for a composite key, and refuses a part of it", async () => {
    const database = await open();
    await rawExec(
      databases.path,
      "INSERT INTO memberships VALUES (1, 'chess', 'member'), (1, 'go', 'member')",
    );
    await database.session(async (session) => {
      const chess = await session.get(Membership, { userId: 1, club: "chess" });
      expect(await session.get(Membership, { club: "chess", userId: 1 })).toBe(chess);
      const go = await session.get(Membership, { userId: 1, club: "go" });
      expect(go).not.toBe(chess);
      go!.role = "chair";
      await expect(session.get(Membership, { userId: 1 })).rejects.toThrow(ParameterError);
      await expect(session.get(Membership, { userId: 1 })).rejects.toThrow(/userId, club/);
      await expect(session.get(Membership, 1)).rejects.toThrow(/multiple primary columns/);
      await expect(session.get(User, undefined)).rejects.toThrow(ParameterError);
    });
    expect(log.takeWrites()).toEqual([
      `UPDATE "memberships" SET "role" = ? WHERE ((("userId" = ? AND "club" = ?)))`,
    ]);
    expect(await read("SELECT club, role FROM memberships ORDER BY club")).toEqual([
      { club: "chess", role: "member" },
      { club: "go", role: "chair" },
    ]);
  });

  test("takes bytes and a date for a key, as such or in an object", async () => {
    const database = await databases.open({ entities: [Chunk, Day] });
    const [hash, date] = [Buffer.from([1, 2]), new Date("2030-01-02")];
    await database.manager.insert(Chunk, { hash, size: 2 });
    await database.manager.insert(Day, { date, name: "Wednesday" });
    await database.session(async (session) => {
      const chunk = await session.get(Chunk, hash);
      expect(chunk).toMatchObject({ size: 2 });
      expect(await session.get(Chunk, new Uint8Array(hash))).toBe(chunk);
      expect(await session.get(Chunk, { hash })).toBe(chunk);
      expect(await session.get(Chunk, Buffer.from([2, 1]))).toBeNull();
      const day = await session.get(Day, date);
      expect(day).toMatchObject({ name: "Wednesday" });
      expect(await session.get(Day, { date })).toBe(day);
    });
  });

  test("tracks the entities that come with it because their relation is eager", async () => {
    const database = await openWithUsers();
    await rawExec(databases.path, "INSERT INTO profiles (bio, userId) VALUES ('writes', 1)");
    await database.session(async (session) => {
      const ada = await session.get(User, 1);
      const profile = await session.get(Profile, 1);
      expect(profile!.user).toBe(ada);
      profile!.user.age = 36;
    });
    expect(log.takeWrites()).toEqual([`UPDATE "users" SET "age" = ? WHERE "id" = ?`]);
  });

  test("works in a read-only session, in which a change is refused before anything is sent", async () => {
    const database = await openWithUsers();
    const session = database.session(
      async (session) => {
        const ada = await session.get(User, 1);
        expect(await session.get(User, 1)).toBe(ada);
        await session.flush();
        ada!.age = 36;
        log.take();
        await expect(session.flush()).rejects.toThrow(ReadonlyError);
        await expect(session.manager.count(User)).rejects.toThrow(ReadonlyError);
        expect(log.take()).toEqual([]);
      },
      { readonly: true, label: "report" },
    );
    await expect(session).rejects.toThrow(/"report" is read-only.*User/);
    expect(log.takeWrites()).toEqual([]);
  });
});

describe("a flush", () => {
  test("sends nothing when nothing has changed", async () => {
    const database = await openWithUsers();
    await database.execScript(
      `UPDATE users SET settings = '{"theme":"dark"}', born = '1815-12-10 00:00:00.000', avatar = x'0102', balance = 5`,
    );
    await database.session(async (session) => {
      const ada = await session.get(User, 1);
      expect(ada).toMatchObject({ settings: { theme: "dark" }, avatar: Buffer.from([1, 2]) });
      log.take();
      await session.flush();
      Object.assign(ada!, {
        settings: { theme: "dark" },
        born: new Date(ada!.born!),
        avatar: Buffer.from([1, 2]),
        balance: new Money(5),
      });
      await session.flush();
      expect(log.take()).toEqual([]);
    });
    expect(log.take()).toEqual(["COMMIT"]);
  });

  test("leaves alone what others wrote to columns that were not changed", async () => {
    const database = await openWithUsers();
    await database.session(async (session) => {
      const ada = await session.get(User, 1);
      await session.exec("UPDATE users SET age = 99, settings = '[]' WHERE id = 1");
      ada!.username = "ada.lovelace";
    });
    expect(log.takeWrites()).toContain(`UPDATE "users" SET "username" = ? WHERE "id" = ?`);
    expect(await read("SELECT username, age FROM users WHERE id = 1")).toEqual([
      { username: "ada.lovelace", age: 99 },
    ]);
  });

  test.each<[string, string, (user: User) => void, unknown]>([
    ["JSON changed inside", "settings", ({ settings }) => settings!.tags!.push("b"), '{"tags":["a","b"]}'],
    [
      "JSON replaced",
      "settings",
      (user) => Object.assign(user, { settings: { theme: "x" } }),
      '{"theme":"x"}',
    ],
    ["a Date changed inside", "born", ({ born }) => born!.setUTCFullYear(1999), "1999-01-01 00:00:00.000"],
    ["bytes changed inside", "avatar", ({ avatar }) => avatar!.fill(7), Buffer.from([7, 7])],
    ["a value object", "balance", (user) => Object.assign(user, { balance: new Money(700) }), 700],
    ["a value set to null", "balance", (user) => Object.assign(user, { balance: null }), null],
    ["a column that is not selected", "secret", (user) => Object.assign(user, { secret: "s" }), "s"],
  ])("writes only the column with %s", async (_, column, change, stored) => {
    const database = await openWithUsers();
    await database.session(async (session) => {
      const values = { settings: { tags: ["a"] }, born: new Date("2000-01-01"), avatar: Buffer.from([1, 2]) };
      await session.manager.update(User, 1, { ...values, balance: new Money(5) });
      const ada = await session.get(User, 1);
      log.take();
      change(ada!);
      await session.flush();
      expect(log.takeWrites()).toEqual([`UPDATE "users" SET "${column}" = ? WHERE "id" = ?`]);
      await session.flush();
      expect(log.take()).toEqual([]);
    });
    expect(await read(`SELECT ${column} AS value FROM users WHERE id = 1`)).toEqual([{ value: stored }]);
  });

  test("writes a column inside an embedded object alone", async () => {
    const database = await openWithUsers();
    await rawExec(databases.path, "UPDATE users SET addressStreet = 'Main', addressTown = 'Ely'");
    await database.session(async (session) => {
      const ada = await session.get(User, 1);
      ada!.address.town = "London";
    });
    expect(log.takeWrites()).toEqual([`UPDATE "users" SET "addressTown" = ? WHERE "id" = ?`]);
    expect(await read("SELECT addressStreet, addressTown FROM users WHERE id = 1")).toEqual([
      { addressStreet: "Main", addressTown: "London" },
    ]);
  });

  test("counts the version, sets the update date, and gives both to the entity", async () => {
    const database = await openWithUsers();
    await rawExec(
      databases.path,
      "INSERT INTO posts (title, version, created, updated) VALUES ('a', 1, '2020-01-01', '2020-01-01')",
    );
    await database.session(async (session) => {
      const post = await session.get(Post, 1);
      const updated = post!.updated;
      post!.title = "B";
      await session.flush();
      expect(post).toMatchObject({ version: 2, slug: "b" });
      expect(post!.updated.getTime()).toBeGreaterThan(updated.getTime());
      log.take();
      await session.flush();
      expect(log.takeWrites()).toEqual([]);
    });
    expect(await read("SELECT title, slug, version FROM posts")).toEqual([
      { title: "B", slug: "b", version: 2 },
    ]);
  });

  test("changes a join column when another parent is assigned, also to one that is only being added, and to none", async () => {
    const database = await openWithUsers();
    await rawExec(databases.path, "INSERT INTO posts (title, version, author_id) VALUES ('a', 1, 1)");
    const authors = () => read("SELECT author_id, username FROM posts LEFT JOIN users u ON u.id = author_id");
    await database.session(async (session) => {
      const post = await session.get(Post, 1);
      post!.author = await session.get(User, 2);
      log.take();
      await session.flush();
      expect(log.takeWrites()[0]).toMatch(/^UPDATE "posts" SET "author_id" = \?, "slug" = \?, "version" =/);
      post!.author = user("cleo");
      session.add(post!.author);
    });
    expect(await authors()).toEqual([{ author_id: 3, username: "cleo" }]);
    await database.session(async (session) => {
      const post = await session.get(Post, 1);
      post!.author = null;
    });
    expect(await authors()).toEqual([{ author_id: null, username: null }]);
  });

  test("inserts parents before children, and deletes children before parents, whatever the order of the calls", async () => {
    const database = await open();
    const ids = await database.session(async (session) => {
      const ada = user("ada");
      const first = post("first", ada);
      const comment = Object.assign(new Comment(), { text: "nice", post: first });
      session.add([comment, first]);
      session.add(ada);
      await session.flush();
      return { ada: ada.id, first: first.id, comment: comment.id };
    });
    expect(ids).toEqual({ ada: 1, first: 1, comment: 1 });
    expect(log.takeWrites().map((sql) => sql.split('"')[1])).toEqual(["users", "posts", "comments"]);
    await database.session(async (session) => {
      const ada = await session.get(User, 1);
      const first = await session.get(Post, 1);
      first!.author = ada;
      const comment = await session.get(Comment, 1);
      comment!.post = first!;
      await session.flush();
      log.take();
      session.delete(ada!);
      session.delete(first!);
      session.delete(comment!);
    });
    expect(log.takeWrites().map((sql) => sql.split('"')[1])).toEqual(["comments", "posts", "users"]);
    expect(await names()).toEqual([]);
  });

  test("tracks what it has inserted, with the values that the database gave", async () => {
    const database = await open();
    await database.session(async (session) => {
      const ada = user("ada");
      session.add(ada);
      session.add(ada);
      await session.flush();
      expect(ada).toMatchObject({ id: 1, age: 18, status: "new" });
      log.take();
      expect(await session.get(User, 1)).toBe(ada);
      await session.flush();
      expect(log.take()).toEqual([]);
      ada.age = 36;
      await session.flush();
      expect(log.takeWrites()).toEqual([`UPDATE "users" SET "age" = ? WHERE "id" = ?`]);
    });
    expect(await names()).toEqual(["ada"]);
  });

  test("writes by cascades, of which it then knows, and takes no rows away that it was not told of", async () => {
    const database = await open();
    await database.session(async (session) => {
      const ada = user("ada", { posts: [post("one")] });
      session.add(ada);
      await session.flush();
      expect(await session.get(Post, 1)).toBe(ada.posts[0]);
      await session.exec("INSERT INTO posts (title, version, author_id) VALUES ('by others', 1, 1)");
      ada.age = 36;
      ada.posts[0]!.title = "uno";
      await session.flush();
      ada.posts.push(post("two"));
      await session.flush();
      ada.posts[1]!.title = "zwei";
    });
    expect(await read("SELECT title, author_id FROM posts ORDER BY id")).toEqual([
      { title: "uno", author_id: 1 },
      { title: "by others", author_id: 1 },
      { title: "zwei", author_id: 1 },
    ]);
  });

  test("inserts a child once, and with its parent at once", async () => {
    const database = await open();
    await database.session((session) => {
      const ada = user("ada");
      session.add([post("third", ada), ada]);
    });
    expect(log.takeWrites().map((sql) => sql.split("(")[0])).toEqual([
      'INSERT INTO "users"',
      'INSERT INTO "posts"',
    ]);
    expect(await read("SELECT version, author_id FROM posts WHERE title = 'third'")).toEqual([
      { version: 1, author_id: 1 },
    ]);
  });

  test("refuses a reference to a new entity that nobody added, instead of storing NULL", async () => {
    const database = await open();
    const session = database.session((session) => session.add(post("first", user("ada"))));
    await expect(session).rejects.toThrow(/Post\.author refers to a new User that is not in this session/);
    expect(log.takeWrites()).toEqual([]);
  });

  test("says of a copy that create() has made of a new entity how to do without", async () => {
    const database = await open();
    const session = database.session((session) => {
      const ada = user("ada");
      session.add([ada, session.manager.create(Post, { title: "first", author: ada })]);
    });
    await expect(session).rejects.toThrow(/manager\.create\(\) copies what is related: assign it afterwards/);
    await database.session((session) => {
      const ada = user("ada");
      const first = session.manager.create(Post, { title: "first" });
      first.author = ada;
      session.add([ada, first]);
    });
    expect(await read("SELECT title, author_id FROM posts")).toEqual([{ title: "first", author_id: 1 }]);
  });

  test("inserts and deletes rows of tables that refer to each other", async () => {
    const database = await databases.open({ entities });
    const { paris, france } = await database.session((session) => {
      const { manager } = session;
      const france = manager.create(Country, { iso2: "FR", name: "France", continent: Continent.Europe });
      const paris = manager.create(City, {
        name: "Paris",
        latitude: 48.85,
        longitude: 2.35,
      });
      paris.country = france;
      france.capital = paris;
      session.add([paris, france]);
      return { paris, france };
    });
    expect(paris.country).toBe(france);
    expect(
      await database.getRepository(Country).findOne({ where: {}, relations: { capital: true } }),
    ).toMatchObject({
      name: "France",
      capital: { name: "Paris" },
    });
    await database.session(async (session) => {
      const france = await session.get(Country, "FR");
      const paris = await session.get(City, 1);
      france!.capital = null;
      session.delete(france!);
      session.delete(paris!);
      await session.flush();
      expect(await session.manager.count(City)).toBe(0);
    });
  });

  test("writes a many-to-many relation", async () => {
    const database = await open();
    const label = (name: string) => Object.assign(new Label(), { name });
    await database.session(async (session) => {
      const [red, blue, green] = ["red", "blue", "green"].map(label);
      const first = Object.assign(post("first"), { labels: [red!, blue!] });
      session.add([first, red!, blue!, green!]);
      await session.flush();
      first.labels = [blue!, green!];
    });
    const labels = await read(`SELECT "labelsName" AS name FROM post_labels ORDER BY name`);
    expect(labels).toEqual([{ name: "blue" }, { name: "green" }]);
  });

  describe("of more entities than SQLite takes in one expression", () => {
    const MANY = 1001;
    const each = <T>(make: (index: number) => T) => Array.from({ length: MANY }, (_, index) => make(index));
    const membership = (index: number) =>
      Object.assign(new Membership(), { userId: index, club: "chess", role: "member" });
    const count = async (table: string) => (await read(`SELECT count(*) AS count FROM ${table}`))[0]!.count;

    test("adds, changes and deletes those that have a composite key", async () => {
      const database = await open();
      const members = each(membership);
      await database.session(async (session) => {
        session.add(members);
        await session.flush();
        for (const member of members) member.role = "chair";
      });
      expect(await count("memberships WHERE role = 'chair'")).toBe(MANY);
      await database.session((session) => {
        for (const member of members) session.delete(member);
      });
      expect(await count("memberships")).toBe(0);
    });

    test("deletes them, and takes away the links of a many-to-many relation", async () => {
      const database = await open();
      const labels = each((index) => Object.assign(new Label(), { name: `label ${index}` }));
      await database.session(async (session) => {
        const first = Object.assign(post("first"), { labels });
        session.add([first, ...labels]);
        await session.flush();
        expect(await session.exec("SELECT count(*) FROM post_labels").then((rows) => rows.scalar())).toBe(
          MANY,
        );
        first.labels = [];
        await session.flush();
        for (const label of labels) session.delete(label);
      });
      expect([await count("post_labels"), await count("labels")]).toEqual([0, 0]);
    });

    test("saves and removes them by a manager as well", async () => {
      const database = await open();
      await database.manager.save(each(membership));
      expect(await count("memberships")).toBe(MANY);
      await database.manager.remove(each(membership));
      expect(await count("memberships")).toBe(0);
      const users = await database.manager.save(each((index) => user(`user ${index}`)));
      await database.manager.remove(users);
      expect(await names()).toEqual([]);
    });
  });

  test("that fails has written nothing, rejects with the error of SQLite, and may be repeated", async () => {
    const database = await openWithUsers();
    await database.session(async (session) => {
      const cleo = user("cleo");
      const twin = user("ada");
      session.add([cleo, twin]);
      await expect(session.flush()).rejects.toThrow(ConstraintError);
      expect((await rawCount(session)).username).toBe(2);
      twin.username = "dora";
      await session.flush();
    });
    expect(await names()).toEqual(["ada", "bob", "cleo", "dora"]);

    async function rawCount(session: { queryRunner: { query(sql: string): Promise<unknown> } }) {
      // Reading flushes, which fails again.
      await expect(session.queryRunner.query("SELECT 1")).rejects.toThrow(ConstraintError);
      return { username: (await names()).length };
    }
  });

  test("that fails leaves nothing of its first statements behind", async () => {
    const database = await openWithUsers();
    await database.session(async (session) => {
      const [label, twin] = [Object.assign(new Label(), { name: "red" }), user("ada")];
      session.add([label, twin]);
      await expect(session.flush()).rejects.toThrow(ConstraintError);
      session.delete(label);
      session.delete(twin);
    });
    expect(await read("SELECT name FROM labels")).toEqual([]);
  });

  test("that fails at the end rolls the session back and rejects with the error of SQLite", async () => {
    const database = await openWithUsers();
    const session = database.session(async (session) => {
      await session.exec("INSERT INTO users (username) VALUES ('undone')");
      const ada = await session.get(User, 1);
      ada!.username = "bob";
    });
    await expect(session).rejects.toMatchObject({
      name: "ConstraintError",
      kind: "unique",
      table: "users",
      columns: ["username"],
    });
    expect(await names()).toEqual(["ada", "bob"]);
  });

  test("does not happen when the work rejects", async () => {
    const database = await openWithUsers();
    const session = database.session(async (session) => {
      const ada = await session.get(User, 1);
      ada!.age = 36;
      session.add(user("cleo"));
      throw boom;
    });
    await expect(session).rejects.toBe(boom);
    expect(log.takeWrites()).toEqual([]);
    expect(await names()).toEqual(["ada", "bob"]);
  });

  test.each<
    [string, (database: SqliteDatabase, work: (session: Session) => Promise<void>) => Promise<unknown>]
  >([
    ["database.session", (database, work) => database.session(work)],
    [
      "a session under manual control",
      async (database, work) => {
        await using session = await database.openSession();
        await work(session);
        await session.commit();
      },
    ],
  ])(
    "of work that is tried again by %s inserts its own rows, and writes to nobody else's",
    async (_, run) => {
      const database = await open();
      const ada = user("ada");
      let attempts = 0;
      const work = async (session: Session) => {
        session.add(ada);
        await session.flush();
        expect(ada.id).toBeDefined();
        if (attempts++ === 0) throw boom;
      };
      await expect(run(database, work)).rejects.toBe(boom);
      expect(ada.id).toBeUndefined();
      await rawExec(databases.path, "INSERT INTO users (username) VALUES ('someone else')");
      await run(database, work);
      expect(await names()).toEqual(["someone else", "ada"]);
    },
  );

  test("that was undone with its session has left entities as they were", async () => {
    const database = await openWithUsers();
    let [ada, bob]: (User | null)[] = [];
    const undone = database.session(async (session) => {
      [ada, bob] = [await session.get(User, 1), await session.get(User, 2)];
      ada!.age = 36;
      session.delete(bob!);
      await session.flush();
      ada!.status = "not written";
      throw boom;
    });
    await expect(undone).rejects.toBe(boom);
    expect([ada, bob]).toMatchObject([
      { age: 18, status: "new" },
      { id: 2, username: "bob" },
    ]);
  });

  test("refuses a changed id, and says when the row is gone", async () => {
    const database = await openWithUsers();
    const moved = database.session(async (session) => {
      const ada = await session.get(User, 1);
      ada!.id = 7;
    });
    await expect(moved).rejects.toThrow(/id of a User .* was changed/);
    const gone = database.session(async (session) => {
      const ada = await session.get(User, 1);
      await session.exec("DELETE FROM users WHERE id = 1");
      ada!.age = 36;
    });
    await expect(gone).rejects.toMatchObject({ name: "DatabaseError", code: "ENTITY_NOT_FOUND" });
    expect(await names()).toEqual(["ada", "bob"]);
  });

  test("loses no change that was made while it ran", async () => {
    const database = await openWithUsers();
    await database.session(async (session) => {
      const ada = await session.get(User, 1);
      ada!.age = 36;
      log.heard = (sql) => {
        if (sql.startsWith("UPDATE")) ada!.status = "meanwhile";
      };
      await session.flush();
      log.heard = undefined;
    });
    expect(await read("SELECT age, status FROM users WHERE id = 1")).toEqual([
      { age: 36, status: "meanwhile" },
    ]);
  });

  test("that several ask for at once happens once", async () => {
    const database = await open();
    await database.session(async (session) => {
      session.add(user("ada"));
      const counts = await Promise.all([
        session.manager.count(User),
        session.exec("SELECT count(*) FROM users").then((result) => result.scalar()),
        session.flush().then(() => 1),
      ]);
      expect(counts).toEqual([1, 1, 1]);
    });
    await database.session(async (session) => {
      session.delete((await session.get(User, 1))!);
      await Promise.all([session.flush(), session.flush(), session.manager.count(User)]);
    });
    expect(await names()).toEqual([]);
  });
});

@EventSubscriber()
class Greeter implements EntitySubscriberInterface<User> {
  listenTo() {
    return User;
  }
  async afterInsert({ entity, manager, dataSource }: InsertEvent<User>): Promise<void> {
    const count = await manager.count(User);
    await dataSource.getRepository(Label).insert({ name: `${entity.username} is number ${count}` });
  }
  async beforeUpdate({ entity, manager }: UpdateEvent<User>): Promise<void> {
    if (entity) entity.status = `changed among ${await manager.count(User)}`;
  }
}

@EventSubscriber()
class Latecomer implements EntitySubscriberInterface {
  async beforeTransactionCommit({ queryRunner }: TransactionCommitEvent): Promise<void> {
    const users = await queryRunner.manager.find(User);
    for (const user of users) added?.add(Object.assign(new Label(), { name: user.username }));
  }
}
let added: Session | undefined;

describe("subscribers", () => {
  test("read and write while a flush runs, in the same transaction, and what they change is written with it", async () => {
    const database = await databases.open({ entities: BLOG, subscribers: [Greeter] });
    await database.session(async (session) => {
      const ada = user("ada");
      session.add([ada, user("bob")]);
      await session.flush();
      ada.age = 36;
    });
    expect(await read("SELECT name FROM labels ORDER BY name")).toEqual([
      { name: "ada is number 2" },
      { name: "bob is number 2" },
    ]);
    expect(await read("SELECT age, status FROM users WHERE id = 1")).toEqual([
      { age: 36, status: "changed among 2" },
    ]);
    const undone = database.session(async (session) => {
      session.add(user("cleo"));
      await session.flush();
      throw boom;
    });
    await expect(undone).rejects.toBe(boom);
    expect(await read("SELECT name FROM labels WHERE name LIKE 'cleo%'")).toEqual([]);
  });

  test("may add entities before the commit", async () => {
    const database = await databases.open({ entities: BLOG, subscribers: [Latecomer] });
    await database.session((session) => {
      added = session;
      session.add(user("ada"));
    });
    added = undefined;
    expect(await read("SELECT name FROM labels")).toEqual([{ name: "ada" }]);
  });
});

@Entity("animals")
@TableInheritance({ column: { type: "varchar", name: "kind" } })
class Animal {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  name!: string;

  @ManyToOne(() => Animal, { lazy: true })
  mother!: Promise<Relation<Animal> | null>;
}

@ChildEntity()
class Cat extends Animal {
  @Column({ nullable: true, type: "integer" })
  lives!: number | null;
}

@ChildEntity()
class Dog extends Animal {}

describe("single-table inheritance and lazy relations", () => {
  test("a row is one instance of its own class, whichever class it is asked for by", async () => {
    const database = await databases.open({ entities: [Animal, Cat, Dog] });
    await database.session((session) => session.add(Object.assign(new Cat(), { name: "Tom", lives: 7 })));
    await database.session(async (session) => {
      const tom = await session.get(Animal, 1);
      expect(tom).toBeInstanceOf(Cat);
      expect(await session.get(Cat, 1)).toBe(tom);
      expect(await session.get(Dog, 1)).toBeNull();
      (tom as Cat).lives = 6;
    });
    expect(await read("SELECT kind, lives FROM animals")).toEqual([{ kind: "Cat", lives: 6 }]);
  });

  test("loading a lazy relation is no change, and assigning one is", async () => {
    const database = await databases.open({ entities: [Animal, Cat, Dog] });
    await rawExec(
      databases.path,
      "INSERT INTO animals (id, name, kind, motherId) VALUES (1, 'a', 'Cat', NULL), (2, 'b', 'Cat', 1), (3, 'c', 'Cat', 1)",
    );
    const load = (session: Session) => session.get(Animal, 2).then((animal) => animal!.mother);
    expect(await database.session(load, { readonly: true })).toMatchObject({ name: "a" });
    await database.session(async (session) => {
      const second = await session.get(Animal, 2);
      second!.mother = Promise.resolve(await session.get(Animal, 3));
    });
    expect(await database.session(load, { readonly: true })).toMatchObject({ name: "c" });
  });
});

describe("what is pending is flushed before", () => {
  test.each<
    [
      string,
      (database: SqliteDatabase, session: Parameters<Parameters<SqliteDatabase["session"]>[0]>[0]) => unknown,
    ]
  >([
    ["exec", (_, session) => session.exec("SELECT count(*) FROM users").then((result) => result.scalar())],
    ["a query of the manager", (_, session) => session.manager.count(User)],
    ["a query of a repository", (_, session) => session.getRepository(User).count()],
    ["a query builder", (_, session) => session.manager.createQueryBuilder(User, "u").getCount()],
    [
      "the query runner",
      (_, session) => session.queryRunner.query("SELECT 1 FROM users").then((rows) => rows.length),
    ],
    ["an ambient repository", (database) => database.getRepository(User).count()],
    [
      "an ambient exec",
      (database) => database.exec("SELECT count(*) FROM users").then((result) => result.scalar()),
    ],
    [
      "a stream",
      async (_, session) => {
        let count = 0;
        for await (const _row of session.stream("SELECT 1 FROM users")) count++;
        return count;
      },
    ],
    ["a nested session", (database) => database.session((inner) => inner.manager.count(User))],
    ["a savepoint", (_, session) => session.transaction((inner) => inner.manager.count(User))],
    [
      "a transaction of the manager",
      (_, session) => session.manager.transaction((manager) => manager.count(User)),
    ],
  ])("%s", async (_, count) => {
    const database = await open();
    await database.session(async (session) => {
      session.add([user("ada"), user("bob")]);
      expect(await count(database, session)).toBe(2);
    });
    expect(await names()).toEqual(["ada", "bob"]);
  });

  test("a nested session, whose failure does not undo it", async () => {
    const database = await openWithUsers();
    await database.session(async (session) => {
      const ada = await session.get(User, 1);
      ada!.age = 36;
      await database.session(() => Promise.reject(boom)).catch(() => {});
      expect(ada!.age).toBe(36);
    });
    expect(await read("SELECT age FROM users WHERE id = 1")).toEqual([{ age: 36 }]);
  });
});

describe("delete", () => {
  test("forgets what was only added", async () => {
    const database = await open();
    await database.session((session) => {
      const ada = user("ada");
      session.add(ada);
      session.delete(ada);
    });
    expect(log.take()).toEqual([]);
  });

  test("makes get give null, before the flush and after it", async () => {
    const database = await openWithUsers();
    await database.session(async (session) => {
      const ada = await session.get(User, 1);
      session.delete(ada!);
      expect(await session.get(User, 1)).toBeNull();
      await session.flush();
      expect(await session.get(User, 1)).toBeNull();
    });
    expect(await names()).toEqual(["bob"]);
  });

  test("takes an entity that is not tracked but has an id, and refuses one without", async () => {
    const database = await openWithUsers();
    await database.session(async (session) => {
      const tracked = await session.get(User, 2);
      tracked!.age = 3;
      session.delete(await session.manager.findOneByOrFail(User, { id: 1 }));
      session.delete(user("bob", { id: 2 }));
      expect(await session.get(User, 2)).toBeNull();
      expect(() => session.delete(user("nobody"))).toThrow(/whole id of User: id/);
    });
    expect(await names()).toEqual([]);
  });

  test("is taken back by add", async () => {
    const database = await openWithUsers();
    await database.session(async (session) => {
      const ada = await session.get(User, 1);
      session.delete(ada!);
      session.add(ada!);
      ada!.age = 36;
      expect(await session.get(User, 1)).toBe(ada);
    });
    expect(await read("SELECT age FROM users WHERE id = 1")).toEqual([{ age: 36 }]);
  });
});

describe("add", () => {
  test("takes in what was loaded elsewhere, and then writes its changes", async () => {
    const database = await openWithUsers();
    await database.session(async (session) => {
      const found = await session.manager.findOneByOrFail(User, { id: 1 });
      found.age = 5;
      await session.flush();
      expect(log.takeWrites()).toEqual([]);
      session.add(found);
      await session.flush();
      expect(await session.get(User, 1)).toBe(found);
      expect(log.takeWrites()).toEqual([`UPDATE "users" SET "age" = ? WHERE "id" = ?`]);
    });
  });

  test.each([
    ["tracked", true],
    ["not tracked", false],
  ])("takes another instance in the place of one that is deleted, %s", async (_, isTracked) => {
    const database = await openWithUsers();
    await rawExec(databases.path, "INSERT INTO posts (title, version, author_id) VALUES ('kept', 1, 1)");
    await using session = await database.openSession();
    const old = isTracked
      ? (await session.get(User, 1))!
      : await session.manager.findOneByOrFail(User, { id: 1 });
    const replacement = user("ada.lovelace", { id: 1, age: 36 });
    const replace = async () => {
      session.delete(old);
      session.add(replacement);
      log.take();
      expect(await session.get(User, 1)).toBe(replacement);
      await session.flush();
      expect(log.takeWrites()).toEqual([`UPDATE "users" SET "username" = ?, "age" = ? WHERE "id" = ?`]);
      expect(await session.get(User, 1)).toBe(replacement);
    };
    await replace();
    await session.rollback();
    expect(await session.get(User, 1)).toMatchObject({ username: "ada" });
    expect(old).toMatchObject({ id: 1, username: "ada" });
    if (isTracked) expect(await session.get(User, 1)).toBe(old);
    else session.delete((await session.get(User, 1))!);
    await replace();
    replacement.status = "active";
    await session.commit();
    expect(
      await read(
        "SELECT users.id, username, age, status, title FROM users JOIN posts ON author_id = users.id",
      ),
    ).toEqual([{ id: 1, username: "ada.lovelace", age: 36, status: "active", title: "kept" }]);
  });

  test("of a replacement that is deleted again leaves nothing of the row", async () => {
    const database = await openWithUsers();
    await database.session(async (session) => {
      const replacement = user("twin", { id: 1 });
      session.delete((await session.get(User, 1))!);
      session.add(replacement);
      session.delete(replacement);
      expect(await session.get(User, 1)).toBeNull();
    });
    expect(await names()).toEqual(["bob"]);
  });

  test("refuses a second instance of a row, and what is not an entity", async () => {
    const database = await openWithUsers();
    await database.session(async (session) => {
      await session.get(User, 1);
      expect(() => session.add(user("twin", { id: 1 }))).toThrow(DatabaseError);
      expect(() => session.add({ username: "plain" })).toThrow(/manager\.create/);
      expect(() => session.add(new Map())).toThrow(ParameterError);
    });
  });
});

describe("refresh", () => {
  test("reads an entity anew into the same instance, and gives up what was not written of it", async () => {
    const database = await openWithUsers();
    await database.session(async (session) => {
      const ada = await session.get(User, 1);
      await session.exec("UPDATE users SET age = 77 WHERE id = 1");
      expect(ada!.age).toBe(18);
      ada!.username = "given up";
      await session.refresh(ada!);
      expect(ada).toMatchObject({ username: "ada", age: 77 });
      expect(await session.get(User, 1)).toBe(ada);
    });
    expect(await names()).toEqual(["ada", "bob"]);
  });

  test("reads the relations that are loaded as well", async () => {
    const database = await openWithUsers();
    await rawExec(databases.path, "INSERT INTO posts (title, version, author_id) VALUES ('a', 1, 1)");
    await database.session(async (session) => {
      const post = await session.get(Post, 1);
      const [ada, bob] = [await session.get(User, 1), await session.get(User, 2)];
      post!.author = ada;
      await session.flush();
      await session.exec("UPDATE posts SET author_id = 2");
      await session.refresh(post!);
      expect(post!.author).toBe(bob);
      expect(ada).not.toBe(bob);
    });
  });

  test("says when the row is gone, and when the entity is not of this session", async () => {
    const database = await openWithUsers();
    await database.session(async (session) => {
      const ada = await session.get(User, 1);
      await session.exec("DELETE FROM users WHERE id = 1");
      await expect(session.refresh(ada!)).rejects.toMatchObject({ code: "ENTITY_NOT_FOUND" });
      await expect(session.refresh(ada!)).rejects.toThrow(ParameterError);
      await expect(session.refresh(user("nobody"))).rejects.toThrow(/entity of this session/);
    });
  });
});

describe("commit and rollback inside", () => {
  test("commit flushes, and entities stay tracked", async () => {
    const database = await openWithUsers();
    await using session = await database.openSession();
    const ada = await session.get(User, 1);
    ada!.age = 36;
    await session.commit();
    expect(await read("SELECT age FROM users WHERE id = 1")).toEqual([{ age: 36 }]);
    log.take();
    expect(await session.get(User, 1)).toBe(ada);
    expect(log.take()).toEqual([]);
    ada!.age = 37;
    await session.commit();
    expect(await read("SELECT age FROM users WHERE id = 1")).toEqual([{ age: 37 }]);
  });

  test("a session that is closed without a commit has written nothing", async () => {
    const database = await openWithUsers();
    {
      await using session = await database.openSession();
      (await session.get(User, 1))!.age = 36;
    }
    expect(log.takeWrites()).toEqual([]);
  });

  test("rollback gives entities their values back, forgets what was added, and the same change can be made again", async () => {
    const database = await openWithUsers();
    await using session = await database.openSession();
    const ada = await session.get(User, 1);
    const bob = await session.get(User, 2);
    const cleo = user("cleo");
    ada!.age = 36;
    session.add(cleo);
    session.delete(bob!);
    await session.flush();
    expect(cleo.id).toBe(3);
    ada!.status = "pending";
    session.add(user("never"));
    await session.rollback();

    expect(ada).toMatchObject({ id: 1, age: 18, status: "new" });
    expect(bob).toMatchObject({ id: 2, username: "bob" });
    expect(cleo.id).toBeUndefined();
    await rawExec(databases.path, "UPDATE users SET username = 'ada.lovelace' WHERE id = 1");
    expect(await session.get(User, 1)).toBe(ada);
    expect(ada!.username).toBe("ada.lovelace");
    expect(await session.get(User, 2)).toBe(bob);
    ada!.age = 36;
    session.add(cleo);
    await session.commit();
    expect(await read("SELECT username, age FROM users ORDER BY id")).toEqual([
      { username: "ada.lovelace", age: 36 },
      { username: "bob", age: 18 },
      { username: "cleo", age: 18 },
    ]);
  });

  test("rollback gives what was deleted its id back, also what was not tracked", async () => {
    const database = await openWithUsers();
    await using session = await database.openSession();
    const ada = await session.manager.findOneByOrFail(User, { id: 1 });
    session.delete(ada);
    await session.flush();
    expect(ada.id).toBeUndefined();
    await session.rollback();
    expect(ada).toMatchObject({ id: 1, username: "ada" });
    session.delete(ada);
    await session.commit();
    expect(await names()).toEqual(["bob"]);
  });

  test("what was inserted by cascades can be added again after a rollback", async () => {
    const database = await open();
    await using session = await database.openSession();
    const ada = user("ada", { posts: [post("one")] });
    session.add(ada);
    await session.flush();
    await session.rollback();
    expect([ada.id, ada.posts[0]!.id]).toEqual([undefined, undefined]);
    await rawExec(databases.path, "INSERT INTO users (username) VALUES ('first')");
    session.add(ada);
    await session.commit();
    expect(await read("SELECT username, title FROM posts JOIN users ON users.id = author_id")).toEqual([
      { username: "ada", title: "one" },
    ]);
    expect(await names()).toEqual(["first", "ada"]);
  });

  test("a commit whose flush fails has been rolled back, and the session goes on", async () => {
    const database = await openWithUsers();
    await using session = await database.openSession();
    await session.exec("INSERT INTO users (username) VALUES ('undone')");
    const ada = await session.get(User, 1);
    ada!.username = "bob";
    await expect(session.commit()).rejects.toThrow(ConstraintError);
    expect(database.stats().writer.busy).toBe(false);
    expect(ada!.username).toBe("ada");
    ada!.age = 36;
    await session.commit();
    expect(await read("SELECT username, age FROM users")).toEqual([
      { username: "ada", age: 36 },
      { username: "bob", age: 18 },
    ]);
  });
});

describe("a nested session", () => {
  test("has the same instances, and its changes are committed with the one around it", async () => {
    const database = await openWithUsers();
    await database.session(async (session) => {
      const ada = await session.get(User, 1);
      await database.session(async (inner) => {
        expect(await inner.get(User, 1)).toBe(ada);
        ada!.age = 36;
        inner.add(user("cleo"));
      });
      log.take();
      await session.flush();
      expect(log.take()).toEqual([]);
    });
    expect(await names()).toEqual(["ada", "bob", "cleo"]);
    expect(await read("SELECT age FROM users WHERE id = 1")).toEqual([{ age: 36 }]);
  });

  test.each([
    ["flushed", true],
    ["not flushed", false],
  ])("that fails takes its changes with it, %s, whichever object made them", async (_, flushes) => {
    const database = await openWithUsers();
    await database.session(async (session) => {
      const ada = await session.get(User, 1);
      const bob = await session.get(User, 2);
      ada!.status = "kept";
      const failing = session.transaction(async (inner) => {
        ada!.age = 36;
        session.add(user("undone by the outer object"));
        inner.delete(bob!);
        if (flushes) await session.flush();
        throw boom;
      });
      await expect(failing).rejects.toBe(boom);
      expect(ada).toMatchObject({ age: 18, status: "kept" });
      expect(await session.get(User, 2)).toBe(bob);
      bob!.age = 60;
    });
    expect(await read("SELECT username, age, status FROM users")).toEqual([
      { username: "ada", age: 18, status: "kept" },
      { username: "bob", age: 60, status: "new" },
    ]);
  });

  test.each([
    ["flushed", true],
    ["not flushed", false],
  ])("a transaction of the manager that fails takes its changes with it, %s", async (_, flushes) => {
    const database = await openWithUsers();
    await database.session(async (session) => {
      const ada = await session.get(User, 1);
      const failing = session.manager.transaction(async (manager) => {
        ada!.age = 36;
        session.add(user("undone"));
        if (flushes) expect(await manager.count(User)).toBe(3);
        throw boom;
      });
      await expect(failing).rejects.toBe(boom);
      expect(ada!.age).toBe(18);
      ada!.age = 36;
    });
    expect(await read("SELECT username, age FROM users")).toEqual([
      { username: "ada", age: 36 },
      { username: "bob", age: 18 },
    ]);
  });

  describe.each<
    [string, (database: SqliteDatabase, session: Session, work: () => Promise<void>) => Promise<unknown>]
  >([
    ["database.session", (database, _, work) => database.session(work)],
    ["session.transaction", (_, session, work) => session.transaction(work)],
    ["manager.transaction", (_, session, work) => session.manager.transaction(work)],
    [
      "session.insertMany",
      (_, session, work) =>
        session.insertMany(
          Label,
          (async function* () {
            await work();
            yield { name: "never" };
          })(),
        ),
    ],
  ])("by %s that fails", (_, start) => {
    test.each([
      ["writes nothing", false],
      ["sends a statement", true],
    ])("and %s leaves pending what the one around it schedules meanwhile", async (_, sends) => {
      const database = await openWithUsers();
      await database.session(async (session) => {
        const [ada, bob] = [await session.get(User, 1), await session.get(User, 2)];
        const [began, goOn] = [deferred(), deferred()];
        const failing = start(database, session, async () => {
          began.resolve();
          await goOn.promise;
          session.add(user("undone"));
          if (sends) {
            const found = await database.exec("SELECT username FROM users ORDER BY id");
            expect(found.scalars()).toEqual(["ada", "bob", "undone"]);
          }
          throw boom;
        });
        // Before it begins: it has to wait for its turn.
        ada!.age = 36;
        await began.promise;
        const cleo = user("cleo");
        session.add(cleo);
        session.delete(bob!);
        goOn.resolve();
        await expect(failing).rejects.toBe(boom);
        expect(cleo.id).toBeUndefined();
        expect(ada!.age).toBe(36);
        expect(await session.get(User, 2)).toBeNull();
      });
      expect(await read("SELECT username, age FROM users ORDER BY id")).toEqual([
        { username: "ada", age: 36 },
        { username: "cleo", age: 18 },
      ]);
    });
  });

  test("leaves what is scheduled around it to the next statement there, also when it fails", async () => {
    const database = await openWithUsers();
    await database.session(async (session) => {
      const [began, goOn] = [deferred(), deferred()];
      const failing = database.session(async (inner) => {
        began.resolve();
        await goOn.promise;
        await inner.exec("SELECT 1");
        throw boom;
      });
      await began.promise;
      session.add(user("cleo"));
      const count = session.manager.count(User);
      goOn.resolve();
      await expect(failing).rejects.toBe(boom);
      expect(await count).toBe(3);
    });
    expect(await names()).toEqual(["ada", "bob", "cleo"]);
  });

  test("writes what is scheduled around it where it asks for the same, and gives it back when it fails", async () => {
    const database = await openWithUsers();
    await database.session(async (session) => {
      const [bob, cleo] = [(await session.get(User, 2))!, user("cleo")];
      const [began, goOn] = [deferred(), deferred()];
      const failing = database.session(async (inner) => {
        began.resolve();
        await goOn.promise;
        inner.add(cleo);
        inner.delete(bob);
        await inner.flush();
        expect([cleo.id, bob.id]).toEqual([3, undefined]);
        throw boom;
      });
      await began.promise;
      session.add(cleo);
      session.delete(bob);
      goOn.resolve();
      await expect(failing).rejects.toBe(boom);
      expect([cleo.id, bob.id]).toEqual([undefined, 2]);
    });
    expect(await names()).toEqual(["ada", "cleo"]);
  });

  test("that fails has not taken back what the one around it had scheduled", async () => {
    const database = await openWithUsers();
    await database.session(async (session) => {
      const bob = await session.get(User, 2);
      const cleo = user("cleo");
      const [began, goOn] = [deferred(), deferred()];
      const failing = database.session(async (inner) => {
        began.resolve();
        await goOn.promise;
        inner.delete(cleo);
        inner.add(bob!);
        throw boom;
      });
      await began.promise;
      session.add(cleo);
      session.delete(bob!);
      goOn.resolve();
      await expect(failing).rejects.toBe(boom);
    });
    expect(await names()).toEqual(["ada", "cleo"]);
  });

  test("a transaction of the query runner that is rolled back is noticed", async () => {
    const database = await openWithUsers();
    await database.session(async (session) => {
      const ada = await session.get(User, 1);
      await session.queryRunner.startTransaction();
      ada!.age = 36;
      await session.flush();
      await session.queryRunner.rollbackTransaction();
      expect(await session.get(User, 1)).toBe(ada);
      expect(ada!.age).toBe(18);
      ada!.age = 36;
    });
    expect(await read("SELECT age FROM users WHERE id = 1")).toEqual([{ age: 36 }]);
  });

  test("a transaction of the query runner that is rolled back takes with it what was added in it", async () => {
    const database = await openWithUsers();
    await database.session(async (session) => {
      await session.queryRunner.startTransaction();
      session.add(user("undone"));
      await session.queryRunner.rollbackTransaction();
    });
    expect(await names()).toEqual(["ada", "bob"]);
  });

  test("its part is undone by a rollback of the one around it", async () => {
    const database = await openWithUsers();
    await using session = await database.openSession();
    const ada = await session.get(User, 1);
    await session.transaction(async () => {
      ada!.age = 36;
    });
    expect(ada!.age).toBe(36);
    await session.rollback();
    expect(ada!.age).toBe(18);
    ada!.age = 36;
    await session.commit();
    expect(await read("SELECT age FROM users WHERE id = 1")).toEqual([{ age: 36 }]);
  });

  test("that runs beside a statement of the one around it does not wait for it for ever", async () => {
    const database = await openWithUsers();
    await database.session(async (session) => {
      const ada = await session.get(User, 1);
      const began = deferred();
      const goOn = deferred();
      const nested = session.transaction(async (inner) => {
        began.resolve();
        await goOn.promise;
        inner.add(user("nested"));
        await inner.flush();
      });
      await began.promise;
      ada!.age = 36;
      const statement = session.exec("SELECT 1");
      goOn.resolve();
      await Promise.all([statement, nested]);
    });
    expect(await names()).toEqual(["ada", "bob", "nested"]);
  });
});

test("after its end a session refuses all of it", async () => {
  const database = await openWithUsers();
  const { session, ada } = await database.session(async (session) => ({
    session,
    ada: await session.get(User, 1),
  }));
  ada!.age = 36;
  expect(() => session.add(user("late"))).toThrow(SessionClosedError);
  expect(() => session.delete(ada!)).toThrow(SessionClosedError);
  await expect(session.get(User, 1)).rejects.toThrow(SessionClosedError);
  await expect(session.flush()).rejects.toThrow(SessionClosedError);
  await expect(session.refresh(ada!)).rejects.toThrow(SessionClosedError);
  expect(log.takeWrites()).toEqual([]);
});
