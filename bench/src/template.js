"use strict";

/** Makes the database files that the peers get a copy of. Runs in a process of its own: `node template.js name file`. */

const { openBetterSqlite3 } = require("./pragmas");
const { AUTHORS, COLUMNS, EVENTS, USERS, users } = require("./rows");

const TABLES = `
  CREATE TABLE users (
    id integer PRIMARY KEY AUTOINCREMENT NOT NULL,
    name varchar NOT NULL, email varchar NOT NULL,
    age integer NOT NULL DEFAULT 0, status varchar NOT NULL DEFAULT 'new'
  );
  CREATE TABLE posts (
    id integer PRIMARY KEY AUTOINCREMENT NOT NULL,
    title varchar NOT NULL, user_id integer NOT NULL REFERENCES users (id)
  );
  CREATE INDEX posts_user ON posts (user_id);
  CREATE TABLE comments (
    id integer PRIMARY KEY AUTOINCREMENT NOT NULL,
    text varchar NOT NULL, post_id integer NOT NULL REFERENCES posts (id)
  );
  CREATE INDEX comments_post ON comments (post_id);
  CREATE TABLE events (id integer PRIMARY KEY, bucket integer NOT NULL, value integer NOT NULL, label text NOT NULL);
`;

const series = (count) =>
  `WITH RECURSIVE series (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < ${count})`;

function fill(database, { userCount = 0, authors = 0, events = 0 }) {
  const insert = database.prepare(
    `INSERT INTO users (${COLUMNS}) VALUES (${COLUMNS.map((name) => `@${name}`)})`,
  );
  for (let first = 1; first <= userCount; first += 100_000) {
    const chunk = users(Math.min(100_000, userCount - first + 1), first);
    database.transaction(() => {
      for (const row of chunk) insert.run(row);
    })();
  }
  if (authors > 0) {
    database.exec(`
      ${series(3 * authors)}
      INSERT INTO posts (title, user_id) SELECT 'Post ' || n, (n - 1) / 3 + 1 FROM series;
      ${series(6 * authors)}
      INSERT INTO comments (text, post_id) SELECT 'Comment ' || n, (n - 1) / 2 + 1 FROM series;
    `);
  }
  if (events > 0) {
    database.exec(
      `${series(events)} INSERT INTO events SELECT n, n % 100, (n * 7919) % 10007, 'event ' || n FROM series`,
    );
  }
}

const CONTENTS = {
  small: { userCount: USERS, authors: AUTHORS },
  large: { userCount: USERS, authors: AUTHORS, events: EVENTS },
};

/** `rows-1000` has so many users, and nothing else. */
function contentsOf(name) {
  const [, rows] = /^rows-(\d+)$/.exec(name) ?? [];
  return rows ? { userCount: Number(rows) } : CONTENTS[name];
}

function makeTemplate(name, file) {
  const database = openBetterSqlite3(file);
  database.exec(TABLES);
  fill(database, contentsOf(name));
  database.pragma("wal_checkpoint(TRUNCATE)");
  database.close();
}

if (require.main === module) makeTemplate(process.argv[2], process.argv[3]);
