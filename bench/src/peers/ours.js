"use strict";

const { createRequire } = require("node:module");
const { join } = require("node:path");
const { entitySchemas, manyEntitySchemas } = require("./entities");
const { typeormPeer, writeSession } = require("./typeorm");

const ROOT = join(__dirname, "../../..");

/** The TypeORM that the library itself finds. */
const loadTypeorm = () => createRequire(join(ROOT, "package.json"))("typeorm");
const loadLibrary = () => require(join(ROOT, "dist"));

async function open(file) {
  const typeorm = loadTypeorm();
  const { SqliteDatabase } = loadLibrary();
  const entities = entitySchemas(typeorm);
  const database = new SqliteDatabase(file, { entities: Object.values(entities), createAll: false });
  await database.init();
  const peer = typeormPeer(typeorm, database.dataSource, entities);
  return {
    ...peer,
    close: () => database.close(),
    read: async (id) => (await database.exec("SELECT * FROM users WHERE id = ?", [id])).one(),
    insertMany: (rows) => database.insertMany(entities.User, rows),
    named: async (values, sql) => (await database.exec(sql, values)).rows,
    stream: (sql) => database.stream(sql),
    session: (id, title) => database.session(({ manager }) => writeSession(manager, entities, id, title)),
    snapshot: (id) =>
      database.session(({ manager }) => manager.findOneBy(entities.User, { id }), { readonly: true }),
  };
}

async function createTables(file, count) {
  const { SqliteDatabase } = loadLibrary();
  const database = new SqliteDatabase(file, { entities: manyEntitySchemas(loadTypeorm(), count) });
  await database.init();
  return { close: () => database.close(), raw: (sql) => database.dataSource.query(sql) };
}

module.exports = {
  title: "typeorm-sqlite-database",
  packages: [],
  lacks: {},
  open,
  createTables,
};
