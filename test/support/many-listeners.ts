// Run by process.test.ts in a process of its own: ends many things by one signal, and tells what Node warns of.
import "reflect-metadata";
import { getEventListeners } from "node:events";
import { setImmediate as turn } from "node:timers/promises";
import { SqliteDatabase } from "../../src";
import { Note } from "./small-entities";

const MANY = Array.from({ length: 30 }, (_, index) => index);

async function main(path: string): Promise<void> {
  const warnings: string[] = [];
  process.on("warning", ({ message }) => warnings.push(message));
  const database = await new SqliteDatabase(path, { entities: [Note] }).init();
  const { signal } = new AbortController();

  const sessions = await Promise.all(MANY.map(() => database.openSession({ signal })));
  await Promise.all(sessions.map((session) => session.close()));
  await Promise.all(MANY.map((n) => database.exec(`SELECT ${n}`, {}, { signal })));
  await Promise.all(MANY.map((n) => database.session((session) => session.exec(`SELECT ${n}`), { signal })));
  await database.session(
    (session) => Promise.all(MANY.map((n) => session.exec(`SELECT ${n}`, {}, { signal }))),
    { timeout: 30 },
  );
  await turn();
  const listeners = getEventListeners(signal, "abort").length;
  await database.close();
  console.log(JSON.stringify({ warnings, listeners }));
}

void main(process.argv[2]!);
