"use strict";

/** The rows of all peers; computed, so that no two runs and no two peers differ. */

const USERS = 10_000;
/** The first users have three posts each, and each post two comments. */
const AUTHORS = 1_000;
const EVENTS = 1_000_000;

const COLUMNS = ["name", "email", "age", "status"];

const user = (n) => ({
  name: `User ${n}`,
  email: `user${n}@example.com`,
  age: 18 + ((n * 7) % 60),
  status: n % 3 === 0 ? "new" : "active",
});

const users = (count, first = 1) => Array.from({ length: count }, (_, index) => user(first + index));

/** What equals in all peers, whatever else their objects have. */
const plainUser = ({ id, name, email, age, status }) => ({ id, name, email, age, status });

const byId = (a, b) => a.id - b.id;

const plainTree = (found) =>
  found
    .map((user) => ({
      ...plainUser(user),
      posts: [...user.posts]
        .map(({ id, title, comments }) => ({
          id,
          title,
          comments: [...comments].map(({ id, text }) => ({ id, text })).sort(byId),
        }))
        .sort(byId),
    }))
    .sort(byId);

module.exports = { AUTHORS, COLUMNS, EVENTS, plainTree, plainUser, USERS, user, users };
