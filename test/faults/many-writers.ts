// Run by other-processes.test.ts in processes of their own: 20 writers that count, and readers beside them.
import "reflect-metadata";
import { SqliteDatabase } from "../../src";
import { Account, Note } from "../support/small-entities";

const WRITERS = 20;

async function main(path: string, name: string, rounds: number): Promise<void> {
  await using database = await new SqliteDatabase(path, {
    entities: [Account, Note],
    busyTimeout: 60,
  }).init();
  const work = Array.from({ length: WRITERS }, async (_, writer) => {
    for (let round = 0; round < rounds; round++) {
      await database.session(async (session) => {
        const account = await session.get(Account, 1);
        account!.balance += 1;
        session.add(session.manager.create(Note, { text: `${name} ${writer} ${round}` }));
      });
      await database.exec("UPDATE accounts SET balance = balance + 1 WHERE id = 2");
    }
  });
  await Promise.all(work);
  console.log("done");
}

const [path = "", name = "", rounds = ""] = process.argv.slice(2);
void main(path, name, Number(rounds));
