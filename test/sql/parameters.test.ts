import { runInNewContext } from "node:vm";
import { DateUtils } from "typeorm/util/DateUtils.js";
import { ParameterError } from "../../src/errors";
import { bindParameters, type Parameters } from "../../src/sql/parameters";

/** The message with which parameters are refused. They need not be of the right type. */
function refusal(sql: string, parameters?: unknown): string {
  try {
    bindParameters(sql, parameters as Parameters);
  } catch (error) {
    expect(error).toBeInstanceOf(ParameterError);
    expect(error).toMatchObject({ code: "PARAMETER" });
    return (error as Error).message;
  }
  throw new Error(`${sql} was not refused`);
}

function refusalOf(value: unknown): string {
  return refusal("SELECT :value", { value });
}

describe("named parameters", () => {
  test("a name that occurs twice has one value", () => {
    expect(bindParameters("SELECT :a, @b, $c, :a", { a: 1, b: "two", c: null })).toEqual({
      sql: "SELECT :a, @b, $c, :a",
      values: [1, "two", null],
    });
  });

  test("a prefix does not matter to the name", () => {
    expect(bindParameters("SELECT :a, @a, $a", { a: 1 })).toEqual({
      sql: "SELECT :a, @a, $a",
      values: [1, 1, 1],
    });
  });

  test.each([
    ...[
      "SELECT ':a'",
      'SELECT 1 AS ":a"',
      "SELECT 1 AS `:a`",
      "SELECT 1 AS [:a]",
      "SELECT 1 -- :a",
      "SELECT 1 /* :a */",
    ],
    ...["SELECT 'it''s :a'", 'SELECT 1 AS "a"":a"', "SELECT x':a'", "SELECT '\\:a'", "SELECT a$b"],
  ])("%s has no parameter and stays as it is", (sql) => {
    expect(bindParameters(sql)).toEqual({ sql, values: [] });
  });

  test("a parameter next to strings and comments is found", () => {
    expect(bindParameters("SELECT ':a'||:a/*:b*/||@b--:c\n||':'", { a: 1, b: 2 })).toEqual({
      sql: "SELECT ':a'||:a/*:b*/||@b--:c\n||':'",
      values: [1, 2],
    });
  });

  test("names may be digits, beyond ASCII, or Tcl variables", () => {
    const values = { 1: "one", é: "e", "a::b": "namespace", "a(b)": "array" };
    expect(bindParameters("SELECT :1, :é, $a::b, $a(b)", values).values).toEqual([
      "one",
      "e",
      "namespace",
      "array",
    ]);
  });

  test("own properties of any object will do, inherited ones never", () => {
    class Filter {
      a = 1;
      get b(): number {
        return 2;
      }
    }
    expect(bindParameters("SELECT :a", Object.assign(Object.create(null), { a: 1 })).values).toEqual([1]);
    expect(bindParameters("SELECT :a", { ...new Filter() }).values).toEqual([1]);
    expect(bindParameters("SELECT :a", new Filter() as never).values).toEqual([1]);
    expect(refusal("SELECT :a, :b", new Filter())).toContain("no value for :b");
    for (const name of ["constructor", "toString", "__proto__", "hasOwnProperty"]) {
      expect(refusal(`SELECT :${name}`, {})).toContain(`no value for :${name}`);
      expect(bindParameters(`SELECT :${name}`, JSON.parse(`{"${name}": 1}`)).values).toEqual([1]);
    }
    expect(refusal("SELECT :length", Object.create([1]))).toContain("no value for :length");
  });

  test("all that are missing and all that are unknown are named, with what is known", () => {
    const message = refusal("SELECT :a, @b, :c, :c", { a: 1, d: 2, e: 3 });
    expect(message).toContain("no value for @b, :c.");
    expect(message).toContain("no parameter for d, e.");
    expect(message).toContain("The statement has :a, @b, :c; the values are for a, d, e.");
    expect(refusal("SELECT :a")).toContain("the values are for none");
    expect(refusal("SELECT 1", { a: 1 })).toContain("The statement has none");
  });

  test("an unknown value is refused even if it is undefined", () => {
    expect(refusal("SELECT 1", { a: undefined })).toContain("no parameter for a.");
  });

  test("a key with a prefix is not the name", () => {
    expect(refusal("SELECT :a", { ":a": 1 })).toContain("without the prefix");
    expect(refusal("SELECT :a", { b: 1 })).not.toContain("without the prefix");
  });

  test("a PostgreSQL cast of a parameter is explained", () => {
    expect(refusal("SELECT :a::text", { a: 1 })).toMatch(/no value for :a::text.*CAST\(:name AS type\)/);
    expect(bindParameters("SELECT 1::text")).toEqual({ sql: "SELECT 1::text", values: [] });
  });

  test("they need an object", () => {
    expect(refusal("SELECT :a", [1])).toContain(":a come in an object, not in an array");
    expect(refusal("SELECT :a", [])).toContain("not in an array");
  });
});

describe("? parameters", () => {
  test("values are taken in order", () => {
    const sql = "SELECT ?, '?', ?";
    expect(bindParameters(sql, [1, "b"])).toEqual({ sql, values: [1, "b"] });
  });

  test("a number is the place of its value, and a ? follows the highest number", () => {
    expect(bindParameters("SELECT ?2, ?1, ?, ?2", ["a", "b", "c"])).toEqual({
      sql: "SELECT ?, ?, ?, ?",
      values: ["b", "a", "c", "b"],
    });
    expect(bindParameters("SELECT ?, ?1", ["a"]).values).toEqual(["a", "a"]);
  });

  test("too few and too many values are refused", () => {
    expect(refusal("SELECT ?, ?, ?", [1])).toContain("no value for ?2, ?3.");
    expect(refusal("SELECT ?", [1, 2])).toContain("no parameter for ?2.");
    expect(refusal("SELECT ?1, ?3", [1, 2, 3])).toContain("no parameter for ?2.");
    expect(refusal("SELECT ?")).toContain("no value for ?1.");
    expect(refusal("SELECT 1", [1])).toContain("The statement has none");
    // biome-ignore lint/suspicious/noSparseArray: what is tested
    expect(refusal("SELECT ?, ?", [, 1])).toContain("no value for ?1.");
  });

  test("numbers are those of SQLite", () => {
    expect(refusal("SELECT ?0", [1])).toContain("There is no parameter ?0");
    expect(refusal("SELECT ?32767", [1])).toContain("from ?1 to ?32766");
    expect(refusal("SELECT ?32766", [1])).toContain("no value for ?32766.");
  });

  test("they need an array", () => {
    expect(refusal("SELECT ?", { a: 1 })).toContain("come in an array, not in an object");
    expect(refusal("SELECT ?", {})).toContain("come in an array");
  });

  test("both kinds in one statement are refused", () => {
    for (const values of [[1], { a: 1 }, undefined]) {
      expect(refusal("SELECT ?, :a", values)).toContain("has both: ?1, :a");
    }
  });
});

test("nothing, an empty object and an empty array are all no parameters", () => {
  for (const none of [undefined, null, {}, []]) {
    expect(bindParameters("SELECT 1", none as never)).toEqual({ sql: "SELECT 1", values: [] });
  }
});

test.each([
  new Map([["a", 1]]),
  new Set([1]),
  new Date(),
  Buffer.from("a"),
  Promise.resolve({ a: 1 }),
  "a",
  1,
  true,
])("%p is no container of parameters", (parameters) =>
  expect(refusal("SELECT :a", parameters)).toMatch(/^Parameters are a plain object/),
);

describe("lists", () => {
  test.each(["IN (:ids)", "IN :ids", "IN (:...ids)", "IN :...ids", "in(@ids)", "IN /* a */ ( -- b\n :ids )"])(
    "%s takes an array",
    (condition) => {
      const expand = (ids: number[]) => bindParameters(`SELECT 1 ${condition} AS b`, { ids });
      expect(expand([1, 2, 3])).toMatchObject({ values: [1, 2, 3] });
      expect(expand([1, 2, 3]).sql).toMatch(/\(\D*\?, \?, \? ?\) AS b$/);
      expect(expand([1]).sql).toMatch(/\(\D*\? ?\) AS b$/);
      expect(expand([])).toMatchObject({ values: [] });
      expect(expand([]).sql).not.toContain("?");
    },
  );

  test("the brackets are there once", () => {
    expect(bindParameters("SELECT 1 IN (:ids)", { ids: [1, 2] }).sql).toBe("SELECT 1 IN (?, ?)");
    expect(bindParameters("SELECT 1 IN :ids", { ids: [1, 2] }).sql).toBe("SELECT 1 IN (?, ?)");
    expect(bindParameters("SELECT 1 NOT IN :ids", { ids: [] }).sql).toBe("SELECT 1 NOT IN ()");
  });

  test("the array for ? may have lists in it", () => {
    expect(bindParameters("SELECT ? IN (?) AND ?1 IN ?2", [1, [2, 3]])).toEqual({
      sql: "SELECT ? IN (?, ?) AND ? IN (?, ?)",
      values: [1, 2, 3, 1, 2, 3],
    });
  });

  test.each([
    ["(:none, 3)", "( 3)"],
    ["(3, :none)", "(3)"],
    ["(3, :none, 4)", "(3, 4)"],
    ["(:none, :none)", "( )"],
    ["(:none, 3, :none)", "( 3)"],
    ["(:none, :none, 3, :none, :none, 4, :none)", "(  3, 4)"],
    ["(:none, :two, :none)", "( ?, ?)"],
    ["(:two, :none, :two)", "(?, ?, ?, ?)"],
    ["(:two, 3, /* a */ :none /* b */, 4)", "(?, ?, 3 /* b */, 4)"],
  ])("an empty array takes one comma with it: %s", (written, sent) => {
    const given = {
      ...(written.includes("none") && { none: [] }),
      ...(written.includes("two") && { two: [1, 2] }),
    };
    expect(bindParameters(`SELECT 1 IN ${written}`, given).sql).toBe(`SELECT 1 IN ${sent}`);
  });

  test("commas of another list stay", () => {
    expect(bindParameters("SELECT 1 IN (:none), 1 IN (:none), 2", { none: [] }).sql).toBe(
      "SELECT 1 IN (), 1 IN (), 2",
    );
  });

  test("a single value may stand in the parentheses of a list", () => {
    expect(bindParameters("SELECT 1 IN (:id, :ids)", { id: 1, ids: [2, 3] })).toEqual({
      sql: "SELECT 1 IN (:id, ?, ?)",
      values: [1, 2, 3],
    });
    expect(bindParameters("SELECT :id, 1 IN (:ids, :id), :id", { id: 1, ids: [2, 3] })).toEqual({
      sql: "SELECT :id, 1 IN (?, ?, :id), :id",
      values: [1, 2, 3],
    });
  });

  test.each(["IN :ids", "IN (:...ids)", "IN :...ids"])("%s takes no single value", (condition) => {
    expect(refusal(`SELECT 1 ${condition}`, { ids: 1 })).toContain(
      ":ids stands for a list and needs an array",
    );
    expect(refusal(`SELECT 1 ${condition}`, { ids: null })).toContain("needs an array");
  });

  test.each([
    ...["= :ids", "IN (1 + :ids)", "IN (:ids + 1)", "IN ((:ids))", "IN (abs(:ids))", "IN (SELECT :ids)"],
    ...[
      "IN (SELECT 1, :ids)",
      "IN (VALUES (:ids))",
      "IN (WITH a AS (SELECT 1) SELECT 1, :ids)",
      "IN (VALUES (1, :ids))",
    ],
    ...[
      "+ abs(:ids)",
      "IN (1) = :ids",
      "IN (1), :ids, 2",
      "= (:ids)",
      "IN (1, (2, :ids))",
      "IN (:ids IS 1, 1)",
      "= (:...ids)",
    ],
    ...["IN json_each(:ids)", '"IN" (:ids)'],
  ])("an array is refused in %s", (condition) => {
    expect(refusal(`SELECT 1 ${condition}`, { ids: [1, 2] })).toMatch(
      /^:ids is an array, which only a list takes/,
    );
    expect(refusal(`SELECT 1 ${condition}`, { ids: [] })).toMatch(/IN \(:ids\)/);
  });

  test("its elements are checked like any value", () => {
    expect(bindParameters("SELECT 1 IN (:a)", { a: [true, new Date(0)] }).values).toEqual([
      ...[1, "1970-01-01 00:00:00.000"],
    ]);
    expect(refusal("SELECT 1 IN (:a)", { a: [1, undefined] })).toContain(":a[1] is undefined");
    expect(refusal("SELECT 1 IN (:a)", { a: [1, [2]] })).toContain(
      ":a[1] is an array, and not a single value",
    );
    expect(refusal("SELECT 1 IN (?)", [new Array(2)])).toContain("?1[0] is undefined");
  });

  test("more values than SQLite takes are refused with the remedy", () => {
    const ids = Array.from({ length: 32_766 }, (_, index) => index);
    expect(bindParameters("SELECT 1 IN (:ids)", { ids }).values).toHaveLength(32_766);
    const message = refusal("SELECT 1 IN (:ids, :one)", { ids, one: 1 });
    expect(message).toContain("32767 values are more than the 32766");
    expect(message).toMatch(/smaller chunks.*json_each/);
  });

  test("what is remembered of a text does not depend on the values it had first", () => {
    const sql = "SELECT :a IN (:b)";
    expect(bindParameters(sql, { a: 1, b: [1, 2] }).sql).toBe("SELECT :a IN (?, ?)");
    expect(bindParameters(sql, { a: 1, b: 2 }).sql).toBe("SELECT :a IN (:b)");
    expect(bindParameters(sql, { a: 1, b: [] }).sql).toBe("SELECT :a IN ()");
    expect(refusal(sql, { a: 1 })).toContain("no value for :b");
    expect(bindParameters(sql, { a: 2, b: [3] }).values).toEqual([2, 3]);
  });

  test("the values of one call are not those of another", () => {
    const first = bindParameters("SELECT :a", { a: 1 });
    first.values.push(2);
    expect(bindParameters("SELECT :a", { a: 1 }).values).toEqual([1]);
  });
});

describe("values", () => {
  test.each([
    ...[null, 0, -0, 1.5, Number.MAX_SAFE_INTEGER, Infinity, -Infinity, "", "a\0b", "\ud800"],
    ...[2n ** 63n - 1n, -(2n ** 63n), Buffer.from("a"), new Uint8Array(2)],
  ])("%p is bound as it is", (value) => {
    expect(bindParameters("SELECT :a", { a: value }).values[0]).toBe(value);
  });

  test("a boolean is 0 or 1", () => {
    expect(bindParameters("SELECT ?, ?", [true, false]).values).toEqual([1, 0]);
  });

  test.each([
    0,
    1,
    -1,
    1_700_000_000_123,
    Date.UTC(2024, 1, 29, 23, 59, 59, 999),
    -62_167_219_200_000,
    253_402_300_799_999,
  ])("a Date at %i is the text that TypeORM stores", (time) => {
    const date = new Date(time);
    const { values } = bindParameters("SELECT :a", { a: date });
    expect(values).toEqual([DateUtils.mixedDateToUtcDatetimeString(date)]);
    expect(values[0]).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}$/);
  });

  test("dates and blobs of another realm are dates and blobs", () => {
    const date = runInNewContext("new Date(0)") as Date;
    const blob = runInNewContext("new Uint8Array([1])") as Uint8Array;
    const list = runInNewContext("[1, 2]") as number[];
    expect(date).not.toBeInstanceOf(Date);
    expect(bindParameters("SELECT ?, ?, 1 IN (?)", [date, blob, list])).toEqual({
      sql: "SELECT ?, ?, 1 IN (?, ?)",
      values: ["1970-01-01 00:00:00.000", blob, 1, 2],
    });
    expect(refusal("SELECT :a", runInNewContext("[1]"))).toContain("not in an array");
    expect(refusal("SELECT :a", runInNewContext("new Map()"))).toContain("plain object");
  });

  class User {
    id = 1;
  }

  test.each<[unknown, string]>([
    [undefined, "undefined. Pass null"],
    [NaN, "NaN"],
    [2n ** 63n, "a bigint beyond"],
    [-(2n ** 63n) - 1n, "a bigint beyond"],
    [Symbol("a"), "a symbol"],
    [() => 1, "a function"],
    [new Date(NaN), "an invalid Date"],
    [new Date(253_402_300_800_000), "a Date outside of the years 0000 to 9999"],
    [new Date(-62_167_219_200_001), "a Date outside of"],
    [{}, "an object (Object). Pass a column of it, or JSON.stringify() it"],
    [Object.create(null), "an object (Object)"],
    [new User(), "an object (User)"],
    [new String("a"), "an object (String)"],
    [Promise.resolve(1), "a Promise. Await it first"],
    [new Set([1]), "a Set. Pass [...set]"],
    [new Float64Array(1), "a Float64Array. Pass new Uint8Array(value.buffer"],
    [new DataView(new ArrayBuffer(1)), "a DataView"],
    [new ArrayBuffer(1), "a ArrayBuffer. Pass new Uint8Array(value)"],
  ])("%p is refused", (value, what) => {
    expect(refusalOf(value)).toContain(`:value is ${what}`);
  });

  test("a refused value does not appear in the message", () => {
    expect(refusalOf({ password: "secret" })).not.toContain("secret");
  });
});

describe("escaped colons and other texts", () => {
  test("an escaped colon is a colon", () => {
    expect(bindParameters("CREATE VIRTUAL TABLE t USING m(a\\:b, ':c', #fff)")).toEqual({
      sql: "CREATE VIRTUAL TABLE t USING m(a:b, ':c', #fff)",
      values: [],
    });
    expect(bindParameters("SELECT :a \\: \\:\\: 1 IN (:b)", { a: 1, b: [] }).sql).toBe(
      "SELECT :a : :: 1 IN ()",
    );
  });

  test.each(["SELECT \\:a, :b", "SELECT #a, :b", "SELECT \\:\\:\\:a, :b"])(
    "%s would have a parameter that nobody binds",
    (sql) =>
      expect(refusal(sql, { b: 1 })).toMatch(/^SQLite would take (:|#|:::)a for a parameter of its own/),
  );

  test("a second statement is refused", () => {
    const message = refusal("SELECT 1; -- and\nSELECT :a", { a: 1 });
    expect(message).toContain("One statement at a time");
    expect(message).toContain('offset 17 with "SELECT :a"');
    expect(message).toContain("execScript()");
    expect(bindParameters("SELECT 1; ; -- and nothing\n").sql).toBe("SELECT 1; ; -- and nothing\n");
  });

  test("a trigger is one statement", () => {
    const sql = "CREATE TRIGGER g AFTER INSERT ON t BEGIN DELETE FROM u; END;";
    expect(bindParameters(sql).sql).toBe(sql);
  });

  test.each(["", " ", "-- nothing", ";"])("%j is no statement", (sql) => {
    expect(refusal(sql)).toContain("no statement");
  });

  test("a NUL character in the text is refused, for SQLite would stop there", () => {
    expect(refusal("SELECT 1 \0 + :a", { a: 1 })).toContain("NUL");
    expect(refusal("SELECT 'a\0b'")).toContain("NUL");
  });

  test("a text must be a string", () => {
    expect(refusal(undefined as never)).toContain("must be a string, not undefined");
  });

  test("long lists of names are cut in messages", () => {
    const sql = `SELECT ${Array.from({ length: 1000 }, (_, index) => `:a${index}`).join(", ")}`;
    expect(refusal(sql, {})).toContain(":a49, … (950 more).");
    expect(refusal(sql, {}).length).toBeLessThan(1000);
  });
});
