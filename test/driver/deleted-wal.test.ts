import { rmSync } from "node:fs";
import { SqliteDataSource } from "../../src/driver/sqlite-data-source";
import { temporaryFolder } from "../support/temporary-folder";

const folder = temporaryFolder();

test("a WAL that was deleted under an idle pool does not keep others from opening the file", async () => {
  const database = folder.file("app.db");
  const forgotten = await new SqliteDataSource({ database }).initialize();
  await forgotten.query("CREATE TABLE t (text TEXT)");
  await forgotten.query("INSERT INTO t VALUES ('before')");
  // As another SQLite library in this process does when it closes what it takes for the last connection.
  for (const suffix of ["-wal", "-shm"]) rmSync(database + suffix);
  const dataSource = await new SqliteDataSource({ database }).initialize();
  await dataSource.query("INSERT INTO t VALUES ('after')");
  const rows = [{ text: "before" }, { text: "after" }];
  expect(await dataSource.query("SELECT text FROM t")).toEqual(rows);
  expect(await forgotten.query("SELECT text FROM t")).toEqual(rows);
  await dataSource.destroy();
  await forgotten.destroy();
});
