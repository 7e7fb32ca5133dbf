require("reflect-metadata");
const assert = require("node:assert/strict");
const { SqliteDatabase, DatabaseClosedError } = require("typeorm-sqlite-database");

(async () => {
  const database = await new SqliteDatabase(":memory:").init();
  assert.equal((await database.exec("SELECT :n + 1 AS n", { n: 1 })).scalar(), 2);
  await database.close();
  await assert.rejects(database.exec("SELECT 1"), DatabaseClosedError);
  console.log("CommonJS: ok");
})();
