"use strict";

const { openBetterSqlite3 } = require("../pragmas");
const { chunks } = require("./typeorm");

const openKysely = (file) => {
  const { Kysely, SqliteDialect, sql } = require("kysely");
  const db = new Kysely({ dialect: new SqliteDialect({ database: openBetterSqlite3(file) }) });
  const raw = async (text) => (await sql.raw(text).execute(db)).rows;
  return { db, sql, raw };
};

async function open(file) {
  const { db, sql, raw } = openKysely(file);
  const { ParseJSONResultsPlugin } = require("kysely");
  const { jsonArrayFrom } = require("kysely/helpers/sqlite");
  const userById = (id, from = db) => from.selectFrom("users").selectAll().where("id", "=", id);
  const tree = (count) =>
    db
      .withPlugin(new ParseJSONResultsPlugin())
      .selectFrom("users")
      .selectAll()
      .select((user) =>
        jsonArrayFrom(
          user
            .selectFrom("posts")
            .select(["posts.id", "posts.title"])
            .whereRef("posts.user_id", "=", "users.id")
            .select((post) =>
              jsonArrayFrom(
                post
                  .selectFrom("comments")
                  .select(["comments.id", "comments.text"])
                  .whereRef("comments.post_id", "=", "posts.id"),
              ).as("comments"),
            ),
        ).as("posts"),
      )
      .where("id", "<=", count)
      .execute();
  return {
    close: () => db.destroy(),
    raw,
    read: async (id) => (await sql`SELECT * FROM users WHERE id = ${id}`.execute(db)).rows[0],
    findOne: (id) => userById(id).executeTakeFirst(),
    findMany: (count) => db.selectFrom("users").selectAll().orderBy("id").limit(count).execute(),
    findTree: tree,
    save: (row) => db.insertInto("users").values(row).returningAll().executeTakeFirst(),
    saveArray: (rows) =>
      db.transaction().execute(async (trx) => {
        for (const chunk of chunks(rows))
          await trx.insertInto("users").values(chunk).returningAll().execute();
      }),
    insert: (rows) => db.insertInto("users").values(rows).execute(),
    insertMany: (rows) =>
      db.transaction().execute(async (trx) => {
        for (const chunk of chunks(rows)) await trx.insertInto("users").values(chunk).execute();
      }),
    update: (id, values) => db.updateTable("users").set(values).where("id", "=", id).execute(),
    remove: (id) => db.deleteFrom("users").where("id", "=", id).execute(),
    stream: () => db.selectFrom("events").selectAll().stream(),
    session: (id, title) =>
      db.transaction().execute(async (trx) => {
        const { age } = await userById(id, trx).executeTakeFirst();
        await trx
          .updateTable("users")
          .set({ age: age + 1 })
          .where("id", "=", id)
          .execute();
        await trx.insertInto("posts").values({ title, user_id: id }).execute();
      }),
    page: async (id) => ({
      user: await userById(id).executeTakeFirst(),
      posts: await db.selectFrom("posts").selectAll().where("user_id", "=", id).limit(20).execute(),
    }),
    addPost: (id, title) => db.insertInto("posts").values({ title, user_id: id }).execute(),
  };
}

async function createTables(file, count) {
  const { db, raw } = openKysely(file);
  await db.transaction().execute(async (trx) => {
    for (let index = 0; index < count; index++) {
      await trx.schema
        .createTable(`table_${index}`)
        .addColumn("id", "integer", (column) => column.primaryKey().autoIncrement().notNull())
        .addColumn("name", "varchar", (column) => column.notNull())
        .addColumn("email", "varchar", (column) => column.notNull().unique())
        .addColumn("age", "integer", (column) => column.notNull().defaultTo(0))
        .addColumn("note", "text")
        .execute();
    }
  });
  return { close: () => db.destroy(), raw };
}

module.exports = {
  title: "Kysely + better-sqlite3",
  packages: ["kysely", "better-sqlite3"],
  lacks: { named: "no named parameters" },
  open,
  createTables,
};
