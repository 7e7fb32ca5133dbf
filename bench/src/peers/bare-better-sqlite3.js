"use strict";

const { openBetterSqlite3 } = require("../pragmas");
const { COLUMNS } = require("../rows");

const INSERT = `INSERT INTO users (${COLUMNS}) VALUES (${COLUMNS.map(() => "?")})`;

/** Prepared statements in a loop. Everything here blocks the event loop. */
async function open(file) {
  const database = openBetterSqlite3(file);
  const statements = new Map();
  const prepared = (sql) => {
    if (!statements.has(sql)) statements.set(sql, database.prepare(sql));
    return statements.get(sql);
  };
  const insertAll = database.transaction((rows) => {
    const insert = prepared(INSERT);
    for (const { name, email, age, status } of rows) insert.run(name, email, age, status);
  });
  const write = database.transaction((id, title) => {
    const { age } = prepared("SELECT * FROM users WHERE id = ?").get(id);
    prepared("UPDATE users SET age = ? WHERE id = ?").run(age + 1, id);
    prepared("INSERT INTO posts (title, user_id) VALUES (?, ?)").run(title, id);
  });
  return {
    close: async () => database.close(),
    raw: async (sql, values = []) => prepared(sql).all(...values),
    read: async (id) => prepared("SELECT * FROM users WHERE id = ?").get(id),
    findMany: async (count) => prepared("SELECT * FROM users ORDER BY id LIMIT ?").all(count),
    insert: async (rows) => insertAll(rows),
    insertMany: async (rows) => insertAll(rows),
    update: async (id, { age }) => prepared("UPDATE users SET age = ? WHERE id = ?").run(age, id),
    remove: async (id) => prepared("DELETE FROM users WHERE id = ?").run(id),
    named: async (values, sql) => prepared(sql).all(values),
    stream: (sql) => prepared(sql).iterate(),
    session: async (id, title) => write.immediate(id, title),
  };
}

module.exports = { title: "bare better-sqlite3, prepared", packages: ["better-sqlite3"], lacks: {}, open };
