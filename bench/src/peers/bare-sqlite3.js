"use strict";

const { sqlite3WithPragmas } = require("../pragmas");
const { COLUMNS } = require("../rows");

const INSERT = `INSERT INTO users (${COLUMNS}) VALUES (${COLUMNS.map(() => "?")})`;

const valuesOf = ({ name, email, age, status }) => [name, email, age, status];

/** Cached statements, and nothing around them: what the asynchronous module costs by itself. */
async function open(file) {
  const { Database } = sqlite3WithPragmas(require("sqlite3"));
  const database = await new Promise((resolve, reject) => {
    const opened = new Database(file, (error) => (error ? reject(error) : resolve(opened)));
  });
  const statements = new Map();
  const prepared = (sql) => {
    if (!statements.has(sql)) statements.set(sql, database.prepare(sql));
    return statements.get(sql);
  };
  const call = (method, sql, values) =>
    new Promise((resolve, reject) =>
      prepared(sql)[method](values, (error, rows) => (error ? reject(error) : resolve(rows))),
    );
  const all = (sql, values = []) => call("all", sql, values);
  const run = (sql, values = []) => call("run", sql, values);
  const insertAll = async (rows) => {
    await run("BEGIN");
    for (const row of rows) await run(INSERT, valuesOf(row));
    await run("COMMIT");
  };
  return {
    close: async () => {
      for (const statement of statements.values())
        await new Promise((resolve) => statement.finalize(resolve));
      await new Promise((resolve, reject) => database.close((error) => (error ? reject(error) : resolve())));
    },
    raw: all,
    read: async (id) => (await all("SELECT * FROM users WHERE id = ?", [id]))[0],
    findMany: (count) => all("SELECT * FROM users ORDER BY id LIMIT ?", [count]),
    insert: insertAll,
    insertMany: insertAll,
    update: (id, { age }) => run("UPDATE users SET age = ? WHERE id = ?", [age, id]),
    remove: (id) => run("DELETE FROM users WHERE id = ?", [id]),
    named: ({ low, high, status }, sql) => all(sql, { ":low": low, ":high": high, ":status": status }),
    each: (sql, visit) =>
      new Promise((resolve, reject) =>
        database.each(
          sql,
          (_, row) => visit(row),
          (error) => (error ? reject(error) : resolve()),
        ),
      ),
  };
}

module.exports = {
  title: "bare sqlite3, statements cached",
  packages: ["sqlite3"],
  lacks: { stream: "`each()` has no backpressure; it is measured instead" },
  open,
};
