import { ResultError } from "../../src/errors";
import { Result } from "../../src/sql/result";

function result(...rows: { id: number | null; name: string }[]) {
  return new Result({ rows, columns: ["id", "name"], changes: 3, lastInsertRowid: 7 });
}

const one = { id: 1, name: "one" };
const two = { id: 2, name: "two" };

test("it has rows, columns, changes and the last rowid", () => {
  expect(result(one)).toEqual({ rows: [one], columns: ["id", "name"], changes: 3, lastInsertRowid: 7 });
});

test("it can be iterated, more than once", () => {
  const rows = result(one, two);
  expect([...rows]).toEqual([one, two]);
  expect([...rows]).toEqual([one, two]);
  expect(rows.all()).toEqual([one, two]);
});

test("first() is the first row, or null", () => {
  expect(result(one, two).first()).toBe(one);
  expect(result().first()).toBeNull();
});

test("one() is the only row, and refuses none and several", () => {
  expect(result(one).one()).toBe(one);
  expect(() => result().one()).toThrow(ResultError);
  expect(() => result().one()).toThrow("there is none");
  expect(() => result(one, two).one()).toThrow(ResultError);
  expect(() => result(one, two).one()).toThrow("there are 2");
});

test("oneOrNull() is the only row or null, and refuses several", () => {
  expect(result(one).oneOrNull()).toBe(one);
  expect(result().oneOrNull()).toBeNull();
  expect(() => result(one, two).oneOrNull()).toThrow(ResultError);
});

test("scalar() is the first column of the first row, or null", () => {
  expect(result(two, one).scalar<number>()).toBe(2);
  expect(result({ id: null, name: "none" }).scalar()).toBeNull();
  expect(result().scalar()).toBeNull();
});

test("scalars() are the first column of every row", () => {
  expect(result(two, one).scalars<number>()).toEqual([2, 1]);
  expect(result().scalars()).toEqual([]);
});

test("the first column is that of the statement, whatever the order of the properties", () => {
  const rows = [{ 2: "two", b: "first" }];
  expect(new Result({ rows, columns: ["b", "2"], changes: 0, lastInsertRowid: 0 }).scalar()).toBe("first");
});
