// Run by workers.test.ts in a process of its own, as its main thread and as the worker.
import "reflect-metadata";
import { once } from "node:events";
import { join } from "node:path";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { SqliteDatabase } from "../../src";
import { settleNative, until } from "../support/deferred";
import { LONG_READ, Note } from "../support/small-entities";

interface Task {
  readonly path: string;
  readonly how: string;
}

async function inWorker({ path, how }: Task): Promise<void> {
  const database = await new SqliteDatabase(path, { entities: [Note] }).init();
  await database.session(({ manager }) => manager.insert(Note, { text: how }));
  await Promise.all(Array.from({ length: 10 }, () => database.getRepository(Note).count()));
  if (how === "closed" || how === "closed and terminated") await database.close();
  if (how === "running") {
    void database.exec(LONG_READ);
    await until(() => database.stats().holders.some(({ statement }) => statement === LONG_READ));
    await settleNative();
  }
  if (how === "idle") await until(() => database.stats().readers.active === 0);
  parentPort!.postMessage("ready");
  if (how !== "closed") setInterval(() => {}, 1000);
}

async function inMain({ path, how }: Task): Promise<void> {
  // The main thread has the library loaded and a database open as well.
  await using database = await new SqliteDatabase(path, { entities: [Note] }).init();
  const worker = new Worker(__filename, {
    workerData: { path, how },
    execArgv: ["-r", join(__dirname, "../support/register-typescript.cjs")],
  });
  const ended = once(worker, "exit");
  await once(worker, "message");
  if (how !== "closed") await worker.terminate();
  await ended;
  console.log(`${how}: ${await database.getRepository(Note).count()}`);
}

if (isMainThread) void inMain({ path: process.argv[2]!, how: process.argv[3]! });
else void inWorker(workerData);
