import { once } from "node:events";
import { isDeepStrictEqual } from "node:util";
import { ParameterError, QueryError, ReadonlyError, SessionClosedError } from "../../src/errors";
import type { SqliteDatabase } from "../../src/sqlite-database";
import { rejection } from "../support/data-sources";
import { testDatabases } from "../support/databases";
import { until } from "../support/deferred";
import { rawExec } from "../support/raw-database";
import { LONG_READ, Note } from "../support/small-entities";
import { within } from "../support/within";

const databases = testDatabases();
const boom = new Error("boom");

/** More than fit on the first pages. */
const COUNT = 12_345;
const NUMBERS = `
  CREATE TABLE numbers (id integer PRIMARY KEY, name text, shuffled integer);
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${COUNT})
  INSERT INTO numbers SELECT i, 'name ' || i, i * 7919 % 1009 FROM n;
`;

interface NumberRow {
  id: number;
  name: string;
}

let database: SqliteDatabase;
beforeEach(async () => {
  await rawExec(databases.path, NUMBERS);
  database = await databases.open({ entities: [Note] });
});

async function collect<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const row of rows) collected.push(row);
  return collected;
}

/** What `toEqual` says, in less time for this many rows. */
function expectSame(rows: readonly unknown[], expected: readonly unknown[]): void {
  expect(rows).toHaveLength(expected.length);
  if (!isDeepStrictEqual(rows, expected)) expect(rows).toEqual(expected);
}

const active = () => database.stats().readers.active;

test.each<[string, (broken: string) => Promise<unknown>]>([
  ["the database", async (sql) => await collect(database.stream(sql))],
  ["a session", async (sql) => await database.session((session) => collect(session.stream(sql)))],
  [
    "a query builder",
    async () => {
      const notes = database.getRepository(Note).createQueryBuilder("note").where("nonsense = 1");
      return await collect(await notes.stream());
    },
  ],
])("an error in a stream of %s has the caller's line in its stack", async (_, read) => {
  async function theCaller(): Promise<unknown> {
    return await read("SELECT nonsense");
  }
  const error = await rejection(theCaller());
  expect(error).toBeInstanceOf(QueryError);
  expect(error.stack).toMatch(/^QueryError: .*no such column: nonsense/);
  expect(error.stack).toContain(__filename);
  expect(error.stack).toContain("theCaller");
});

// SQLite 3.52 leaves out too few rows where it makes a join of an EXISTS.
describe("what has an EXISTS", () => {
  const EXISTING = "SELECT id FROM numbers WHERE EXISTS (SELECT 1 FROM pairs WHERE number = numbers.id)";

  beforeEach(async () => {
    await rawExec(
      databases.path,
      `CREATE TABLE pairs (number integer);
      INSERT INTO pairs SELECT id FROM numbers UNION ALL SELECT id FROM numbers;
      CREATE INDEX pairs_number ON pairs (number);
      CREATE VIEW existing AS ${EXISTING};`,
    );
  });

  test.each([
    ["a query", EXISTING],
    ["a query with bounds of its own", `${EXISTING} LIMIT 5000 OFFSET 100`],
    ["a view", "SELECT id FROM existing"],
  ])("%s is streamed as it is read at once", async (_, sql) => {
    const { rows } = await database.exec(sql);
    expectSame(await collect(database.stream(sql)), rows);
    await database.session(async (session) => expectSame(await collect(session.stream(sql)), rows));
  });

  test("is left out row by row, also in a page of TypeORM", async () => {
    expect((await database.exec(`${EXISTING} ORDER BY id LIMIT 3 OFFSET 10`)).scalars()).toEqual([
      11, 12, 13,
    ]);
    await database.exec("INSERT INTO notes (id, text) SELECT id, name FROM numbers LIMIT 100");
    const page = await database
      .getRepository(Note)
      .createQueryBuilder("note")
      .where("EXISTS (SELECT 1 FROM pairs WHERE number = note.id)")
      .orderBy("note.id")
      .skip(20)
      .take(2)
      .getMany();
    expect(page.map(({ id }) => id)).toEqual([21, 22]);
  });
});

describe("stream", () => {
  test.each([
    ["a table", "SELECT * FROM numbers"],
    ["an index order", "SELECT id, name FROM numbers ORDER BY id DESC"],
    ["a sort with many equal keys", "SELECT * FROM numbers ORDER BY shuffled"],
    ["groups", "SELECT shuffled, count(*) AS count, max(name) FROM numbers GROUP BY shuffled ORDER BY 2, 1"],
    [
      "columns of one name",
      "SELECT a.id, b.id, b.name FROM numbers a JOIN numbers b ON b.id = a.id ORDER BY b.name",
    ],
    ["columns with names of their own", 'SELECT rowid, ID, true, count(*) OVER (), name AS "" FROM numbers'],
    ["columns named by numbers", 'SELECT name AS "2", id AS "1" FROM numbers ORDER BY name'],
    ["a limit", "SELECT id FROM numbers LIMIT 2000"],
    ["a limit and an offset", "SELECT id FROM numbers ORDER BY name LIMIT 3000 OFFSET 77"],
    ["an offset and a limit", "SELECT id FROM numbers LIMIT 12000, 3000;"],
    ["a negative limit", "SELECT id FROM numbers LIMIT -1 OFFSET -5"],
    ["a limit that is a query", "SELECT id FROM numbers LIMIT (SELECT 150) -- all of them?"],
    [
      "a limit from the WITH clause",
      "WITH n(x) AS (SELECT 200) SELECT id FROM numbers LIMIT (SELECT x FROM n)",
    ],
    ["no rows", "SELECT id FROM numbers WHERE id < 0"],
    ["values", "VALUES (1, 'a'), (2, 'b')"],
    ["a WITH clause", "WITH n AS (SELECT id FROM numbers LIMIT 5) VALUES (1), (2)"],
    ["a compound", "SELECT id FROM numbers UNION ALL SELECT rowid FROM numbers UNION ALL VALUES (0)"],
    [
      "a recursion",
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) SELECT i, i * 0.1 FROM n",
    ],
    ["a comment at the end", "SELECT id FROM numbers -- ; LIMIT 3"],
    ["a pragma", "PRAGMA table_info(numbers)"],
    ["an explanation", "EXPLAIN QUERY PLAN SELECT * FROM numbers"],
  ])("gives the rows of exec(): %s", async (_, sql) => {
    const { rows } = await database.exec(sql);
    expectSame(await collect(database.stream(sql)), rows);
    const inSession = await database.session((session) => collect(session.stream(sql)));
    expectSame(inSession, rows);
  });

  test("takes named parameters, lists and positional ones, also in LIMIT and OFFSET", async () => {
    const sql = "SELECT id FROM numbers WHERE id > :least AND id NOT IN (:without) LIMIT :most OFFSET :skip";
    const parameters = { least: 10, without: [12, 13], most: 1500, skip: 1 };
    const { rows } = await database.exec(sql, parameters);
    expect(await collect(database.stream(sql, parameters))).toEqual(rows);
    expect(rows.slice(0, 2)).toEqual([{ id: 14 }, { id: 15 }]);
    const positional = database.stream<NumberRow>("SELECT id FROM numbers WHERE id BETWEEN ? AND ?", [5, 6]);
    expect(await collect(positional)).toEqual([{ id: 5 }, { id: 6 }]);
  });

  test("has the values of its parameters that they had when it was called", async () => {
    const ids = [1];
    const parameters = { ids, name: "name 1" };
    const sql = "SELECT id FROM numbers WHERE id IN (:ids) OR name = :name ORDER BY id";
    const rows = database.stream<NumberRow>(sql, parameters);
    await database.session(async (session) => {
      const inSession = session.stream<NumberRow>(sql, parameters);
      ids.push(2);
      parameters.name = "name 3";
      expect(await collect(inSession)).toEqual([{ id: 1 }]);
    });
    expect(await collect(rows)).toEqual([{ id: 1 }]);
  });

  test("hands out every value as it is", async () => {
    await rawExec(
      databases.path,
      `CREATE TABLE vals (i integer, r real, t text, b blob, n);
       WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
       INSERT INTO vals SELECT 9007199254740991 - i, 0.1 + 0.2, 'é😀' || i, zeroblob(3), NULL FROM n;`,
    );
    for (const sql of ["SELECT * FROM vals", "SELECT * FROM vals ORDER BY t"]) {
      const rows = await collect(database.stream(sql));
      expect(rows).toEqual((await database.exec(sql)).rows);
      expect(rows[0]).toMatchObject({ r: 0.1 + 0.2, b: Buffer.alloc(3), n: null });
    }
    const text = await collect(
      database.stream("SELECT CAST(:id AS TEXT) AS id", { id: 9_223_372_036_854_775_807n }),
    );
    expect(text).toEqual([{ id: "9223372036854775807" }]);
  });

  test("does not change what a sorted column of several types holds", async () => {
    const sql = "SELECT id AS x FROM numbers UNION ALL SELECT '12' UNION ALL SELECT 1.5 ORDER BY 1 DESC";
    expectSame(await collect(database.stream(sql)), (await database.exec(sql)).rows);
  });

  test("gives every row once, also in random order", async () => {
    const rows = await collect(database.stream<NumberRow>("SELECT id FROM numbers ORDER BY random()"));
    expect(new Set(rows.map(({ id }) => id)).size).toBe(COUNT);
    expect(rows).toHaveLength(COUNT);
    const inSession = await database.session(
      (session) => collect(session.stream<NumberRow>("SELECT id FROM numbers ORDER BY random()")),
      { readonly: true },
    );
    expect(new Set(inSession.map(({ id }) => id)).size).toBe(COUNT);
  });

  test("reads one snapshot while a writer goes on", async () => {
    let seen = 0;
    for await (const { name } of database.stream<NumberRow>("SELECT id, name FROM numbers")) {
      if (++seen % 2000 === 1) {
        await database.exec("UPDATE numbers SET name = 'changed'");
        await database.exec("INSERT INTO numbers (name) VALUES ('new')");
        await database.exec("DELETE FROM numbers WHERE id = :id", { id: COUNT - seen });
      }
      expect(name).toBe(`name ${seen}`);
    }
    expect(seen).toBe(COUNT);
  });

  test.each([
    ["a scan", "SELECT id FROM numbers"],
    ["a sort", "SELECT id FROM numbers ORDER BY name"],
  ])("frees the connection when the loop over %s is left", async (_, sql) => {
    for await (const row of database.stream<NumberRow>(sql)) {
      expect(active()).toBe(1);
      if (row.id % 500 === 0) break;
    }
    expect(active()).toBe(0);
    const thrown = (async () => {
      for await (const _ of database.stream(sql)) throw boom;
    })();
    await expect(thrown).rejects.toBe(boom);
    expect(active()).toBe(0);
    await collect(database.stream(sql));
    expect(active()).toBe(0);
    // Nothing is left on the connection, and it still refuses to write.
    await database.session(
      async (session) => {
        expect((await session.exec("SELECT count(*) FROM temp.sqlite_schema")).scalar()).toBe(0);
        expect((await session.exec("PRAGMA query_only")).scalar()).toBe(1);
      },
      { readonly: true },
    );
  });

  test("refuses what does not only read, before anything runs", async () => {
    const insert = "INSERT INTO numbers (name) VALUES ('new') RETURNING id";
    for (const sql of [insert, "DELETE FROM numbers", "PRAGMA user_version = 3", "BEGIN", "VACUUM"]) {
      expect(await rejection(collect(database.stream(sql)))).toBeInstanceOf(ReadonlyError);
    }
    const wrong: [string, Record<string, number>?][] = [
      ["SELECT :a"],
      ["SELECT 1", { a: 1 }],
      ["SELECT 1; SELECT 2"],
    ];
    for (const [sql, parameters] of wrong) {
      expect(await rejection(collect(database.stream(sql, parameters)))).toBeInstanceOf(ParameterError);
    }
    expect((await database.exec("SELECT count(*) FROM numbers")).scalar()).toBe(COUNT);
    expect(active()).toBe(0);
  });

  test("passes on what SQLite refuses, at once or in the middle, and frees the connection", async () => {
    const missing = await rejection(collect(database.stream("SELECT * FROM nowhere")));
    expect(missing).toBeInstanceOf(QueryError);
    expect(missing).toMatchObject({
      message: expect.stringContaining("no such table"),
      query: "SELECT * FROM nowhere",
    });
    const limit = await rejection(collect(database.stream("SELECT id FROM numbers LIMIT 'many'")));
    expect(limit).toMatchObject({ message: expect.stringContaining("datatype mismatch") });
    for (const order of ["id", "name"]) {
      const sql = `SELECT json(CASE id WHEN 9000 THEN '{' ELSE '1' END) AS value FROM numbers ORDER BY ${order}`;
      let seen = 0;
      const failed = (async () => {
        for await (const _ of database.stream(sql)) seen++;
      })();
      expect(await rejection(failed)).toBeInstanceOf(QueryError);
      if (order === "id") expect(seen).toBeGreaterThan(0);
    }
    expect(active()).toBe(0);
  });

  test("an abort frees the connection, in the loop's body and while SQLite is at work", async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const aborted = (async () => {
      for await (const _ of database.stream("SELECT id FROM numbers", undefined, { signal })) {
        controller.abort(boom);
        await until(() => active() === 0);
      }
    })();
    await expect(aborted).rejects.toBe(boom);
    const late = rejection(collect(database.stream(LONG_READ, undefined, { timeout: 0.05 })));
    expect((await within(5, late)).name).toBe("SessionTimeoutError");
    await until(() => active() === 0);
  });

  test("inside a session reads what the session wrote, and not what others wrote", async () => {
    await database.session(async (session) => {
      await session.exec("INSERT INTO numbers (name) VALUES ('mine')");
      const names = "SELECT name FROM numbers WHERE id > :id";
      expect(await collect(session.stream(names, { id: COUNT }))).toEqual([{ name: "mine" }]);
      expect(await collect(database.stream(names, { id: COUNT }))).toEqual([{ name: "mine" }]);
      const outside = database.detach(() => collect(database.stream(names, { id: COUNT })));
      expect(await outside).toEqual([]);
      for await (const { id } of session.stream<NumberRow>("SELECT id FROM numbers WHERE id < 300")) {
        await session.exec("UPDATE numbers SET name = 'visited' WHERE id = :id", { id });
      }
      const visited = await session.exec("SELECT count(*) FROM numbers WHERE name = 'visited'");
      expect(visited.scalar()).toBe(299);
    });
    expect(active()).toBe(0);
  });

  test("belongs where it was called, wherever it is read", async () => {
    const outside = database.stream("SELECT count(*) AS count FROM numbers");
    const { inside } = await database.session(async (session) => {
      await session.exec("DELETE FROM numbers");
      expect(await collect(outside)).toEqual([{ count: COUNT }]);
      return { inside: database.stream("SELECT count(*) AS count FROM numbers") };
    });
    expect(await rejection(collect(inside))).toBeInstanceOf(SessionClosedError);
  });

  test("gives calls of next() that do not wait for each other their rows in order", async () => {
    const stream = database.stream<NumberRow>("SELECT id FROM numbers WHERE id <= 150");
    const results = await Promise.all(Array.from({ length: 152 }, () => stream.next()));
    expect(results.slice(0, 150).map(({ value }) => value.id)).toEqual(
      Array.from({ length: 150 }, (_, index) => index + 1),
    );
    expect(results.slice(150)).toEqual([
      { value: undefined, done: true },
      { value: undefined, done: true },
    ]);
    expect(active()).toBe(0);
  });

  test("needs an open database", async () => {
    const stream = databases.make().stream("SELECT 1");
    expect((await rejection(collect(stream))).name).toBe("NotInitializedError");
  });

  test("of a session that has ended gives no further rows", async () => {
    const rows = await database.session(
      async (session) => {
        const stream = session.stream<NumberRow>("SELECT id FROM numbers");
        expect((await stream.next()).value).toEqual({ id: 1 });
        return { stream };
      },
      { readonly: true },
    );
    expect(await rejection(collect(rows.stream))).toBeInstanceOf(SessionClosedError);
  });

  test("works on a memory database", async () => {
    const memory = await databases.open({}, ":memory:");
    await memory.execScript(NUMBERS);
    const rows = await collect(memory.stream<NumberRow>("SELECT id FROM numbers ORDER BY name DESC"));
    expect(rows).toHaveLength(COUNT);
    await memory.exec("INSERT INTO numbers (name) VALUES ('writable again')");
  });
});

describe("queryBuilder.stream()", () => {
  const builder = () =>
    database.dataSource
      .createQueryBuilder()
      .select("n.id", "id")
      .from("numbers", "n")
      .where("n.id <= :most", { most: 5000 });

  test("streams the raw rows and frees the connection at the end", async () => {
    const stream = await builder().stream();
    expect(await collect(stream as AsyncIterable<unknown>)).toEqual(await builder().getRawMany());
    expect(active()).toBe(0);
  });

  test("frees the connection when it is destroyed, or fails", async () => {
    const stream = await builder().stream();
    for await (const _ of stream) break;
    if (!stream.closed) await new Promise<void>((resolve) => stream.once("close", resolve));
    expect(active()).toBe(0);
    const failing = await database.dataSource.createQueryBuilder().select("x").from("nowhere", "n").stream();
    failing.resume();
    const [error] = await once(failing, "error").catch((error: unknown) => [error]);
    expect(error).toBeInstanceOf(QueryError);
    expect(active()).toBe(0);
  });

  test("takes part in the session around it", async () => {
    await database.session(async ({ manager }) => {
      await manager.insert(Note, { text: "mine" });
      const stream = await manager.createQueryBuilder(Note, "note").stream();
      expect(await collect(stream as AsyncIterable<unknown>)).toEqual([{ note_id: 1, note_text: "mine" }]);
    });
  });
});
