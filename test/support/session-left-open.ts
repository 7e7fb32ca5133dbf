// Run by close.test.ts in a process of its own, which must end by itself: closes a database whose sessions are open.
import "reflect-metadata";
import { SqliteDatabase } from "../../src";
import { Note } from "./small-entities";

async function main(path: string): Promise<void> {
  const database = await new SqliteDatabase(path, { entities: [Note], closeTimeout: 0.1 }).init();
  const { signal } = new AbortController();
  const begun = await database.openSession({ timeout: 600, signal });
  await begun.exec("INSERT INTO notes (text) VALUES ('never')");
  await database.openSession({ timeout: 600, signal });
  await database.close();
  console.log("closed");
}

void main(process.argv[2]!);
