import { chmodSync, readdirSync, statSync } from "node:fs";
import { QueryError } from "../../src/errors";
import { SqliteDatabase } from "../../src/sqlite-database";
import { rejection } from "../support/data-sources";
import { testDatabases } from "../support/databases";
import { RawDatabase, rawExec } from "../support/raw-database";
import { NOTES, Note } from "../support/small-entities";
import { StatementLog } from "../support/statement-log";

const databases = testDatabases();

describe("the schema of a foreign file", () => {
  // One of what SQLite does not take for harmless: https://sqlite.org/pragma.html#pragma_trusted_schema
  const UNSAFE = "pragma_table_info('notes')";
  const SCHEMA = `
    CREATE TABLE notes (id integer PRIMARY KEY, text varchar);
    CREATE TABLE log (text);
    CREATE VIEW reading AS SELECT name FROM ${UNSAFE};
    CREATE TRIGGER writing AFTER INSERT ON notes BEGIN INSERT INTO log SELECT name FROM reading; END;
  `;
  const CALLS = ["SELECT * FROM reading", "INSERT INTO notes (text) VALUES ('x')"];

  test("cannot use what has side effects: trusted_schema is off on every connection", async () => {
    await rawExec(databases.path, SCHEMA);
    const database = await databases.open({ createAll: false });
    for (const sql of CALLS) {
      expect((await rejection(database.exec(sql))).message).toContain("unsafe use of virtual table");
      const session = database.session((inside) => inside.exec(sql));
      expect((await rejection(session)).message).toContain("unsafe use of virtual table");
    }
    // A witness without that setting: nothing else keeps the schema from it.
    const raw = await RawDatabase.open(databases.path);
    try {
      await raw.exec("PRAGMA trusted_schema = ON");
      for (const sql of CALLS) await raw.exec(sql);
    } finally {
      await raw.close();
    }
  });
});

test("no extension is loaded, by whichever call", async () => {
  const database = await databases.open();
  const sql = "SELECT load_extension('/nowhere/code.so')";
  const calls: (() => Promise<unknown>)[] = [
    () => database.exec(sql),
    () => database.exec(sql, {}, { readonly: true }),
    () => database.session((session) => session.exec(sql)),
    () => database.dataSource.query(sql),
    () => database.execScript(`${sql}; SELECT 1`),
  ];
  for (const call of calls) {
    const error = await rejection(call());
    expect(error).toBeInstanceOf(QueryError);
    // SQLite refuses before it looks for the file: https://sqlite.org/c3ref/enable_load_extension.html
    expect(error.message).toContain("not authorized");
  }
});

test("values are bound and never become SQL, in names and in text", async () => {
  const database = await databases.open({ entities: [Note] });
  const evil = `'); DROP TABLE notes; -- " \` [ ] ; : ? \\ %`;
  await database.exec("INSERT INTO notes (text) VALUES (:evil)", { evil });
  await database.insertMany(Note, [{ text: `${evil} 2` }]);
  await database.getRepository(Note).insert({ text: `${evil} 3` });
  expect((await database.exec(NOTES)).scalars()).toEqual([evil, `${evil} 2`, `${evil} 3`]);
  expect(await database.getRepository(Note).countBy({ text: evil })).toBe(1);
  expect(
    (await database.exec("SELECT 1 FROM notes WHERE text IN (:evil)", { evil: [evil] })).rows,
  ).toHaveLength(1);
  const rows: unknown[] = [];
  for await (const row of database.stream("SELECT text FROM notes WHERE text = :evil", { evil }))
    rows.push(row);
  expect(rows).toEqual([{ text: evil }]);
});

test("the mode of the file is kept, and its companions and copies have it too", async () => {
  await rawExec(databases.path, "CREATE TABLE notes (id integer PRIMARY KEY, text varchar)");
  chmodSync(databases.path, 0o600);
  const database = await databases.open({ entities: [Note] });
  await database.getRepository(Note).insert({ text: "private" });
  await database.backup(databases.folder.file("backup.db"));
  for (const name of readdirSync(databases.folder.path)) {
    expect([name, statSync(databases.folder.file(name)).mode & 0o777]).toEqual([name, 0o600]);
  }
  await database.vacuum();
  await database.close();
  await database.init();
  expect(statSync(databases.path).mode & 0o777).toBe(0o600);
});

test("a password in a location is in no error and in no log", async () => {
  const secret = "s3cr3t-lovelace";
  for (const location of [
    `postgres://ada:${secret}@host/db`,
    `sqlite://ada:${secret}@host/app.db`,
    `sqlite:///${databases.path}?password=${secret}`,
    `${databases.path}?key=${secret}`,
    `file://ada:${secret}@host/app.db`,
  ]) {
    const log = new StatementLog();
    const error = await rejection((async () => new SqliteDatabase(location, { echo: log }).init())());
    expect(JSON.stringify([error.message, error.stack, String(error.cause), log.take()])).not.toContain(
      secret,
    );
  }
});
