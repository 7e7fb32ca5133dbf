import "reflect-metadata";
import { SqliteDataSource } from "../../src/driver/sqlite-data-source";

// Run as a process of its own by closing.test.ts: it must end by itself once the database is closed.

async function main(): Promise<void> {
  const [database = "", how] = process.argv.slice(2);
  const dataSource = await new SqliteDataSource({ database, poolTimeout: 3600 }).initialize();
  await dataSource.query("CREATE TABLE IF NOT EXISTS t (n INTEGER)");
  await Promise.all(
    Array.from({ length: 20 }, async (_, n) => {
      await dataSource.transaction((manager) => manager.query("INSERT INTO t VALUES (?)", [n]));
      await dataSource.query("SELECT * FROM t");
    }),
  );
  if (how !== "leave open") await dataSource.destroy();
  console.log("done");
}

main().catch(({ name, code, message }) => console.log(name, code, message));
