import { writeTarget } from "../../src/sql/target-table";

describe("the table that is written to is that of", () => {
  test.each([
    ["INSERT INTO t VALUES (1)", "insert", "t", undefined],
    [
      'insert or ignore into main."a ""b""" (x, [y z], `q`) select 1, 2, 3',
      "insert",
      'a "b"',
      ["x", "y z", "q"],
    ],
    ["REPLACE INTO 't' (a) VALUES (1)", "insert", "t", ["a"]],
    ["INSERT INTO t AS u (a) DEFAULT VALUES", "insert", "t", ["a"]],
    [
      '/* DELETE FROM x */ UPDATE t SET a = (SELECT b, c FROM d), "e" = 1 WHERE f = 2',
      "update",
      "t",
      ["a", "e"],
    ],
    ["UPDATE OR FAIL t AS u SET (a, b) = (1, 2), c = 3 FROM x", "update", "t", ["a", "b", "c"]],
    ["WITH d AS (DELETE FROM x) DELETE FROM T WHERE a = 1", "delete", "T", undefined],
    [";; DELETE FROM temp.t", "delete", "t", undefined],
  ])("%s", (sql, verb, table, columns) => {
    expect(writeTarget(sql)).toMatchObject({ verb, table });
    expect(writeTarget(sql)?.columns).toEqual(columns);
  });

  test.each([
    "SELECT 1",
    "COMMIT",
    "",
    "CREATE TABLE t (a)",
    "INSERT",
    "DELETE FROM",
    "(",
    ")))",
    "UPDATE 5",
  ])("none: %j", (sql) => {
    expect(writeTarget(sql)).toBeUndefined();
  });
});

describe("the values of an INSERT", () => {
  test("are known where each is a literal or a parameter", () => {
    expect(writeTarget("INSERT INTO t VALUES (?, 'x', NULL), (:a, 1.5, ?1) RETURNING *")?.rows).toEqual([
      [
        { text: "?", parameter: 1 },
        { text: "'x'", parameter: undefined },
        { text: "NULL", parameter: undefined },
      ],
      [
        { text: ":a", parameter: 2 },
        { text: "1.5", parameter: undefined },
        { text: "?1", parameter: 1 },
      ],
    ]);
  });

  test.each(["(1 + 1)", "(-1)", "(f(1))", "(1", "(", "", "(1), 2", "((1))"])(
    "are not, with VALUES %s",
    (values) => {
      expect(writeTarget(`INSERT INTO t VALUES ${values}`)?.rows).toBeUndefined();
    },
  );

  test.each<[string, boolean]>([
    ["INSERT INTO t VALUES (1)", false],
    ["INSERT OR IGNORE INTO t VALUES (1)", false],
    ["INSERT OR REPLACE INTO t VALUES (1)", true],
    ["REPLACE INTO t VALUES (1)", true],
    ["INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING", true],
  ])("%s may replace what is in its way: %s", (sql, replaces) => {
    expect(writeTarget(sql)?.replaces).toBe(replaces);
  });
});
