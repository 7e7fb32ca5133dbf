import { testDatabases } from "../support/databases";

const databases = testDatabases();

// In a file of its own: what else was done in this process takes memory too.
test.each(["id", "name DESC"])("a stream in the order of %s keeps the memory flat", async (order) => {
  const database = await databases.open();
  const fill =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) " +
    "INSERT INTO numbers (name) SELECT 'a longer name for the row ' || i FROM n";
  await database.exec("CREATE TABLE numbers (id integer PRIMARY KEY, name text)");
  await database.exec(fill);
  const before = process.memoryUsage().heapUsed;
  let most = 0;
  let seen = 0;
  for await (const _ of database.stream(`SELECT * FROM numbers ORDER BY ${order}`)) {
    if (++seen % 1000 === 0) most = Math.max(most, process.memoryUsage().heapUsed - before);
  }
  expect(seen).toBe(300_000);
  expect(most).toBeLessThan(50 * 1024 * 1024);
});
