"use strict";

const { openBetterSqlite3 } = require("../pragmas");
const { chunks } = require("./typeorm");

function schemaOf({ sqliteTable, integer, text }, relations) {
  const id = () => integer("id").primaryKey({ autoIncrement: true });
  const users = sqliteTable("users", {
    id: id(),
    name: text("name").notNull(),
    email: text("email").notNull(),
    age: integer("age").notNull().default(0),
    status: text("status").notNull().default("new"),
  });
  const posts = sqliteTable("posts", {
    id: id(),
    title: text("title").notNull(),
    userId: integer("user_id").notNull(),
  });
  const comments = sqliteTable("comments", {
    id: id(),
    text: text("text").notNull(),
    postId: integer("post_id").notNull(),
  });
  return {
    users,
    posts,
    comments,
    userRelations: relations(users, ({ many }) => ({ posts: many(posts) })),
    postRelations: relations(posts, ({ one, many }) => ({
      user: one(users, { fields: [posts.userId], references: [users.id] }),
      comments: many(comments),
    })),
    commentRelations: relations(comments, ({ one }) => ({
      post: one(posts, { fields: [comments.postId], references: [posts.id] }),
    })),
  };
}

async function open(file) {
  const { drizzle } = require("drizzle-orm/better-sqlite3");
  const { eq, lte, relations, sql } = require("drizzle-orm");
  const schema = schemaOf(require("drizzle-orm/sqlite-core"), relations);
  const { users, posts } = schema;
  const client = openBetterSqlite3(file);
  const db = drizzle(client, { schema });
  return {
    close: async () => client.close(),
    raw: async (text) => db.all(sql.raw(text)),
    read: async (id) => db.get(sql`SELECT * FROM users WHERE id = ${id}`),
    findOne: (id) => db.query.users.findFirst({ where: eq(users.id, id) }),
    findMany: (count) => db.query.users.findMany({ orderBy: users.id, limit: count }),
    findTree: (count) =>
      db.query.users.findMany({ where: lte(users.id, count), with: { posts: { with: { comments: true } } } }),
    save: async (row) => (await db.insert(users).values(row).returning())[0],
    saveArray: async (rows) =>
      db.transaction((tx) => {
        for (const chunk of chunks(rows)) tx.insert(users).values(chunk).returning().all();
      }),
    insert: async (rows) => db.insert(users).values(rows),
    insertMany: async (rows) =>
      db.transaction((tx) => {
        for (const chunk of chunks(rows)) tx.insert(users).values(chunk).run();
      }),
    update: async (id, values) => db.update(users).set(values).where(eq(users.id, id)),
    remove: async (id) => db.delete(users).where(eq(users.id, id)),
    session: async (id, title) =>
      db.transaction(
        (tx) => {
          const { age } = tx.select().from(users).where(eq(users.id, id)).get();
          tx.update(users)
            .set({ age: age + 1 })
            .where(eq(users.id, id))
            .run();
          tx.insert(posts).values({ title, userId: id }).run();
        },
        { behavior: "immediate" },
      ),
    page: async (id) => ({
      user: await db.query.users.findFirst({ where: eq(users.id, id) }),
      posts: await db.query.posts.findMany({ where: eq(posts.userId, id), limit: 20 }),
    }),
    addPost: async (id, title) => db.insert(posts).values({ title, userId: id }),
  };
}

module.exports = {
  title: "Drizzle + better-sqlite3",
  packages: ["drizzle-orm", "better-sqlite3"],
  lacks: {
    named: "no raw SQL with named parameters",
    stream: "no row by row reading on better-sqlite3",
    createTables: "tables are made by drizzle-kit, from files",
  },
  open,
};
