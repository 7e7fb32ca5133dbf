// Run by leaks.test.ts in a process of its own: thousands of sessions, failures included, and what is left of them.
import "reflect-metadata";
import { readdirSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { SqliteDatabase } from "../../src";
import { Account, Note } from "./small-entities";

setFlagsFromString("--expose-gc");
// Compiled code is on the heap too, and grows for thousands of rounds.
for (const compiler of ["--no-opt", "--no-maglev", "--no-sparkplug"]) setFlagsFromString(compiler);
const collect: () => void = runInNewContext("gc");

const boom = new Error("boom");

async function round(database: SqliteDatabase, number: number): Promise<void> {
  const failing = [
    database.session(async (session) => {
      await session.manager.insert(Note, { text: `failing ${number}` });
      throw boom;
    }),
    database.session((session) => session.exec("INSERT INTO nowhere VALUES (1)")),
    database.session((session) => session.exec("SELECT 1"), { signal: AbortSignal.abort(boom) }),
    database.exec("INSERT INTO accounts (id) VALUES (1)"),
    database.session((session) => session.exec("DELETE FROM notes"), { readonly: true }),
  ];
  const outcomes = await Promise.allSettled(failing);
  if (outcomes.some(({ status }) => status === "fulfilled")) throw new Error("one of them did not fail");
  await Promise.all([
    database.session(async (session) => {
      const account = await session.get(Account, 1);
      account!.balance++;
      await session.transaction((inner) => inner.exec("SELECT :a AS a", { a: number }));
    }),
    database.session((session) => session.getRepository(Account).count(), { readonly: true }),
    database.getRepository(Account).findOneBy({ id: 1 }),
    (async () => {
      await using session = await database.openSession();
      await session.exec(`SELECT ${number} AS text_of_its_own`);
    })(),
    (async () => {
      for await (const _ of database.stream("SELECT * FROM accounts")) break;
    })(),
  ]);
}

async function main(path: string, rounds: number): Promise<void> {
  const database = await new SqliteDatabase(path, { entities: [Note, Account] }).init();
  await database.getRepository(Account).insert({ id: 1 });
  const run = async (from: number, to: number) => {
    for (let number = from; number < to; number++) await round(database, number);
  };
  const measure = async () => {
    for (let times = 0; times < 3; times++) collect();
    return {
      heap: process.memoryUsage().heapUsed,
      descriptors: readdirSync("/proc/self/fd").length,
      stats: database.stats(),
    };
  };
  // The statement cache is full after 200 texts on each connection.
  await run(0, 400);
  const before = await measure();
  await run(400, 400 + rounds);
  const after = await measure();
  const { balance } = await database.getRepository(Account).findOneByOrFail({ id: 1 });
  await database.close();
  console.log(JSON.stringify({ before, after, balance }));
}

void main(process.argv[2]!, Number(process.argv[3]));
