import { analyzeStatement } from "../../src/sql/statement";
import type { StatementKind } from "../../src/sql/statement-kind";

const kinds: [string, StatementKind][] = [
  ["SELECT 1", "select"],
  ["select 1", "select"],
  ["VALUES (1)", "select"],
  ["INSERT INTO t VALUES (1)", "insert"],
  ["REPLACE INTO t VALUES (1)", "insert"],
  ["UPDATE t SET a = 1", "update"],
  ["DELETE FROM t", "delete"],
  ["PRAGMA user_version", "pragma"],
  ["EXPLAIN DELETE FROM t", "explain"],
  ["EXPLAIN QUERY PLAN SELECT 1", "explain"],
  ["BEGIN IMMEDIATE", "begin"],
  ["COMMIT", "commit"],
  ["END TRANSACTION", "commit"],
  ["ROLLBACK", "rollback"],
  ["ROLLBACK TRANSACTION", "rollback"],
  ["ROLLBACK TO a", "rollbackTo"],
  ["ROLLBACK TRANSACTION TO SAVEPOINT a", "rollbackTo"],
  ['ROLLBACK TRANSACTION "TO"', "rollback"],
  ["SAVEPOINT a", "savepoint"],
  ["RELEASE a", "release"],
  ["VACUUM", "vacuum"],
  ["ATTACH 'a' AS b", "attach"],
  ["DETACH b", "detach"],
  ["CREATE TABLE t (a)", "schema"],
  ["DROP TABLE t", "schema"],
  ["ALTER TABLE t RENAME TO u", "schema"],
  ["REINDEX", "schema"],
  ["ANALYZE", "schema"],
  ["", "empty"],
  [" ; -- nothing\n/* at all */;", "empty"],
  ["FOO", "other"],
  ['"SELECT" 1', "other"],
  ["(SELECT 1)", "other"],
];

describe("the kind of a statement", () => {
  test.each(kinds)("%j is of the kind %s", (sql, kind) => {
    expect(analyzeStatement(sql).kind).toBe(kind);
  });

  test("comments, spaces, semicolons and a byte order mark before it do not matter", () => {
    expect(analyzeStatement("\ufeff;; /* DELETE */ -- UPDATE\n\tSELECT 1").kind).toBe("select");
  });

  test.each([
    ["SELECT 1", "select"],
    ["VALUES (1)", "select"],
    ["INSERT INTO t SELECT * FROM a", "insert"],
    ["REPLACE INTO t SELECT * FROM a", "insert"],
    ["UPDATE t SET a = (SELECT 1)", "update"],
    ["DELETE FROM t WHERE a IN (SELECT 1)", "delete"],
    ["FOO", "other"],
  ])("a common table expression before it changes nothing: %s", (main, kind) => {
    for (const cte of [
      "a AS (SELECT 1)",
      "RECURSIVE a(x) AS NOT MATERIALIZED (VALUES (1)), b AS (SELECT (2))",
    ]) {
      expect(analyzeStatement(`WITH ${cte} ${main}`).kind).toBe(kind);
    }
  });

  test("a common table expression may be named replace", () => {
    expect(analyzeStatement("WITH replace AS (SELECT 1) SELECT * FROM replace").kind).toBe("select");
  });
});

describe("what a statement returns", () => {
  test.each([
    "SELECT 1",
    "WITH a AS (SELECT 1) SELECT 1",
    "PRAGMA user_version = 1",
    "EXPLAIN DELETE FROM t",
  ])("%s has a result set", (sql) => expect(analyzeStatement(sql).returnsRows).toBe(true));

  test.each(["INSERT INTO t VALUES (1)", "UPDATE t SET a = 1", "DELETE FROM t", "REPLACE INTO t VALUES (1)"])(
    "%s has one only with RETURNING",
    (sql) => {
      expect(analyzeStatement(sql).returnsRows).toBe(false);
      expect(analyzeStatement(`${sql} RETURNING a`).returnsRows).toBe(true);
      expect(analyzeStatement(`${sql} returning(a)`).returnsRows).toBe(true);
      expect(analyzeStatement(`${sql} -- RETURNING a`).returnsRows).toBe(false);
    },
  );

  test("the word in a string or as a quoted name is no RETURNING clause", () => {
    expect(analyzeStatement(`INSERT INTO "returning" ([returning]) VALUES ('returning')`).returnsRows).toBe(
      false,
    );
  });

  test.each(["CREATE TABLE t (a)", "BEGIN", "VACUUM", "ATTACH 'a' AS b", "", "RETURNING"])(
    "%j has none",
    (sql) => expect(analyzeStatement(sql).returnsRows).toBe(false),
  );
});

describe("what a statement does to its connection", () => {
  test.each([
    ...[
      "SELECT changes()",
      "SELECT total_changes ( )",
      "SELECT Last_Insert_RowID/**/()",
      'SELECT "changes"()',
    ],
    ...["INSERT INTO t VALUES (last_insert_rowid())", "EXPLAIN SELECT changes()", "PRAGMA data_version"],
  ])("%s asks what the connection did", (sql) => {
    expect(analyzeStatement(sql).usesConnectionState).toBe(true);
  });

  test.each(["SELECT changes", "SELECT 'changes()'", "SELECT 1 -- changes()", "SELECT xchanges()"])(
    "%s does not",
    (sql) => expect(analyzeStatement(sql).usesConnectionState).toBe(false),
  );

  test.each([
    ...[
      "CREATE TEMP TABLE t (a)",
      "create temporary view v AS SELECT 1",
      "CREATE TEMP TRIGGER g INSERT ON t BEGIN",
    ],
    ...[
      "CREATE TABLE temp.t (a)",
      'DROP TABLE "temp".t',
      "INSERT INTO Temp . t VALUES (1)",
      "DELETE FROM [temp].t",
    ],
    ...["ATTACH 'a' AS b", "DETACH b", "PRAGMA temp.user_version = 1"],
  ])("%s changes it", (sql) => {
    expect(analyzeStatement(sql)).toMatchObject({ pinsConnection: true, readsOnly: false });
  });

  test.each([
    ...[
      "CREATE TABLE temp (a)",
      "CREATE TABLE t (temp)",
      "INSERT INTO t VALUES ('temp.t')",
      "DROP TABLE main.temp",
    ],
    ...["BEGIN", "VACUUM temp", "ANALYZE", "SAVEPOINT temp"],
  ])("%s does not change it", (sql) => {
    expect(analyzeStatement(sql)).toMatchObject({ pinsConnection: false, readsOnly: false });
  });

  test.each(["CREATE TEMP TABLE t (a)", "ATTACH 'a' AS b", "DELETE FROM temp.t"])(
    "EXPLAIN %s does nothing",
    (sql) => {
      expect(analyzeStatement(`EXPLAIN ${sql}`)).toMatchObject({ pinsConnection: false, readsOnly: true });
    },
  );

  test("reading from a table or an alias called temp does not change it", () => {
    const analysis = analyzeStatement("SELECT temp.degrees FROM readings AS temp");
    expect(analysis).toMatchObject({ pinsConnection: false, readsOnly: true });
  });
});

describe("pragmas", () => {
  test.each([
    ["PRAGMA user_version", { name: "user_version", hasValue: false }],
    ["PRAGMA User_Version = 3", { name: "user_version", hasValue: true }],
    ["PRAGMA main.user_version=3", { name: "user_version", hasValue: true }],
    ["PRAGMA main . table_info(t)", { name: "table_info", hasValue: true }],
    ['PRAGMA "main"."table_info" ("t")', { name: "table_info", hasValue: true }],
    ["PRAGMA 'user_version'", { name: "user_version", hasValue: false }],
    ["PRAGMA user_version .5", { name: "user_version", hasValue: false }],
    ["PRAGMA", { name: "", hasValue: false }],
  ])("%s is understood", (sql, pragma) => {
    expect(analyzeStatement(sql)).toMatchObject({ kind: "pragma", pragma });
  });

  test("only a pragma has one", () => {
    expect(analyzeStatement("SELECT user_version = 1")).not.toHaveProperty("pragma");
  });

  test.each([
    "foreign_keys",
    "journal_mode",
    "main.cache_size",
    "table_list",
    "integrity_check",
    "page_count",
  ])("PRAGMA %s reads", (name) =>
    expect(analyzeStatement(`PRAGMA ${name}`)).toMatchObject({ readsOnly: true, pinsConnection: false }),
  );

  test.each([
    ...["table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo"],
    ...["foreign_key_list", "foreign_key_check", "integrity_check", "quick_check"],
  ])("PRAGMA %s(x) only reads", (name) => {
    for (const sql of [`PRAGMA ${name}(x)`, `PRAGMA main.${name}=x`, `PRAGMA temp.${name}(x)`]) {
      expect(analyzeStatement(sql)).toMatchObject({ readsOnly: true, pinsConnection: false });
    }
  });

  test.each([
    ...[
      "foreign_keys",
      "cache_size",
      "synchronous",
      "read_uncommitted",
      "recursive_triggers",
      "defer_foreign_keys",
    ],
    ...["query_only", "case_sensitive_like", "wal_autocheckpoint", "journal_mode", "temp_store", "mmap_size"],
    ...[
      "busy_timeout",
      "locking_mode",
      "writable_schema",
      "trusted_schema",
      "max_page_count",
      "of_the_future",
    ],
  ])("PRAGMA %s = 1 changes the connection", (name) => {
    for (const sql of [`PRAGMA ${name} = 1`, `PRAGMA main.${name}(1)`, `EXPLAIN PRAGMA ${name}=1`]) {
      expect(analyzeStatement(sql)).toMatchObject({ readsOnly: false, pinsConnection: true });
    }
  });

  test.each(["user_version", "application_id", "schema_version", "auto_vacuum", "page_size", "encoding"])(
    "PRAGMA %s = 1 writes to the file",
    (name) =>
      expect(analyzeStatement(`PRAGMA ${name} = 1`)).toMatchObject({
        readsOnly: false,
        pinsConnection: false,
      }),
  );

  test.each(["wal_checkpoint", "optimize", "incremental_vacuum", "shrink_memory"])(
    "PRAGMA %s acts, with and without a value",
    (name) => {
      for (const sql of [`PRAGMA ${name}`, `PRAGMA ${name}(1)`, `EXPLAIN PRAGMA ${name}`]) {
        expect(analyzeStatement(sql)).toMatchObject({ readsOnly: false, pinsConnection: false });
      }
    },
  );
});

describe("a second statement", () => {
  test.each([
    "SELECT 1",
    "SELECT 1;",
    "SELECT 1; ;; -- SELECT 2\n /* ; */",
    "; SELECT ';' AS \";\"",
    "",
    ";",
  ])("%j has none", (sql) => expect(analyzeStatement(sql)).not.toHaveProperty("secondStatementAt"));

  test.each([
    ["SELECT 1; SELECT 2", 10],
    [";SELECT 1;; -- no\n SELECT 2; SELECT 3", 19],
    ["SELECT 1;\\", 9],
    ["SELECT (1; SELECT 2)", 11],
  ])("%j has one at %i", (sql, offset) => {
    expect(analyzeStatement(sql).secondStatementAt).toBe(offset);
  });

  test("what is told is about the first", () => {
    expect(analyzeStatement("DELETE FROM t; SELECT changes() RETURNING temp.a")).toMatchObject({
      kind: "delete",
      returnsRows: false,
      usesConnectionState: false,
      pinsConnection: false,
    });
  });

  const body = "BEGIN SELECT CASE a WHEN 1 THEN 2 END; SELECT 1 AS end; DELETE FROM t; END";

  test.each(["TRIGGER", "TEMP TRIGGER", "TEMPORARY TRIGGER IF NOT EXISTS", "/* a */ TRIGGER"])(
    "a CREATE %s is one statement up to the END of its body",
    (create) => {
      for (const prefix of ["", "EXPLAIN ", "EXPLAIN QUERY PLAN "]) {
        const trigger = `${prefix}CREATE ${create} g AFTER INSERT ON t WHEN CASE 1 WHEN 1 THEN 1 END ${body}`;
        expect(analyzeStatement(`${trigger};`)).not.toHaveProperty("secondStatementAt");
        expect(analyzeStatement(`${trigger}; SELECT 1`).secondStatementAt).toBe(trigger.length + 2);
      }
    },
  );

  test("an END elsewhere ends nothing, and other statements have no body", () => {
    expect(analyzeStatement(`CREATE TABLE trigger (a); SELECT 1`).secondStatementAt).toBe(26);
    expect(analyzeStatement(`CREATE TABLE t (a); END; SELECT 1`).secondStatementAt).toBe(20);
  });
});

describe("what is remembered", () => {
  test("a short text is analyzed once, a long one each time", () => {
    const long = `SELECT '${"x".repeat(10_000)}'`;
    expect(analyzeStatement("SELECT 'once'")).toBe(analyzeStatement("SELECT 'once'"));
    expect(analyzeStatement(long)).not.toBe(analyzeStatement(long));
    expect(analyzeStatement(long)).toEqual(analyzeStatement(long));
  });
});
