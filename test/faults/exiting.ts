// Run by process-exit.test.ts in a process of its own: exits in the middle of everything.
import "reflect-metadata";
import { SqliteDatabase } from "../../src";
import { deferred, until } from "../support/deferred";
import { LONG_READ, Note } from "../support/small-entities";

/** Statements that would run for longer than anyone waits. */
const ENDLESS = LONG_READ.replace("12000000", "12000000000");

async function main(path: string, how: string): Promise<void> {
  const database = await new SqliteDatabase(path, { entities: [Note] }).init();
  await database.session(({ manager }) => manager.insert(Note, { text: "committed" }));
  const begun = deferred();
  void database.session(async ({ manager }) => {
    await manager.insert(Note, { text: "never committed" });
    begun.resolve();
    await deferred().promise;
  });
  await begun.promise;
  void database.session(({ manager }) => manager.insert(Note, { text: "waits for its turn" }));
  await database.openSession({ readonly: true }).then((session) => session.exec("SELECT * FROM notes"));
  if (how === "running") {
    for (let n = 0; n < 5; n++) void database.exec(`${ENDLESS} WHERE i > ${n}`);
    await until(() => database.stats().holders.some(({ statement }) => statement?.startsWith(ENDLESS)));
  }
  if (how === "opening") {
    for (let n = 0; n < 9; n++) void database.exec(`SELECT ${n}`);
    void new SqliteDatabase(path, { entities: [Note] }).init();
  }
  if (how === "backing up") void database.backup(`${path}.copy`);
  process.exit(7);
}

void main(process.argv[2]!, process.argv[3]!);
