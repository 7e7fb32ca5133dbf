import { existsSync, statSync } from "node:fs";
import type { CheckpointMode } from "../../src";
import type { SqliteDatabase } from "../../src/sqlite-database";
import { testDatabases } from "../support/databases";
import { isPending } from "../support/deferred";
import { RawDatabase, rawRead } from "../support/raw-database";
import { Note } from "../support/small-entities";

const databases = testDatabases();
const walSize = () => (existsSync(`${databases.path}-wal`) ? statSync(`${databases.path}-wal`).size : 0);

let database: SqliteDatabase;
beforeEach(async () => {
  database = await databases.open({ entities: [Note], busyTimeout: 0.2 });
  await database.getRepository(Note).insert({ text: "in the WAL" });
});

test("passive, which is the default, copies the WAL into the file", async () => {
  const { busy, log, checkpointed } = await database.checkpoint();
  expect({ busy, all: log === checkpointed, some: log > 0 }).toEqual({ busy: false, all: true, some: true });
  expect(walSize()).toBeGreaterThan(0);
});

test("truncate empties the WAL", async () => {
  expect(await database.checkpoint("truncate")).toEqual({ busy: false, log: 0, checkpointed: 0 });
  expect(walSize()).toBe(0);
});

test.each<CheckpointMode>(["TRUNCATE", "Truncate" as CheckpointMode])(
  "a mode may be written %s",
  async (mode) => {
    expect(await database.checkpoint(mode)).toEqual({ busy: false, log: 0, checkpointed: 0 });
    expect(walSize()).toBe(0);
  },
);

test.each<CheckpointMode>(["restart", "truncate"])(
  "%s waits for a reader, and then does it",
  async (mode) => {
    const patient = await databases.open({ busyTimeout: 20 });
    const reader = await RawDatabase.open(databases.path);
    try {
      await reader.exec("BEGIN; SELECT * FROM notes");
      await database.getRepository(Note).insert({ text: "newer than the reader" });
      const done = patient.checkpoint(mode);
      expect(await isPending(done)).toBe(true);
      // The writer of others waits for its turn, and not for a thread.
      expect(await patient.exec("SELECT count(*) FROM notes")).toMatchObject({ rows: [{ "count(*)": 2 }] });
      await reader.exec("COMMIT");
      expect((await done).busy).toBe(false);
    } finally {
      await reader.close();
    }
  },
);

test("a reader that does not end makes it busy after busyTimeout, and nothing is lost", async () => {
  const reader = await RawDatabase.open(databases.path);
  try {
    await reader.exec("BEGIN; SELECT * FROM notes");
    await database.getRepository(Note).insert({ text: "newer than the reader" });
    expect((await database.checkpoint("truncate")).busy).toBe(true);
    await database.getRepository(Note).insert({ text: "after" });
  } finally {
    await reader.close();
  }
  expect(await rawRead(databases.path, "SELECT count(*) AS n FROM notes")).toEqual([{ n: 3 }]);
});

test("another mode is refused, and inside a session every mode", async () => {
  await expect(database.checkpoint("hard" as CheckpointMode)).rejects.toThrow(
    "There is no checkpoint mode 'hard'; there are passive, full, restart, truncate.",
  );
  for (const mode of [null, 1n, Symbol("full"), Object.create(null), ["full"]]) {
    await expect(database.checkpoint(mode)).rejects.toMatchObject({ code: "CONFIGURATION" });
  }
  for (const call of [() => database.checkpoint(), () => database.optimize()] as (() => Promise<unknown>)[]) {
    await expect(database.session(call)).rejects.toMatchObject({ code: "INSIDE_SESSION" });
  }
});

test("optimize writes the statistics that SQLite plans with", async () => {
  await database.exec(
    "INSERT INTO notes (text) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) SELECT 't' || i FROM n",
  );
  await database.exec("CREATE INDEX by_length ON notes (length(text))");
  await database.exec("SELECT * FROM notes WHERE length(text) = 3", {}, { readonly: true });
  await database.optimize();
  expect(await database.ping()).toBe(true);
});

test("in memory there is no WAL", async () => {
  const memory = await databases.open({}, ":memory:");
  expect(await memory.checkpoint("truncate")).toEqual({ busy: false, log: -1, checkpointed: -1 });
  await memory.optimize();
});
