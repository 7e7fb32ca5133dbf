import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BusyError } from "../../src/errors";
import { runScript } from "../support/child-process";
import { rejection } from "../support/data-sources";
import { testDatabases } from "../support/databases";
import { isPending } from "../support/deferred";
import { OtherProcess } from "../support/other-process";
import { rawExec, rawRead } from "../support/raw-database";
import { Account, NOTES, Note } from "../support/small-entities";

const databases = testDatabases();
const texts = async () => (await rawRead(databases.path, NOTES)).map(({ text }) => text);

test("while another process holds the write lock, everything that writes waits and then succeeds", async () => {
  const database = await databases.open({ entities: [Note], busyTimeout: 60 });
  await using other = new OtherProcess(databases.path);
  await other.run("BEGIN IMMEDIATE");
  await other.run("INSERT INTO notes (text) VALUES ('elsewhere')");
  const session = database.session(({ manager }) => manager.insert(Note, { text: "session" }));
  const work = Promise.all([
    session,
    database.exec("INSERT INTO notes (text) VALUES ('exec')"),
    database.insertMany(Note, [{ text: "insertMany" }]),
    database.execScript("INSERT INTO notes (text) VALUES ('script')"),
    database.createAll(),
  ]);
  expect(await isPending(work)).toBe(true);
  expect((await database.exec(NOTES)).scalars()).toEqual([]);
  expect(database.stats().writer.busy).toBe(true);
  await other.run("COMMIT");
  await work;
  expect((await texts()).sort()).toEqual(["elsewhere", "exec", "insertMany", "script", "session"]);
});

test("for longer than busyTimeout it is a BusyError, and the event loop, files and readers are free all the time", async () => {
  const busyTimeout = 0.5;
  const database = await databases.open({ entities: [Note], busyTimeout });
  const file = databases.folder.file("note.txt");
  await writeFile(file, "a note");
  await using other = new OtherProcess(databases.path);
  await other.run("BEGIN IMMEDIATE");
  const started = performance.now();
  let over = false;
  // As many as libuv has threads, which native waits would all hold.
  const refused = Promise.all(
    Array.from({ length: 4 }, async () => {
      const alone = await databases.open({ busyTimeout });
      return await rejection(alone.exec("INSERT INTO notes (text) VALUES ('never')"));
    }),
  ).finally(() => {
    over = true;
  });
  let calls = 0;
  while (!over) {
    await stat(file);
    await database.exec("SELECT count(*) FROM notes");
    calls++;
  }
  const waited = performance.now() - started;
  for (const error of await refused) expect(error).toBeInstanceOf(BusyError);
  expect(waited).toBeGreaterThanOrEqual(busyTimeout * 1000);
  // Writers that sleep in SQLite, as many as are let in at once, would keep reads out until the end.
  expect(calls).toBeGreaterThan(20);
  await other.run("ROLLBACK");
  await database.getRepository(Note).insert({ text: "after" });
  expect(await texts()).toEqual(["after"]);
});

test("one that dies with the lock gives it up, and leaves nothing", async () => {
  const database = await databases.open({ entities: [Note], busyTimeout: 60 });
  await using other = new OtherProcess(databases.path);
  await other.run("BEGIN IMMEDIATE");
  await other.run("INSERT INTO notes (text) VALUES ('never committed')");
  const written = database.getRepository(Note).insert({ text: "here" });
  expect(await isPending(written)).toBe(true);
  await other.kill();
  await written;
  expect(await texts()).toEqual(["here"]);
});

test("readers that never end starve checkpoints, but no write, no reader and no close()", async () => {
  const database = await databases.open({ entities: [Note], busyTimeout: 0.2 });
  await database.getRepository(Note).insert({ text: "first" });
  await using other = new OtherProcess(databases.path);
  await other.run("BEGIN");
  expect(await other.run("SELECT count(*) AS n FROM notes")).toEqual([{ n: 1 }]);
  // More pages than SQLite lets gather before it checkpoints by itself.
  for (let n = 0; n < 30; n++) {
    await database.exec("INSERT INTO notes (text) VALUES (:n || hex(randomblob(100000)))", { n });
  }
  const { busy, log, checkpointed } = await database.checkpoint("truncate");
  expect({ busy, starved: checkpointed < log }).toEqual({ busy: true, starved: true });
  expect((await stat(`${databases.path}-wal`)).size).toBeGreaterThan(4_000_000);
  expect((await database.exec("SELECT count(*) FROM notes")).scalar()).toBe(31);
  expect(await other.run("SELECT count(*) AS n FROM notes")).toEqual([{ n: 1 }]);
  await database.close();
  await other.run("COMMIT");
  expect(await other.run("SELECT count(*) AS n FROM notes")).toEqual([{ n: 31 }]);
  await database.init();
  expect((await database.checkpoint("truncate")).busy).toBe(false);
  expect((await database.checkIntegrity()).ok).toBe(true);
});

test("two processes with 20 writers each lose nothing and write nothing twice", async () => {
  const rounds = 5;
  await databases.open({ entities: [Account, Note] });
  await rawExec(databases.path, "INSERT INTO accounts VALUES (1, 0), (2, 0)");
  const script = join(__dirname, "many-writers.ts");
  const outcomes = await Promise.all(
    ["a", "b"].map((name) => runScript(script, [databases.path, name, String(rounds)], 60_000)),
  );
  for (const outcome of outcomes) expect(outcome).toEqual({ code: 0, signal: null, output: "done\n" });
  const total = 2 * 20 * rounds;
  expect(await rawRead(databases.path, "SELECT id, balance FROM accounts")).toEqual([
    { id: 1, balance: total },
    { id: 2, balance: total },
  ]);
  expect(new Set(await texts()).size).toBe(total);
});
