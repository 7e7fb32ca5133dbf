"use strict";

const { statements } = require("../pragmas");

function schemasOf({ EntitySchema }) {
  const id = { type: "integer", primary: true, autoincrement: true };
  const text = { type: "string" };
  const User = new EntitySchema({
    name: "User",
    tableName: "users",
    properties: {
      id,
      name: text,
      email: text,
      age: { type: "integer", default: 0 },
      status: { ...text, default: "new" },
      posts: { kind: "1:m", entity: "Post", mappedBy: "user" },
    },
  });
  const Post = new EntitySchema({
    name: "Post",
    tableName: "posts",
    properties: {
      id,
      title: text,
      user: { kind: "m:1", entity: "User", inversedBy: "posts", fieldName: "user_id" },
      comments: { kind: "1:m", entity: "Comment", mappedBy: "post" },
    },
  });
  const Comment = new EntitySchema({
    name: "Comment",
    tableName: "comments",
    properties: {
      id,
      text,
      post: { kind: "m:1", entity: "Post", inversedBy: "comments", fieldName: "post_id" },
    },
  });
  return { User, Post, Comment };
}

async function connect(file, entities) {
  const { MikroORM } = require("@mikro-orm/core");
  const { BetterSqliteDriver } = require("@mikro-orm/better-sqlite");
  const orm = await MikroORM.init({ driver: BetterSqliteDriver, dbName: file, entities, debug: false });
  const connection = orm.em.getConnection();
  for (const statement of statements) await connection.execute(statement);
  return { orm, raw: (sql, values = []) => connection.execute(sql, values) };
}

async function open(file) {
  const { User, Post, Comment } = schemasOf(require("@mikro-orm/core"));
  const { orm, raw } = await connect(file, [User, Post, Comment]);
  // As its documentation asks for: every request has an entity manager of its own.
  const fork = () => orm.em.fork();
  return {
    close: () => orm.close(),
    raw,
    read: async (id) => (await raw("SELECT * FROM users WHERE id = ?", [id]))[0],
    findOne: (id) => fork().findOne("User", id),
    findMany: (count) => fork().find("User", {}, { orderBy: { id: "asc" }, limit: count }),
    findTree: (count) => fork().find("User", { id: { $lte: count } }, { populate: ["posts.comments"] }),
    save: async (row) => {
      const em = fork();
      const user = em.create("User", row);
      await em.persistAndFlush(user);
      return user;
    },
    saveArray: async (rows) => {
      const em = fork();
      await em.persistAndFlush(rows.map((row) => em.create("User", row)));
    },
    insert: (rows) => fork().insertMany("User", rows),
    insertMany: (rows) =>
      fork().transactional(async (em) => {
        for (let start = 0; start < rows.length; start += 500) {
          await em.insertMany("User", rows.slice(start, start + 500));
        }
      }),
    update: (id, values) => fork().nativeUpdate("User", { id }, values),
    remove: (id) => fork().nativeDelete("User", { id }),
    session: (id, title) =>
      fork().transactional(async (em) => {
        const user = await em.findOne("User", id);
        user.age += 1;
        em.create("Post", { title, user });
      }),
    page: async (id) => {
      const em = fork();
      const user = await em.findOne("User", id);
      return { user, posts: await em.find("Post", { user: id }, { limit: 20 }) };
    },
    addPost: (id, title) => fork().insert("Post", { title, user: id }),
  };
}

async function createTables(file, count) {
  const { EntitySchema } = require("@mikro-orm/core");
  const entities = Array.from(
    { length: count },
    (_, index) =>
      new EntitySchema({
        name: `Table${index}`,
        tableName: `table_${index}`,
        properties: {
          id: { type: "integer", primary: true, autoincrement: true },
          name: { type: "string" },
          email: { type: "string", unique: true },
          age: { type: "integer", default: 0 },
          note: { type: "text", nullable: true },
        },
      }),
  );
  const { orm, raw } = await connect(file, entities);
  await orm.getSchemaGenerator().createSchema();
  return { close: () => orm.close(), raw };
}

module.exports = {
  title: "MikroORM + better-sqlite3",
  packages: ["@mikro-orm/core", "better-sqlite3"],
  lacks: { named: "no raw SQL with named parameters", stream: "no row by row reading in version 6" },
  open,
  createTables,
};
