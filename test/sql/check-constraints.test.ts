import { checkConstraints } from "../../src/sql/check-constraints";

test.each<[string, string[]]>([
  ["CREATE TABLE t (a CHECK (a > 0), b)", ["a > 0"]],
  ["CREATE TABLE t (a CONSTRAINT n NOT NULL CHECK(a>0) CHECK ( a < 9 ), b CHECK (b))", ["n", "n", "b"]],
  [
    "CREATE TABLE t (a, CONSTRAINT \"n m\" CHECK (a IN (1, (2))), CHECK (a /* ) */ <> ')'))",
    ["n m", "a /* ) */ <> ')'"],
  ],
  ['CREATE TABLE t ("a" CHECK ("a" > 0))', ["a"]],
  ["CREATE TABLE t ([a] CHECK ([a] > 0), `b` CHECK (`b` > 0))", ["a", "b"]],
  ["CREATE TABLE t (a DEFAULT ('CHECK (1)'), \"check\" TEXT)", []],
  ["CREATE TABLE t (a CHECK (", [""]],
  ["", []],
])("%s has the checks %j", (sql, labels) => {
  expect(checkConstraints(sql).map(({ label }) => label)).toEqual(labels);
});

test("the names in a check are those of its columns, among others", () => {
  const [check] = checkConstraints(`CREATE TABLE t ("A b" INTEGER, c, CHECK ("A b" > length(C) OR 'd' = 5))`);
  expect([...check!.names].sort()).toEqual(["a b", "c", "length", "or"]);
});
