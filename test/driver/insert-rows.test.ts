import fc from "fast-check";
import { analysisOf } from "../../src/driver/built-statement";
import { InsertRows } from "../../src/driver/insert-rows";
import { analyzeStatement } from "../../src/sql/statement";

const BOUND = Symbol("bound");
const expression = fc.constantFrom<string | typeof BOUND>(
  BOUND,
  BOUND,
  "NULL",
  "'?'",
  "changes()",
  "temp.x",
  "1 -- ?\n",
);

test("the text is that of all rows, and what is known of it is what reading it would tell", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(expression, expression, expression), { minLength: 1, maxLength: 30 }),
      fc.constantFrom("", " RETURNING id", " ON CONFLICT DO NOTHING "),
      (kinds, end) => {
        const rows = new InsertRows();
        for (const [index, kind] of kinds.entries()) {
          rows.add(kind, (one) => (one === BOUND ? rows.bind(index) : one));
        }
        const [sql, values] = rows.complete(`INSERT INTO t VALUES ${rows.samples}${end}`)!;
        const texts = kinds.map((kind) => `(${kind.map((one) => (one === BOUND ? "?" : one)).join(", ")})`);
        expect(sql).toBe(`INSERT INTO t VALUES ${texts.join(", ")}${end}`);
        expect(values).toEqual(
          kinds.flatMap((kind, index) => kind.filter((one) => one === BOUND).map(() => index)),
        );
        expect(analysisOf(sql, values)).toEqual(analyzeStatement(sql));
      },
    ),
  );
});

test("a text with parameters or statements besides, or with the rows twice, is left to others", () => {
  const rows = new InsertRows();
  rows.add(["a"], (name) => rows.bind(name));
  rows.add(["b"], (name) => rows.bind(name));
  expect(rows.complete("INSERT INTO t VALUES (?) RETURNING :name")).toBeUndefined();
  expect(rows.complete("INSERT INTO t VALUES (?); DELETE FROM t")).toBeUndefined();
  expect(rows.complete("/* (?) */ INSERT INTO t VALUES (?)")).toBeUndefined();
  expect(rows.complete("INSERT INTO t DEFAULT VALUES")).toBeUndefined();
  expect(rows.complete("INSERT INTO t VALUES (?)")).toEqual(["INSERT INTO t VALUES (?), (?)", ["a", "b"]]);
});

test("what is known of a text is not taken for another text with the same values", () => {
  const rows = new InsertRows();
  for (const value of [1, 2]) rows.add([value], (one) => rows.bind(one));
  const [, values] = rows.complete("INSERT INTO t VALUES (?)")!;
  expect(analysisOf("SELECT ?", values)).toEqual(analyzeStatement("SELECT ?"));
});
