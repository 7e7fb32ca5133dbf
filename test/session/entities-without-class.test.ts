import { EntitySchema } from "typeorm";
import { ParameterError } from "../../src/errors";
import { testDatabases } from "../support/databases";
import { rawRead } from "../support/raw-database";

// Entities of an EntitySchema without a `target` are plain objects.

interface User {
  id: number;
  name: string;
  posts?: Post[];
}

interface Post {
  id: number;
  title: string;
  author?: User | null;
}

const id = { type: "integer", primary: true, generated: true } as const;
const User = new EntitySchema<User>({
  name: "User",
  tableName: "users",
  columns: { id, name: { type: "text" } },
  relations: { posts: { type: "one-to-many", target: "Post", inverseSide: "author", cascade: true } },
});
const Post = new EntitySchema<Post>({
  name: "Post",
  tableName: "posts",
  columns: { id, title: { type: "text" } },
  relations: { author: { type: "many-to-one", target: "User", inverseSide: "posts" } },
});

const databases = testDatabases();
const entities = [User, Post];
const users = () => rawRead(databases.path, "SELECT name FROM users ORDER BY id");

test("those that create() makes are added, tracked and deleted", async () => {
  const database = await databases.open({ entities });
  await database.session(async (session) => {
    const { manager } = session;
    const ada = manager.create(User, { name: "ada", posts: [{ title: "one" }] });
    const bob = session.getRepository(User).create({ name: "bob" });
    const post = database.getRepository(Post).create({ title: "two" });
    post.author = ada;
    session.add([ada, bob, post]);
    await session.flush();
    expect(await session.get(User, bob.id)).toBe(bob);
    session.delete(bob);
    ada.name = "Ada";
  });
  expect(await users()).toEqual([{ name: "Ada" }]);
  expect(await rawRead(databases.path, "SELECT title, authorId FROM posts ORDER BY title")).toEqual([
    { title: "one", authorId: 1 },
    { title: "two", authorId: 1 },
  ]);
});

test("those that create() makes are still known when the database was closed meanwhile", async () => {
  const database = await databases.open({ entities });
  const ada = database.manager.create(User, { name: "ada" });
  await database.close();
  await database.init();
  await database.session((session) => session.add(ada));
  expect(await users()).toEqual([{ name: "ada" }]);
});

test("those that get() gives are tracked and deleted", async () => {
  const database = await databases.open({ entities });
  await database.getRepository(User).insert([{ name: "ada" }, { name: "bob" }]);
  await database.session(async (session) => {
    session.delete((await session.get(User, 1))!);
    (await session.get(User, 2))!.name = "Bob";
  });
  expect(await users()).toEqual([{ name: "Bob" }]);
});

test("a plain object of nobody's making is refused, with the way to make one", async () => {
  const database = await databases.open({ entities });
  const adding = database.session((session) => session.add({ name: "ada" }));
  await expect(adding).rejects.toThrow(
    new ParameterError(
      "add() takes entities: instances of their class, or what session.manager.create(User, { … }) gives.",
    ),
  );
});
