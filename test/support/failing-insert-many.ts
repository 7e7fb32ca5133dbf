// Run by insert-many-ahead.test.ts in a process of its own, which a rejection that nobody handles would end.
import "reflect-metadata";
import { SqliteDatabase } from "../../src/sqlite-database";
import { settleNative } from "./deferred";
import { Note } from "./small-entities";
import { StatementLog } from "./statement-log";

async function main(path: string): Promise<void> {
  const log = new StatementLog();
  const database = await new SqliteDatabase(path, { entities: [Note], echo: log }).init();
  let isSent = false;
  log.heard = (query) => {
    isSent ||= query.startsWith('INSERT INTO "notes"');
  };
  const failed = await database
    .session(async (session) => {
      async function* rows() {
        yield { text: "twice" };
        yield { text: "twice" };
        for (let index = 0; !isSent; index++) yield { text: `note ${index}` };
        // Its answer comes after that of the rows, which nobody has asked about yet.
        await session.exec("SELECT 1");
        await settleNative();
        yield { text: "later" };
      }
      await session.insertMany(Note, rows());
    })
    .catch((error: Error) => error.name);
  await database.close();
  console.log(failed);
}

void main(process.argv[2]!);
