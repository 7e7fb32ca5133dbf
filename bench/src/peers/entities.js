"use strict";

/** The entities, for any of the libraries that are a TypeORM. */
function entitySchemas({ EntitySchema }) {
  const id = { type: "integer", primary: true, generated: true };
  const text = { type: "varchar" };
  const User = new EntitySchema({
    name: "User",
    tableName: "users",
    columns: {
      id,
      name: text,
      email: text,
      age: { type: "integer", default: 0 },
      status: { type: "varchar", default: "new" },
    },
    relations: { posts: { type: "one-to-many", target: "Post", inverseSide: "user" } },
  });
  const Post = new EntitySchema({
    name: "Post",
    tableName: "posts",
    columns: { id, title: text },
    relations: {
      user: {
        type: "many-to-one",
        target: "User",
        inverseSide: "posts",
        nullable: false,
        joinColumn: { name: "user_id" },
      },
      comments: { type: "one-to-many", target: "Comment", inverseSide: "post" },
    },
  });
  const Comment = new EntitySchema({
    name: "Comment",
    tableName: "comments",
    columns: { id, text },
    relations: {
      post: {
        type: "many-to-one",
        target: "Post",
        inverseSide: "comments",
        nullable: false,
        joinColumn: { name: "post_id" },
      },
    },
  });
  return { User, Post, Comment };
}

/** Tables that are only created: five columns, one of them unique. */
function manyEntitySchemas({ EntitySchema }, count) {
  return Array.from(
    { length: count },
    (_, index) =>
      new EntitySchema({
        name: `Table${index}`,
        tableName: `table_${index}`,
        columns: {
          id: { type: "integer", primary: true, generated: true },
          name: { type: "varchar" },
          email: { type: "varchar", unique: true },
          age: { type: "integer", default: 0 },
          note: { type: "text", nullable: true },
        },
      }),
  );
}

module.exports = { entitySchemas, manyEntitySchemas };
