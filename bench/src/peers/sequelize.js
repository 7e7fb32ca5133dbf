"use strict";

const { sqlite3WithPragmas } = require("../pragmas");

const connect = (file) => {
  const { Sequelize } = require("sequelize");
  return new Sequelize({
    dialect: "sqlite",
    dialectModule: sqlite3WithPragmas(require("sqlite3")),
    storage: file,
    logging: false,
    define: { timestamps: false },
  });
};

function modelsOf(sequelize) {
  const { DataTypes } = require("sequelize");
  // It keeps and changes what it is given, so nothing may be shared.
  const id = () => ({ type: DataTypes.INTEGER, primaryKey: true, autoIncrement: true });
  const text = () => ({ type: DataTypes.STRING, allowNull: false });
  const User = sequelize.define(
    "User",
    {
      id: id(),
      name: text(),
      email: text(),
      age: { type: DataTypes.INTEGER, allowNull: false, defaultValue: 0 },
      status: { ...text(), defaultValue: "new" },
    },
    { tableName: "users" },
  );
  const Post = sequelize.define("Post", { id: id(), title: text() }, { tableName: "posts" });
  const Comment = sequelize.define("Comment", { id: id(), text: text() }, { tableName: "comments" });
  const postKey = { name: "userId", field: "user_id" };
  const commentKey = { name: "postId", field: "post_id" };
  User.hasMany(Post, { as: "posts", foreignKey: postKey });
  Post.belongsTo(User, { as: "user", foreignKey: postKey });
  Post.hasMany(Comment, { as: "comments", foreignKey: commentKey });
  Comment.belongsTo(Post, { as: "post", foreignKey: commentKey });
  return { User, Post, Comment };
}

async function open(file) {
  const { Op, QueryTypes, Transaction } = require("sequelize");
  const sequelize = connect(file);
  const { User, Post, Comment } = modelsOf(sequelize);
  const raw = (sql, options) => sequelize.query(sql, { type: QueryTypes.SELECT, ...options });
  return {
    close: () => sequelize.close(),
    // What it recognises as a pragma it answers in its own form.
    raw: (sql) => raw(/^PRAGMA (\w+)$/.test(sql) ? `SELECT * FROM pragma_${sql.slice(7)}` : sql),
    read: async (id) => (await raw("SELECT * FROM users WHERE id = $1", { bind: [id] }))[0],
    findOne: (id) => User.findByPk(id),
    findMany: (count) => User.findAll({ order: ["id"], limit: count }),
    findTree: (count) =>
      User.findAll({
        where: { id: { [Op.lte]: count } },
        include: [{ model: Post, as: "posts", include: [{ model: Comment, as: "comments" }] }],
      }),
    save: (row) => User.create(row),
    saveArray: (rows) => User.bulkCreate(rows, { returning: true }),
    insert: (rows) => User.bulkCreate(rows),
    insertMany: (rows) => User.bulkCreate(rows),
    update: (id, values) => User.update(values, { where: { id } }),
    remove: (id) => User.destroy({ where: { id } }),
    named: (values, sql) => raw(sql, { replacements: values }),
    session: (id, title) =>
      sequelize.transaction({ type: Transaction.TYPES.IMMEDIATE }, async (transaction) => {
        const { age } = await User.findByPk(id, { transaction });
        await User.update({ age: age + 1 }, { where: { id }, transaction });
        await Post.create({ title, userId: id }, { transaction });
      }),
    page: async (id) => ({
      user: await User.findByPk(id),
      posts: await Post.findAll({ where: { userId: id }, limit: 20 }),
    }),
    addPost: (id, title) => Post.create({ title, userId: id }),
  };
}

async function createTables(file, count) {
  const { DataTypes } = require("sequelize");
  const sequelize = connect(file);
  for (let index = 0; index < count; index++) {
    sequelize.define(
      `Table${index}`,
      {
        id: { type: DataTypes.INTEGER, primaryKey: true, autoIncrement: true },
        name: { type: DataTypes.STRING, allowNull: false },
        email: { type: DataTypes.STRING, allowNull: false, unique: true },
        age: { type: DataTypes.INTEGER, allowNull: false, defaultValue: 0 },
        note: { type: DataTypes.TEXT },
      },
      { tableName: `table_${index}` },
    );
  }
  await sequelize.sync();
  const { QueryTypes } = require("sequelize");
  return {
    close: () => sequelize.close(),
    raw: (sql) => sequelize.query(sql, { type: QueryTypes.SELECT }),
  };
}

module.exports = {
  title: "Sequelize + sqlite3",
  packages: ["sequelize", "sqlite3"],
  lacks: { stream: "no row by row reading" },
  open,
  createTables,
};
