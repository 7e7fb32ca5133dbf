import { keepExists } from "../../src/sql/exists-with-offset";

const EXISTS = "EXISTS (SELECT 1 FROM b WHERE b.a = a.id)";

test.each([
  [`SELECT id FROM a WHERE ${EXISTS} LIMIT 5 OFFSET 10`, 1],
  [`SELECT id FROM a WHERE ${EXISTS} LIMIT 10, 5`, 1],
  [`select id from a where ${EXISTS.toLowerCase()} limit -1 offset ?`, 1],
  [`SELECT id FROM a WHERE ((${EXISTS})) AND age > 3 AND ${EXISTS} LIMIT 5 OFFSET 10`, 2],
  [`SELECT * FROM (SELECT id FROM a WHERE ${EXISTS} ORDER BY id LIMIT (SELECT max(1, 2)) OFFSET 3)`, 1],
  [`EXPLAIN SELECT id FROM a WHERE /* not */ ${EXISTS} LIMIT 5 OFFSET 10`, 1],
  [`INSERT INTO c SELECT id FROM a WHERE ${EXISTS} LIMIT 5 OFFSET 10; SELECT 1 WHERE ${EXISTS}`, 1],
])("in %s the terms of the conditions are kept", (sql, count) => {
  const kept = keepExists(sql);
  expect(kept.replaceAll(/\+exists/gi, (found) => found.slice(1))).toBe(sql);
  expect(kept.length - sql.length).toBe(count);
});

test.each([
  `SELECT id FROM a WHERE ${EXISTS}`,
  `SELECT id FROM a WHERE ${EXISTS} LIMIT 5`,
  `SELECT id FROM a WHERE ${EXISTS} AND id IN (SELECT max(1, 2) LIMIT 1)`,
  `SELECT id FROM a WHERE NOT ${EXISTS} LIMIT 5 OFFSET 10`,
  // It would change the name of the column.
  `SELECT ${EXISTS}, id FROM a LIMIT 5 OFFSET 10`,
  `CREATE VIEW v AS SELECT id FROM a WHERE ${EXISTS} LIMIT 5 OFFSET 10`,
  `SELECT 'WHERE ${EXISTS}', "WHERE EXISTS (" FROM a -- WHERE ${EXISTS}\nLIMIT 5 OFFSET 10`,
])("%s stays as it is", (sql) => expect(keepExists(sql)).toBe(sql));
