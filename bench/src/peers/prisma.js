"use strict";

const { statements } = require("../pragmas");
const { chunks } = require("./typeorm");

const PATIENCE = { maxWait: 120_000, timeout: 120_000 };

const withoutBigInts = (row) =>
  Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, typeof value === "bigint" ? Number(value) : value]),
  );

async function open(file) {
  const { PrismaClient } = require("../../prisma/client");
  const { PrismaBetterSqlite3 } = require("@prisma/adapter-better-sqlite3");
  const client = new PrismaClient({ adapter: new PrismaBetterSqlite3({ url: `file:${file}` }) });
  for (const statement of statements) await client.$queryRawUnsafe(statement);
  const { user, post } = client;
  return {
    close: () => client.$disconnect(),
    raw: async (sql) => (await client.$queryRawUnsafe(sql)).map(withoutBigInts),
    read: async (id) => (await client.$queryRawUnsafe("SELECT * FROM users WHERE id = ?", id))[0],
    findOne: (id) => user.findUnique({ where: { id } }),
    findMany: (count) => user.findMany({ orderBy: { id: "asc" }, take: count }),
    findTree: (count) =>
      user.findMany({ where: { id: { lte: count } }, include: { posts: { include: { comments: true } } } }),
    save: (row) => user.create({ data: row }),
    saveArray: (rows) => user.createManyAndReturn({ data: rows }),
    insert: (rows) => user.createMany({ data: rows }),
    insertMany: (rows) =>
      client.$transaction(async (tx) => {
        for (const chunk of chunks(rows)) await tx.user.createMany({ data: chunk });
      }, PATIENCE),
    update: (id, values) => user.update({ where: { id }, data: values }),
    remove: (id) => user.delete({ where: { id } }),
    session: (id, title) =>
      client.$transaction(async (tx) => {
        const { age } = await tx.user.findUnique({ where: { id } });
        await tx.user.update({ where: { id }, data: { age: age + 1 } });
        await tx.post.create({ data: { title, userId: id } });
      }, PATIENCE),
    page: async (id) => ({
      user: await user.findUnique({ where: { id } }),
      posts: await post.findMany({ where: { userId: id }, take: 20 }),
    }),
    addPost: (id, title) => post.create({ data: { title, userId: id } }),
  };
}

module.exports = {
  title: "Prisma + better-sqlite3",
  packages: ["@prisma/client", "better-sqlite3"],
  lacks: {
    named: "no named parameters",
    stream: "no row by row reading",
    createTables: "tables are made by its command, from files, with a binary that npm does not bring",
  },
  open,
};
