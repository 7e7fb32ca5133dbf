"use strict";

const { statements } = require("../pragmas");
const { chunks } = require("./typeorm");

const openKnex = (file) =>
  require("knex")({
    client: "better-sqlite3",
    connection: { filename: file },
    useNullAsDefault: true,
    pool: {
      afterCreate(connection, done) {
        for (const statement of statements) connection.exec(statement);
        done(null, connection);
      },
    },
  });

async function open(file) {
  const db = openKnex(file);
  return {
    close: () => db.destroy(),
    raw: (sql) => db.raw(sql),
    read: async (id) => (await db.raw("SELECT * FROM users WHERE id = ?", [id]))[0],
    findOne: (id) => db("users").where({ id }).first(),
    findMany: (count) => db("users").orderBy("id").limit(count),
    save: async (row) => (await db("users").insert(row).returning("*"))[0],
    saveArray: (rows) =>
      db.transaction(async (trx) => {
        for (const chunk of chunks(rows)) await trx("users").insert(chunk).returning("*");
      }),
    insert: (rows) => db("users").insert(rows),
    insertMany: (rows) => db.batchInsert("users", rows, 500),
    update: (id, values) => db("users").where({ id }).update(values),
    remove: (id) => db("users").where({ id }).delete(),
    named: (values, sql) => db.raw(sql, values),
    session: (id, title) =>
      db.transaction(async (trx) => {
        const { age } = await trx("users").where({ id }).first();
        await trx("users")
          .where({ id })
          .update({ age: age + 1 });
        await trx("posts").insert({ title, user_id: id });
      }),
    page: async (id) => ({
      user: await db("users").where({ id }).first(),
      posts: await db("posts").where({ user_id: id }).limit(20),
    }),
    addPost: (id, title) => db("posts").insert({ title, user_id: id }),
  };
}

async function createTables(file, count) {
  const db = openKnex(file);
  await db.transaction(async (trx) => {
    for (let index = 0; index < count; index++) {
      await trx.schema.createTable(`table_${index}`, (table) => {
        table.increments("id");
        table.string("name").notNullable();
        table.string("email").notNullable().unique();
        table.integer("age").notNullable().defaultTo(0);
        table.text("note");
      });
    }
  });
  return { close: () => db.destroy(), raw: (sql) => db.raw(sql) };
}

module.exports = {
  title: "Knex + better-sqlite3",
  packages: ["knex", "better-sqlite3"],
  lacks: {
    findTree: "maps no relations",
    stream: "reads all rows into memory first",
  },
  open,
  createTables,
};
