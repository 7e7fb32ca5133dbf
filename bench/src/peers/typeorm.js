"use strict";

const { entitySchemas } = require("./entities");

const ROWS_PER_INSERT = 500;

function* chunks(rows, size = ROWS_PER_INSERT) {
  for (let start = 0; start < rows.length; start += size) yield rows.slice(start, start + size);
}

/** What all data sources of a TypeORM can do, through TypeORM's own calls. */
function typeormPeer(typeorm, dataSource, entities) {
  const { User, Post } = entities;
  const users = dataSource.getRepository(User);
  const posts = dataSource.getRepository(Post);
  return {
    close: () => dataSource.destroy(),
    raw: (sql, values = []) => dataSource.query(sql, values),
    read: async (id) => (await dataSource.query("SELECT * FROM users WHERE id = ?", [id]))[0],
    findOne: (id) => users.findOneBy({ id }),
    findMany: (count) => users.find({ take: count, order: { id: "ASC" } }),
    findTree: (count) =>
      users.find({
        where: { id: typeorm.LessThanOrEqual(count) },
        relations: { posts: { comments: true } },
      }),
    save: (row) => users.save(row),
    saveArray: (rows) => users.save(rows),
    insert: (rows) => users.insert(rows),
    insertMany: (rows) =>
      dataSource.transaction(async (manager) => {
        for (const chunk of chunks(rows)) await manager.insert(User, chunk);
      }),
    update: (id, values) => users.update(id, values),
    remove: (id) => users.delete(id),
    named: (values, sql) => dataSource.query(...dataSource.driver.escapeQueryWithParameters(sql, values, {})),
    session: (id, title) => dataSource.transaction((manager) => writeSession(manager, entities, id, title)),
    page: async (id) => {
      const user = await users.findOneBy({ id });
      return { user, posts: await posts.find({ where: { user: { id } }, take: 20 }) };
    },
    addPost: (id, title) => posts.insert({ title, user: { id } }),
  };
}

/** Reads, changes what it read, and adds to it. */
async function writeSession(manager, { User, Post }, id, title) {
  const { age } = await manager.findOneBy(User, { id });
  await manager.update(User, id, { age: age + 1 });
  await manager.insert(Post, { title, user: { id } });
}

const NO_STREAM = "`queryBuilder.stream()` is not supported on SQLite";

/** The module of a peer that is a TypeORM with a driver of its own. */
function typeormModule({ load, options, ...about }) {
  const create = async (file, makeEntities, more) => {
    const typeorm = load();
    const entities = makeEntities(typeorm);
    const dataSource = new typeorm.DataSource({
      ...options(file),
      database: file,
      entities: Object.values(entities),
      ...more,
    });
    await dataSource.initialize();
    return typeormLike(typeorm, dataSource, entities);
  };
  const typeormLike = (typeorm, dataSource, entities) =>
    entities.User
      ? typeormPeer(typeorm, dataSource, entities)
      : { close: () => dataSource.destroy(), raw: (sql) => dataSource.query(sql) };
  return {
    ...about,
    lacks: { stream: NO_STREAM, ...about.lacks },
    open: (file) => create(file, entitySchemas, {}),
    createTables: (file, count) =>
      create(file, (typeorm) => require("./entities").manyEntitySchemas(typeorm, count), {
        synchronize: true,
      }),
  };
}

module.exports = { chunks, typeormModule, typeormPeer, writeSession };
