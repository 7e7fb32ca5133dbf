// Run by limits.test.ts in processes of their own, which may write or open less than they want.
import "reflect-metadata";
import { spawnSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { SqliteDatabase } from "../../src";
import { NOTES, Note } from "../support/small-entities";

const tell = (what: string, error: unknown): void => {
  const { name, code, message } = error as { name: string; code: unknown; message: string };
  console.log(`${what}: ${name} ${code} ${message.replace(/\s+/g, " ").slice(0, 300)}`);
};

/** Writes until a file may not grow any more, then again with that limit gone. */
async function fileSize(path: string): Promise<void> {
  await using database = await new SqliteDatabase(path, { entities: [Note] }).init();
  // A reader that is open keeps the WAL from being emptied when the writer's connection is given up.
  await database.exec(NOTES);
  let written = 0;
  const insert = () =>
    database.session(async ({ manager }) => {
      await manager.insert(Note, { text: `${written} ${"x".repeat(20_000)}` });
      await manager.insert(Note, { text: `${written} again` });
    });
  try {
    for (;;) {
      await insert();
      written++;
    }
  } catch (error) {
    tell("session", error);
  }
  await database
    .exec("INSERT INTO notes (text) VALUES (:text)", { text: "y".repeat(50_000) })
    .catch((error) => tell("exec", error));
  console.log(`readable: ${(await database.exec("SELECT count(*) FROM notes")).scalar() === 2 * written}`);
  spawnSync("prlimit", ["--pid", String(process.pid), "--fsize=unlimited"]);
  await insert();
  written++;
  console.log(`acknowledged: ${2 * written}`);
}

/** Opens readers where the application itself has taken all the files that there are to open, and then again. */
async function openFiles(path: string): Promise<void> {
  await using database = await new SqliteDatabase(path, { entities: [Note] }).init();
  await database.getRepository(Note).insert({ text: "one" });
  const read = () =>
    database.session((session) => session.exec(NOTES).then((notes) => notes.rows.length), { readonly: true });
  const read10 = () => Promise.allSettled(Array.from({ length: 10 }, read));
  await read();
  const taken: number[] = [];
  try {
    for (;;) taken.push(openSync("/dev/null", "r"));
  } catch {}
  const outcomes = await read10();
  const [refused] = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason] : []));
  tell("session", refused);
  console.log(`others: ${outcomes.some(({ status }) => status === "fulfilled")}`);
  await database.getRepository(Note).insert({ text: "two" });
  for (const descriptor of taken) closeSync(descriptor);
  const afterwards = await read10();
  console.log(
    `afterwards: ${afterwards.map((outcome) => outcome.status === "fulfilled" && outcome.value).join()}`,
  );
  console.log(`healthy: ${await database.ping()}`);
}

const [path = "", what] = process.argv.slice(2);
void (what === "file size" ? fileSize(path) : openFiles(path));
