// Run by process.test.ts in a process of its own: opens and closes a database again and again, and reports what is left.
import "reflect-metadata";
import { readdirSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { SqliteDatabase } from "../../src";
import { openFiles } from "./open-files";
import { Note } from "./small-entities";

setFlagsFromString("--expose-gc");
// Compiled code is on the heap too, and grows for thousands of rounds.
for (const compiler of ["--no-opt", "--no-maglev", "--no-sparkplug"]) setFlagsFromString(compiler);
const collect: () => void = runInNewContext("gc");

function heap(): number {
  for (let times = 0; times < 3; times++) collect();
  return process.memoryUsage().heapUsed;
}

async function cycle(database: SqliteDatabase, round: number): Promise<void> {
  await database.init();
  await database.session(({ manager }) => manager.insert(Note, { text: `round ${round}` }));
  await Promise.all(Array.from({ length: 4 }, () => database.getRepository(Note).count()));
  await database.session(async () => Promise.reject(new Error())).catch(() => {});
  await database.close();
}

async function main(path: string, rounds: number): Promise<void> {
  const reused = new SqliteDatabase(path, { entities: [Note] });
  const measure = () => ({ heap: heap(), descriptors: readdirSync("/proc/self/fd").length });
  const run = async (from: number, to: number) => {
    for (let round = from; round < to; round++) {
      await cycle(round % 2 === 0 ? reused : new SqliteDatabase(path, { entities: [Note] }), round);
    }
  };
  // What is made once and kept, such as compiled code, is there after a few.
  await run(0, 10);
  const before = measure();
  await run(10, 10 + rounds);
  const after = measure();
  console.log(JSON.stringify({ before, after, open: openFiles(path) }));
}

void main(process.argv[2]!, Number(process.argv[3]));
