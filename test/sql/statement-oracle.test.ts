import fc from "fast-check";
import { analyzeStatement, splitStatements } from "../../src/sql/statement";
import { MemoryDatabase } from "./memory-database";

// SQLite decides whether the analysis is right.

let database: MemoryDatabase;

beforeEach(async () => {
  database = new MemoryDatabase();
  await database.exec(`
    CREATE TABLE t (a INTEGER PRIMARY KEY, b DEFAULT 1);
    CREATE TABLE u (a REFERENCES t);
    CREATE VIEW v AS SELECT * FROM t;
    CREATE VIRTUAL TABLE f USING fts5(a);
    INSERT INTO t VALUES (1, 2), (2, 3);
  `);
});

afterEach(() => database.close());

const statements = [
  ...["SELECT * FROM t", "VALUES (1)", "WITH c AS (SELECT 1) SELECT * FROM c", "SELECT * FROM f('x')"],
  ...["INSERT INTO t VALUES (3, 4) RETURNING a", "REPLACE INTO t VALUES (1, 1)", "DELETE FROM t RETURNING *"],
  ...["WITH replace AS (SELECT 1) SELECT * FROM replace", "WITH c AS (SELECT 1) REPLACE INTO t SELECT 1, 1"],
  ...["UPDATE t SET b = 0", "UPDATE t SET b = 0 WHERE a = 1 RETURNING (b)", "INSERT INTO f VALUES ('x')"],
  ...[
    "EXPLAIN INSERT INTO t VALUES (9, 9)",
    "EXPLAIN QUERY PLAN DELETE FROM t",
    "EXPLAIN CREATE TABLE x (a)",
  ],
  ...["EXPLAIN DROP TABLE t", "EXPLAIN VACUUM", "EXPLAIN ATTACH 'a' AS b", "EXPLAIN CREATE TEMP TABLE x (a)"],
  ...[
    "PRAGMA table_info(t)",
    "PRAGMA integrity_check",
    "PRAGMA foreign_key_check(u)",
    "PRAGMA main.index_list=t",
  ],
  ...["PRAGMA user_version", "PRAGMA journal_mode", "PRAGMA quick_check(1)", "PRAGMA table_list(t)"],
  ...["CREATE TABLE w (a)", "DROP TABLE t", "ALTER TABLE t ADD c", "REINDEX", "ANALYZE", "VACUUM"],
];

test.each(statements)("query_only allows %s only if it reads", async (sql) => {
  await database.exec("PRAGMA query_only = ON");
  const refusal = await database.refusal(sql);
  if (analyzeStatement(sql).readsOnly) expect(refusal).toBeUndefined();
  else expect(refusal).toMatch(/readonly/);
});

test("EXPLAIN runs many a pragma", async () => {
  await database.all("EXPLAIN PRAGMA case_sensitive_like = 1");
  await database.all("EXPLAIN PRAGMA recursive_triggers = 1");
  expect(await database.all("PRAGMA recursive_triggers")).toEqual([{ recursive_triggers: 1 }]);
});

test.each(statements)("%s returns rows only if it can", async (sql) => {
  const rows = await database.all(sql);
  if (rows.length > 0) expect(analyzeStatement(sql).returnsRows).toBe(true);
});

describe("pragmas", () => {
  async function settings(): Promise<Map<string, string>> {
    const names = (await database.all("SELECT name FROM pragma_pragma_list")).map(({ name }) => String(name));
    const found = new Map<string, string>();
    for (const name of names) {
      const { readsOnly } = analyzeStatement(`PRAGMA ${name}`);
      // Reading some settings opens the temporary database, which is then listed.
      if (readsOnly && name !== "database_list")
        found.set(name, JSON.stringify(await database.all(`PRAGMA ${name}`)));
    }
    return found;
  }

  test("none that reads changes what any other reads", async () => {
    const before = await settings();
    expect(before.size).toBeGreaterThan(50);
    for (const name of before.keys()) {
      await database.all(`PRAGMA ${name}`);
      if (!analyzeStatement(`PRAGMA ${name}(1)`).readsOnly) continue;
      await database.all(`PRAGMA ${name}(t)`);
    }
    expect(await settings()).toEqual(before);
  });

  test("none that acts or writes to the file, instead of pinning, changes a setting of the connection", async () => {
    const stored = [...(await settings()).keys()].filter((name) => {
      const { readsOnly, pinsConnection } = analyzeStatement(`PRAGMA ${name} = 7`);
      return !readsOnly && !pinsConnection;
    });
    expect(stored).toContain("user_version");
    const others = async () => [...(await settings())].filter(([name]) => !stored.includes(name));
    const before = await others();
    for (const name of [...stored, "wal_checkpoint", "optimize", "incremental_vacuum", "shrink_memory"]) {
      expect(analyzeStatement(`PRAGMA ${name} = 7`).pinsConnection).toBe(false);
      // Not every one takes a 7.
      await database.refusal(`PRAGMA ${name} = 7`);
    }
    expect(await others()).toEqual(before);
  });
});

describe("scripts", () => {
  const quoted = fc.constantFrom(..."';:?-/*[]\"`xEND ".split("")).map((text) => text.repeat(2));
  const filler = fc.constantFrom(" ", "\n", "/* ; END */", "-- it's; \n", "/*;*/", "\t");
  const value = fc.oneof(
    fc.array(quoted, { maxLength: 4 }).map((parts) => `'${parts.join("").replaceAll("'", "''")}'`),
    fc.constantFrom("CASE 1 WHEN 1 THEN 2 END", "x'3b'", "1", 'a AS ";"', "a AS [;]", "a AS end", "begin.a"),
  );
  const select = fc.tuple(filler, value, filler).map(([a, expression, b]) => {
    return `INSERT INTO log SELECT${a}${expression}${b} FROM (SELECT 1 AS a) AS begin`;
  });
  const trigger = fc
    .tuple(fc.nat(9), filler, fc.array(select, { minLength: 1, maxLength: 3 }))
    .map(
      ([number, space, body]) =>
        `CREATE TRIGGER IF NOT EXISTS g${number} AFTER INSERT ON source${space}WHEN CASE WHEN 1 THEN 1 END ` +
        `BEGIN${space}${body.map((statement) => `${statement}${space};`).join("")} END`,
    );
  const touch = fc.constant("INSERT INTO source VALUES (1)");
  const separator = fc
    .tuple(filler, fc.constantFrom(";", ";;", "; ;"), filler)
    .map((parts) => parts.join(""));
  const script = fc.array(fc.tuple(fc.oneof(select, trigger, touch), separator), { maxLength: 6 });

  test("the statements of a script do together what the script does", async () => {
    await fc.assert(
      fc.asyncProperty(script, filler, async (parts, end) => {
        const whole = new MemoryDatabase();
        const split = new MemoryDatabase();
        try {
          for (const each of [whole, split]) await each.exec("CREATE TABLE log (a); CREATE TABLE source (a)");
          const text = parts.flat().join("") + end;
          await whole.exec(text);
          const statements = splitStatements(text);
          expect(statements).toHaveLength(parts.length);
          for (const statement of statements) {
            expect(analyzeStatement(statement)).not.toHaveProperty("secondStatementAt");
            await split.all(statement);
          }
          const state = "SELECT a, NULL FROM log UNION ALL SELECT name, sql FROM sqlite_schema";
          expect(await split.all(state)).toEqual(await whole.all(state));
        } finally {
          await whole.close();
          await split.close();
        }
      }),
      { numRuns: 200 },
    );
  });

  test("statements come without their semicolons and the comments around them", () => {
    expect(
      splitStatements("-- first\nSELECT 1 /* in */ + 1 -- end\n;; SELECT ';' ; /* nothing */ ;"),
    ).toEqual(["SELECT 1 /* in */ + 1", "SELECT ';'"]);
    expect(splitStatements(" ;-- nothing\n;")).toEqual([]);
  });

  test("the body of a trigger is not split", () => {
    const trigger =
      "CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT CASE 1 WHEN 1 THEN 1 END; DELETE FROM t; END";
    expect(splitStatements(`${trigger}; SELECT 1`)).toEqual([trigger, "SELECT 1"]);
  });
});

test("no text makes it throw", () => {
  const word = fc.constantFrom(
    ...[
      "CREATE",
      "TRIGGER",
      "EXPLAIN",
      "QUERY",
      "PLAN",
      "PRAGMA",
      "WITH",
      "BEGIN",
      "END",
      "SELECT",
      "ROLLBACK",
      "TO",
    ],
    ...[";", "(", ")", "'", '"', "[", ".", "temp", "=", "/*", "--", "\n", "\\:", ":a", "\0", " "],
  );
  const text = fc.oneof(
    fc.array(word).map((words) => words.join(" ")),
    fc.string({ unit: "binary" }),
  );
  fc.assert(
    fc.property(text, (sql) => {
      const { kind, secondStatementAt } = analyzeStatement(sql);
      const count = splitStatements(sql).length;
      expect(kind === "empty").toBe(count === 0);
      expect(secondStatementAt !== undefined).toBe(count > 1);
    }),
    { numRuns: 2000 },
  );
});

test.each(["EXPLAIN ", "EXPLAIN QUERY PLAN ", "WITH ", "(", ";", "CREATE TRIGGER;", "temp.", "a;END;"])(
  "100,000 times %j neither throws nor takes more than linear time",
  (piece) => {
    const sql = piece.repeat(100_000);
    expect(analyzeStatement(sql).kind).toBeDefined();
    splitStatements(sql);
  },
);
