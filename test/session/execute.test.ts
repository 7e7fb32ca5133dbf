import { ParameterError, QueryError, ReadonlyError, UnsafeIntegerError } from "../../src/errors";
import type { SqliteDatabase } from "../../src/sqlite-database";
import { rejection } from "../support/data-sources";
import { testDatabases } from "../support/databases";
import { rawExec, rawRead } from "../support/raw-database";
import { NOTES, Note } from "../support/small-entities";

const databases = testDatabases();
const boom = new Error("boom");

const USERS = `
  CREATE TABLE users (id integer PRIMARY KEY, name text UNIQUE, age integer);
  INSERT INTO users VALUES (1, 'ada', 36), (2, 'bob', 17), (3, 'eve', 52), (4, 'ann', NULL);
`;

interface User {
  id: number;
  name: string;
  age: number | null;
}

let database: SqliteDatabase;
beforeEach(async () => {
  await rawExec(databases.path, USERS);
  database = await databases.open();
});

const users = () => rawRead(databases.path, "SELECT name FROM users ORDER BY id");

describe("exec", () => {
  test("takes named parameters, lists and positional ones", async () => {
    const adults = await database.exec<User>("SELECT * FROM users WHERE age > :age ORDER BY id", { age: 21 });
    expect(adults.rows).toEqual([
      { id: 1, name: "ada", age: 36 },
      { id: 3, name: "eve", age: 52 },
    ]);
    expect(adults.columns).toEqual(["id", "name", "age"]);
    const names = async (sql: string, parameters: object) =>
      (
        await database.exec<User>(`SELECT name FROM users WHERE ${sql} ORDER BY id`, parameters as never)
      ).scalars();
    expect(await names("id = @id OR name = $name", { id: 1, name: "bob" })).toEqual(["ada", "bob"]);
    expect(await names("id = ? OR id = ?", [3, 4])).toEqual(["eve", "ann"]);
    expect(await names("id IN (:ids)", { ids: [1, 3] })).toEqual(["ada", "eve"]);
    expect(await names("id IN :ids", { ids: [1, 3] })).toEqual(["ada", "eve"]);
    expect(await names("id IN (:...ids)", { ids: [1, 3] })).toEqual(["ada", "eve"]);
    expect(await names("id IN (:ids)", { ids: [] })).toEqual([]);
    expect(await names("id NOT IN (:ids)", { ids: [] })).toEqual(["ada", "bob", "eve", "ann"]);
    expect(await names("age IS :age", { age: null })).toEqual(["ann"]);
    expect(await names("name = ':age'", {})).toEqual([]);
  });

  test("reaches SQLite with every value as it is", async () => {
    const values = {
      null: null,
      true: true,
      integer: 2 ** 40,
      real: 0.1 + 0.2,
      bigint: 9_007_199_254_740_993n,
      text: "a ':name' and ?",
      blob: Buffer.from([0, 1, 255]),
      date: new Date("2024-02-29T12:34:56.789Z"),
    };
    const result = await database.exec(
      `SELECT :null IS NULL AS "null", typeof(:true) || :true AS "true", typeof(:integer) || :integer AS "integer",
        :real AS "real", typeof(:bigint) || :bigint AS "bigint", :text AS "text", :blob AS "blob", :date AS "date"`,
      values,
    );
    expect(result.one()).toEqual({
      null: 1,
      true: "integer1",
      integer: "integer1099511627776",
      real: 0.1 + 0.2,
      bigint: "integer9007199254740993",
      text: "a ':name' and ?",
      blob: Buffer.from([0, 1, 255]),
      date: "2024-02-29 12:34:56.789",
    });
  });

  test("tells the columns, also when there are no rows", async () => {
    const columns = async (sql: string, values = {}) => (await database.exec(sql, values)).columns;
    await database.exec("DELETE FROM users");
    expect(await columns("SELECT * FROM users")).toEqual(["id", "name", "age"]);
    expect(
      await columns('SELECT age + :n, :n, name AS "a b" FROM users; -- none', { n: 2n ** 60n }),
    ).toHaveLength(3);
    for (const condition of ["true", "false"]) {
      const joined = `SELECT a.id, b.id, b.name FROM (SELECT 1 AS id) a, (SELECT 2 AS id, 3 AS name) b WHERE ${condition}`;
      expect(await columns(joined)).toEqual(["id", "name"]);
    }
    expect(await columns("SELECT age + :n, :n FROM users", { n: 1 })).toEqual(["age + :n", ":n"]);
    expect(
      await columns("WITH a(x) AS (VALUES (1)) SELECT x, count(*) FROM a GROUP BY x HAVING false"),
    ).toEqual(["x", "count(*)"]);
    expect(await columns("SELECT id FROM users UNION SELECT age FROM users ORDER BY 1 LIMIT 1")).toEqual([
      "id",
    ]);
    expect(await columns("UPDATE main.users SET age = 0 RETURNING id, age + 1 AS older")).toEqual([
      "id",
      "older",
    ]);
    expect(await columns("DELETE FROM users WHERE age > :age RETURNING *", { age: 1 })).toEqual([
      "id",
      "name",
      "age",
    ]);
    expect(await columns("DELETE FROM users")).toEqual([]);
    expect(await columns("PRAGMA foreign_key_check")).toEqual([]);
  });

  test.each([
    [`SELECT 'ada' AS name, 3 AS "2024"`, ["name", "2024"]],
    [`SELECT 'ada' AS name, 3 AS "2024" WHERE false`, ["name", "2024"]],
    [`SELECT 9 AS "9", 'x' AS "x", :n AS "1", 0 AS "007"`, ["9", "x", "1", "007"]],
    [`WITH a(x, "3") AS (SELECT 1, 2) SELECT "3", x, 5 AS "1" FROM a ORDER BY x; -- done`, ["3", "x", "1"]],
    ['UPDATE users SET age = 3 RETURNING name, 1 AS "1"', ["name", "1"]],
  ])("of %s the columns are in its order, though some are named by numbers", async (sql, names) => {
    for (const _ of [1, 2, 3]) {
      const result = await database.exec(sql, sql.includes(":n") ? { n: 4 } : {});
      expect(result.columns).toEqual(names);
      if (result.rows[0]) expect(result.scalar()).toBe(result.rows[0][names[0]!]);
    }
    const more = await Promise.all(
      Array.from({ length: 20 }, () => database.exec(sql, sql.includes(":n") ? { n: 4 } : {})),
    );
    for (const { columns } of more) expect(columns).toEqual(names);
  });

  test("names the columns as SQLite does: parameters are no reason for another name", async () => {
    const result = await database.exec("SELECT :a, @b, $c, :a + 1, 1 IN (:ids)", {
      a: 1,
      b: "x",
      c: null,
      ids: [1, 2],
    });
    expect(result.columns).toEqual([":a", "@b", "$c", ":a + 1", "1 IN (?, ?)"]);
    expect(result.one()).toEqual({ ":a": 1, "@b": "x", $c: null, ":a + 1": 2, "1 IN (?, ?)": 1 });
  });

  test("a rowid beyond 2^53 is written, and never handed out rounded", async () => {
    const id = 2n ** 60n + 1n;
    const result = await database.exec("INSERT INTO users (id, name) VALUES (:id, 'large')", { id });
    expect(result.changes).toBe(1);
    expect(() => result.lastInsertRowid).toThrow(UnsafeIntegerError);
    expect(() => result.lastInsertRowid).toThrow("RETURNING CAST(rowid AS TEXT)");
    const sql = "INSERT INTO users (name) VALUES ('next') RETURNING CAST(rowid AS TEXT) AS rowid";
    expect(BigInt((await database.exec<{ rowid: string }>(sql)).one().rowid)).toBe(id + 1n);
    const stored = await rawRead(
      databases.path,
      "SELECT CAST(id AS TEXT) AS id FROM users WHERE name = 'large'",
    );
    expect(stored).toEqual([{ id: String(id) }]);
  });

  test("tells what it changed, with and without RETURNING", async () => {
    const inserted = await database.exec("INSERT INTO users (name, age) VALUES ('new', :age)", { age: 1 });
    expect(inserted).toMatchObject({ rows: [], changes: 1, lastInsertRowid: 5 });
    const returning = await database.exec("INSERT INTO users (name) VALUES (:a), (:b) RETURNING id, name", {
      a: "first",
      b: "second",
    });
    expect(returning).toMatchObject({
      rows: [
        { id: 6, name: "first" },
        { id: 7, name: "second" },
      ],
      columns: ["id", "name"],
      changes: 2,
      lastInsertRowid: 7,
    });
    const updated = await database.exec("UPDATE users SET age = 0 WHERE id > :id RETURNING id", { id: 5 });
    expect(updated).toMatchObject({ rows: [{ id: 6 }, { id: 7 }], changes: 2 });
    expect(await database.exec("DELETE FROM users WHERE id > :id", { id: 5 })).toMatchObject({ changes: 2 });
    expect(await database.exec("DELETE FROM users WHERE id > :id", { id: 5 })).toMatchObject({ changes: 0 });
    expect(await database.exec("SELECT * FROM users")).toMatchObject({ changes: 0 });
    expect(await database.exec("CREATE TABLE t (x)")).toMatchObject({ rows: [], changes: 0 });
  });

  test("last_insert_rowid() and changes() right after a write tell about that", async () => {
    await database.exec("INSERT INTO users (name) VALUES ('new')");
    expect((await database.exec("SELECT last_insert_rowid() AS id")).scalar()).toBe(5);
    await database.exec("UPDATE users SET age = 1 WHERE id <= 3");
    expect((await database.exec("SELECT changes() AS n")).scalar()).toBe(3);
    await database.session(async (session) => {
      await session.exec("INSERT INTO users (name) VALUES ('newer')");
      expect((await session.exec("SELECT last_insert_rowid()")).scalar()).toBe(6);
      expect((await database.exec("SELECT last_insert_rowid()")).scalar()).toBe(6);
    });
  });

  test("sends what only reads to a reader, and the rest to the writer", async () => {
    const writer = await database.openSession();
    await writer.exec("UPDATE users SET age = 0 WHERE id = 1");
    // The writer is taken, so these can only have run elsewhere.
    for (const read of [
      "SELECT name FROM users",
      "WITH u AS (SELECT * FROM users) SELECT name FROM u",
      "VALUES ('ada')",
      "EXPLAIN DELETE FROM users",
      "PRAGMA table_info(users)",
      "PRAGMA user_version",
    ]) {
      expect((await database.exec(read)).rows).not.toEqual([]);
    }
    const write = database.exec(
      "WITH gone AS (SELECT 2 AS id) DELETE FROM users WHERE id IN (SELECT id FROM gone)",
    );
    await writer.commit();
    await writer.close();
    expect(await write).toMatchObject({ changes: 1 });
    expect(await users()).toEqual([{ name: "ada" }, { name: "eve" }, { name: "ann" }]);
  });

  test.each([
    "INSERT INTO users (name) VALUES ('new')",
    "DELETE FROM users RETURNING id",
    "WITH x AS (SELECT 1) UPDATE users SET age = 0",
    "DROP TABLE users",
    "VACUUM",
    "PRAGMA user_version = 7",
  ])("with readonly refuses %s, outside a session and inside", async (sql) => {
    await expect(database.exec(sql, undefined, { readonly: true })).rejects.toThrow(ReadonlyError);
    await database.session(async (session) => {
      await session.exec("UPDATE users SET age = 1 WHERE id = 1");
      await expect(session.exec(sql, undefined, { readonly: true })).rejects.toThrow(ReadonlyError);
      await expect(database.exec(sql, undefined, { readonly: true })).rejects.toThrow(ReadonlyError);
      expect(
        (await database.exec("SELECT age FROM users WHERE id = 1", {}, { readonly: true })).scalar(),
      ).toBe(1);
      await session.exec("UPDATE users SET age = 2 WHERE id = 1");
    });
    expect(await rawRead(databases.path, "SELECT count(*) AS n, min(age) AS age FROM users")).toEqual([
      { n: 4, age: 2 },
    ]);
  });

  test.each([
    ["a missing name", "SELECT :age", {}, /age/],
    ["an unknown name", "SELECT :age", { age: 1, agee: 2 }, /agee/],
    ["too few values", "SELECT ?, ?", [1], /\?|2/],
    ["undefined", "SELECT :age", { age: undefined }, /age/],
    ["an object", "SELECT :age", { age: { min: 1 } }, /age/],
    ["NaN", "SELECT :age", { age: Number.NaN }, /NaN/],
    ["an integer of more than 64 bits", "SELECT :age", { age: 2n ** 64n }, /age/],
    ["a list where no list can be", "SELECT :age", { age: [1, 2] }, /age/],
    ["a second statement", "DELETE FROM users; SELECT 1", {}, /statement/],
    ["no text", 5, {}, /string/],
  ])("refuses %s with a ParameterError, and runs nothing", async (_, sql, parameters, message) => {
    const run = () => database.exec(sql as string, parameters as never);
    await expect(run()).rejects.toThrow(ParameterError);
    await expect(run()).rejects.toThrow(message);
    await database.session(async (session) => {
      await expect(session.exec(sql as string, parameters as never)).rejects.toThrow(ParameterError);
    });
    expect(await users()).toHaveLength(4);
  });

  test.each([
    "BEGIN",
    "begin immediate",
    "COMMIT",
    "END",
    "ROLLBACK",
    "SAVEPOINT a",
    "RELEASE a",
    "ROLLBACK TO a",
  ])("refuses transaction control (%s), outside a session and inside", async (sql) => {
    await expect(database.exec(sql)).rejects.toThrow(ParameterError);
    await database.session(async (session) => {
      await session.exec("DELETE FROM users WHERE id = 1");
      await expect(session.exec(sql)).rejects.toThrow(ParameterError);
      await expect(database.exec(`-- a comment\n${sql}`)).rejects.toThrow(ParameterError);
      expect(await users()).toHaveLength(4);
    });
    expect(await users()).toHaveLength(3);
    expect(database.stats().writer.busy).toBe(false);
  });

  test.each([
    "PRAGMA foreign_keys = OFF",
    "PRAGMA query_only(1)",
    "PRAGMA cache_size = 10",
    "CREATE TEMP TABLE t (x)",
    "CREATE TEMPORARY VIEW v AS SELECT 1",
    "ATTACH ':memory:' AS other",
    "DETACH other",
  ])("refuses what changes one connection of the pool only: %s", async (sql) => {
    const setting = database.exec(sql);
    await expect(setting).rejects.toThrow(ParameterError);
    await expect(setting).rejects.toThrow(/session/);
    expect((await database.exec("PRAGMA foreign_keys")).scalar()).toBe(1);
  });

  test("in a session takes what changes its connection, until the session ends", async () => {
    await database.session(async (session) => {
      await session.exec("CREATE TEMP TABLE chosen (id integer)");
      await session.exec("INSERT INTO chosen VALUES (1), (3)");
      await session.exec("PRAGMA cache_size = 10");
      const chosen = await database.exec("SELECT name FROM users JOIN chosen USING (id) ORDER BY id");
      expect(chosen.scalars()).toEqual(["ada", "eve"]);
      expect((await database.exec("PRAGMA cache_size")).scalar()).toBe(10);
    });
    await expect(database.exec("INSERT INTO chosen VALUES (1)")).rejects.toThrow("no such table");
    await database.session(async (session) => {
      expect((await session.exec("PRAGMA cache_size")).scalar()).toBe(-16_000);
      await expect(session.exec("SELECT * FROM chosen")).rejects.toThrow("no such table");
    });
  });

  test("fails with the statement, SQLite's code and the line of the caller", async () => {
    const failing = async function theCaller(): Promise<unknown> {
      return await database.exec("INSERT INTO users (id, name) VALUES (:id, :name)", {
        id: 1,
        name: "again",
      });
    };
    const error = await failing().catch((error: unknown) => error);
    expect(error).toBeInstanceOf(QueryError);
    expect(error).toMatchObject({
      name: "ConstraintError",
      code: "SQLITE_CONSTRAINT",
      kind: "primaryKey",
      table: "users",
      columns: ["id"],
      query: "INSERT INTO users (id, name) VALUES (:id, :name)",
      parameters: [1, "again"],
    });
    expect((error as Error).stack).toContain("theCaller");
    await expect(database.exec("SELEC 1")).rejects.toMatchObject({ code: "SQLITE_ERROR", query: "SELEC 1" });
  });
});

test.each<[string, (sql: string) => Promise<unknown>]>([
  ["exec()", (sql) => database.exec(sql, {}, { readonly: true })],
  [
    "a session that only reads",
    (sql) => database.session((session) => session.exec(sql), { readonly: true }),
  ],
  ["a stream", (sql) => database.stream(sql).next()],
  ["a stream of a session", (sql) => database.session((session) => session.stream(sql).next())],
])("what is no SQL is refused by SQLite's own words, also by %s", async (_, call) => {
  const error = await rejection(call("SELEC 1"));
  expect(error).toBeInstanceOf(QueryError);
  expect(error.message).toContain('near "SELEC": syntax error');
});

describe("execScript", () => {
  test.each([[undefined], [5], [{}], [Buffer.from("DELETE FROM users")]])(
    "refuses %p, which is no text",
    async (sql) => {
      const error = await rejection(database.execScript(sql as never));
      expect(error).toBeInstanceOf(ParameterError);
      expect(error.message).toContain("The SQL text must be a string");
      expect(error.message.includes("utf8")).toBe(Buffer.isBuffer(sql));
    },
  );

  const SCRIPT = `
    CREATE TABLE log (entry text); -- with a semicolon; in a comment
    CREATE TRIGGER logged AFTER INSERT ON users BEGIN
      INSERT INTO log VALUES ('new; ' || new.name);
      UPDATE users SET age = 0 WHERE id = new.id AND age IS NULL;
    END;
    INSERT INTO users (name) VALUES ('scripted');
  `;

  test("runs every statement, with semicolons in triggers, texts and comments", async () => {
    await database.execScript(SCRIPT);
    expect(await rawRead(databases.path, "SELECT entry FROM log")).toEqual([{ entry: "new; scripted" }]);
    expect(await rawRead(databases.path, "SELECT age FROM users WHERE name = 'scripted'")).toEqual([
      { age: 0 },
    ]);
  });

  test.each([
    ["a constraint", "INSERT INTO users (name) VALUES ('ada')", "UNIQUE"],
    ["its syntax", "INSERT INTO", "incomplete input"],
  ])("that fails at %s of its last statement has done nothing", async (_, last, message) => {
    const script = database.execScript(`${SCRIPT}; DELETE FROM users WHERE id = 2; ${last}`);
    await expect(script).rejects.toThrow(message);
    await expect(script).rejects.toMatchObject({ query: last });
    expect(await users()).toHaveLength(4);
    expect(
      await rawRead(databases.path, "SELECT name FROM sqlite_schema WHERE name IN ('log', 'logged')"),
    ).toEqual([]);
  });

  test("is not seen by anyone before it is through", async () => {
    await using reader = await database.openSession({ readonly: true });
    await reader.exec("SELECT 1");
    const script = database.execScript("DELETE FROM users WHERE id = 1; DELETE FROM users WHERE id = 2");
    const counts = new Set<unknown>();
    let through = false;
    const watching = (async () => {
      while (!through) counts.add((await users()).length);
    })();
    await script;
    through = true;
    await watching;
    counts.delete(4);
    counts.delete(2);
    expect([...counts]).toEqual([]);
    expect(await users()).toHaveLength(2);
  });

  test("in a session is undone with it, and one that fails undoes only its own part", async () => {
    const session = database.session(async () => {
      await database.exec("DELETE FROM users WHERE id = 1");
      const script = database.execScript("DELETE FROM users WHERE id = 2; DELETE FROM nowhere");
      await expect(script).rejects.toThrow("no such table");
      expect((await database.exec("SELECT count(*) FROM users")).scalar()).toBe(3);
      await database.execScript("DELETE FROM users WHERE id = 3; DELETE FROM users WHERE id = 4");
      expect((await database.exec("SELECT count(*) FROM users")).scalar()).toBe(1);
      throw boom;
    });
    await expect(session).rejects.toBe(boom);
    expect(await users()).toHaveLength(4);
  });

  test("does not end the transaction that it runs in", async () => {
    for (const sql of ["COMMIT", "ROLLBACK", "END"]) {
      const script = database.execScript(`DELETE FROM users; ${sql}; DELETE FROM users`);
      await expect(script).rejects.toThrow(ParameterError);
      expect(await users()).toHaveLength(4);
    }
  });

  test("of nothing does nothing", async () => {
    await database.execScript("");
    await database.execScript(" ; -- nothing\n ;");
    expect(database.stats().writer.busy).toBe(false);
  });

  test("runs one after the other where several are started together", async () => {
    const notesDatabase = await databases.open({ entities: [Note] }, databases.folder.file("notes.db"));
    const scripts = ["a", "b", "c"].map((text) =>
      notesDatabase.execScript(`
        INSERT INTO notes (text) VALUES ('${text} first');
        INSERT INTO notes (text) VALUES ('${text} second')`),
    );
    await Promise.all(scripts);
    expect((await notesDatabase.exec(NOTES)).scalars()).toEqual(
      ["a", "b", "c"].flatMap((text) => [`${text} first`, `${text} second`]),
    );
  });
});
