// Run by process.test.ts in a process of its own: opens, uses and closes a database, and has nothing else to do then.
import "reflect-metadata";
import { SqliteDatabase } from "../../src";
import { Note } from "./small-entities";

async function main(path: string): Promise<void> {
  const database = new SqliteDatabase(path, { entities: [Note] });
  await database.init();
  await database.session(({ manager }) => manager.insert(Note, { text: "by a process" }));
  await Promise.all(Array.from({ length: 10 }, () => database.getRepository(Note).count()));
  await database.exec("SELECT 1");
  // What fails leaves nothing behind either.
  await new SqliteDatabase(`${path}/app.db`).init().catch(() => {});
  await database.close();
  console.log("closed");
}

void main(process.argv[2]!);
