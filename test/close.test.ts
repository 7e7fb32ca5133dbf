import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseClosedError } from "../src/errors";
import { runScript } from "./support/child-process";
import { testDatabases } from "./support/databases";
import { deferred, isPending, settle, until } from "./support/deferred";
import { openFiles } from "./support/open-files";
import { RawDatabase, rawRead } from "./support/raw-database";
import { LONG_READ, NOTES, Note } from "./support/small-entities";
import { within } from "./support/within";

const databases = testDatabases();

/** Generous, for a busy machine; what hangs, hangs for ever. */
const SOON = 5;

async function notes(): Promise<unknown[]> {
  return (await rawRead(databases.path, NOTES)).map(({ text }) => text);
}

test("is harmless before init, twice, and at the same time", async () => {
  const database = databases.make({ entities: [Note] });
  await database.close();
  await database.init();
  await Promise.all([database.close(), database.close(), database.dataSource.destroy()]);
  await database.close();
  expect(database.isInitialized).toBe(false);
  await database.init();
  expect(database.isInitialized).toBe(true);
});

test("through the data source is the same", async () => {
  const database = await databases.open({ entities: [Note] });
  await database.dataSource.destroy();
  expect(database.isInitialized).toBe(false);
  expect(openFiles(databases.path)).toEqual([]);
  await expect(database.exec("SELECT 1")).rejects.toThrow(DatabaseClosedError);
});

test("leaves neither -wal nor -shm nor an open handle", async () => {
  const database = await databases.open({ entities: [Note] });
  await Promise.all(
    Array.from({ length: 8 }, (_, i) =>
      database.session(async (session) => {
        await session.manager.insert(Note, { text: `note ${i}` });
      }),
    ),
  );
  await Promise.all(Array.from({ length: 8 }, () => database.getRepository(Note).count()));
  expect(readdirSync(databases.folder.path).sort()).toEqual(["test.db", "test.db-shm", "test.db-wal"]);
  await database.close();
  expect(readdirSync(databases.folder.path)).toEqual(["test.db"]);
  expect(openFiles(databases.folder.path)).toEqual([]);
  expect(await notes()).toHaveLength(8);
});

test("empties the WAL also where someone else has the file open", async () => {
  const database = await databases.open({ entities: [Note] });
  await database.getRepository(Note).insert({ text: "checkpointed" });
  const other = await RawDatabase.open(databases.path);
  try {
    expect(await other.all(NOTES)).toEqual([{ text: "checkpointed" }]);
    await database.close();
    const [wal] = await other.all("PRAGMA wal_checkpoint(PASSIVE)");
    expect(wal).toEqual({ busy: 0, log: 0, checkpointed: 0 });
  } finally {
    await other.close();
  }
});

test("runs PRAGMA optimize", async () => {
  const database = await databases.open({ entities: [Note] });
  await database.execScript(`
    CREATE TABLE numbers (a, b);
    CREATE INDEX numbers_a ON numbers (a);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
      INSERT INTO numbers SELECT i % 10, i FROM n;
  `);
  // SQLite looks at tables that the same connection has queried.
  await database.session((session) => session.exec("SELECT sum(b) FROM numbers WHERE a = 3"));
  await database.close();
  expect(await rawRead(databases.path, "SELECT tbl FROM sqlite_stat1")).toEqual([{ tbl: "numbers" }]);
});

test("`await using` closes at the end of the scope", async () => {
  {
    await using database = await databases.make({ entities: [Note] }).init();
    await database.getRepository(Note).insert({ text: "in scope" });
    expect(openFiles(databases.path)).not.toEqual([]);
  }
  expect(openFiles(databases.path)).toEqual([]);
  expect(readdirSync(databases.folder.path)).toEqual(["test.db"]);
});

test("refuses new work from the moment it was called", async () => {
  const database = await databases.open({ entities: [Note] });
  const inFlight = deferred();
  const session = database.session(() => inFlight.promise);
  const closed = database.close();
  // No turn of the event loop between close() and these.
  const refused: Promise<unknown>[] = [
    database.session(async () => {}),
    database.openSession(),
    database.exec("SELECT 1"),
    (async () => database.getRepository(Note).insert({ text: "too late" }))(),
  ];
  await settle();
  const { dataSource } = database;
  refused.push(
    dataSource.transaction((manager) => manager.insert(Note, { text: "too late" })),
    dataSource.query("INSERT INTO notes (text) VALUES ('too late')"),
    dataSource.query("SELECT 1"),
  );
  const outcomes = await Promise.allSettled(refused);
  inFlight.resolve();
  await Promise.all([session, closed]);
  for (const outcome of outcomes) {
    expect(outcome).toEqual({ status: "rejected", reason: expect.any(DatabaseClosedError) });
  }
  expect(await notes()).toEqual([]);
});

test("lets statements that wait for a connection end", async () => {
  const database = await databases.open({ entities: [Note], poolSize: 1, maxOverflow: 0 });
  const reader = await database.openSession({ readonly: true });
  await reader.exec("SELECT 1");
  const writer = await database.openSession();
  await writer.exec("INSERT INTO notes (text) VALUES ('first')");
  const reads = [1, 2, 3].map((n) => database.exec("SELECT :n + 0 AS n", { n }));
  const writes = [1, 2, 3].map((n) => database.getRepository(Note).insert({ text: `note ${n}` }));
  await until(() => database.stats().readers.waiting === 3 && database.stats().writer.waiting === 3);
  const closed = database.close();
  expect(await isPending(closed)).toBe(true);
  await writer.commit();
  await Promise.all([reader.close(), writer.close()]);
  expect((await Promise.all(reads)).map((result) => result.scalar())).toEqual([1, 2, 3]);
  await Promise.all(writes);
  await closed;
  expect(await notes()).toEqual(["first", "note 1", "note 2", "note 3"]);
});

test("lets a statement end that was called before it in the same turn of the event loop", async () => {
  const database = await databases.open({ entities: [Note] });
  const read = database.exec("SELECT 1 AS one");
  const written = database.exec("INSERT INTO notes (text) VALUES ('called before')");
  const closed = database.close();
  expect((await read).scalar()).toBe(1);
  await written;
  await closed;
  expect(await notes()).toEqual(["called before"]);
});

test("lets a session in flight end, with all that it still does", async () => {
  const database = await databases.open({ entities: [Note] });
  const goOn = deferred();
  const begun = deferred();
  const session = database.session(async ({ manager }) => {
    await manager.insert(Note, { text: "before close" });
    begun.resolve();
    await goOn.promise;
    await manager.insert(Note, { text: "by its manager" });
    await database.exec("INSERT INTO notes (text) VALUES ('by exec')");
    await database.getRepository(Note).insert({ text: "by a repository" });
    await database.session((nested) => nested.manager.insert(Note, { text: "by a nested session" }));
    await database.dataSource.transaction((nested) => nested.insert(Note, { text: "by a transaction" }));
    await database.execScript("INSERT INTO notes (text) VALUES ('by a script')");
    return database.getRepository(Note).count();
  });
  await begun.promise;
  const closed = database.close();
  expect(await isPending(closed)).toBe(true);
  goOn.resolve();
  expect(await session).toBe(7);
  await closed;
  expect(await notes()).toHaveLength(7);
});

test("lets a session begin its transaction that has not begun it yet", async () => {
  const database = await databases.open({ entities: [Note] });
  const goOn = deferred();
  const [reading, writing] = [true, false].map((readonly) =>
    database.session(
      async (session) => {
        await goOn.promise;
        return readonly
          ? session.manager.query("SELECT 1 AS read")
          : session.manager.insert(Note, { text: "late" });
      },
      { readonly },
    ),
  );
  const closed = database.close();
  expect(await isPending(closed)).toBe(true);
  goOn.resolve();
  expect(await reading).toEqual([{ read: 1 }]);
  await writing;
  await closed;
  expect(await notes()).toEqual(["late"]);
});

test("lets writers that wait for their turn have it", async () => {
  const database = await databases.open({ entities: [Note] });
  const goOn = deferred();
  const sessions = [1, 2, 3].map((n) =>
    database.session(async ({ manager }) => {
      await manager.insert(Note, { text: `note ${n}` });
      await goOn.promise;
    }),
  );
  await until(() => database.stats().writer.waiting === 2);
  const closed = database.close();
  goOn.resolve();
  await Promise.all([...sessions, closed]);
  expect(await notes()).toEqual(["note 1", "note 2", "note 3"]);
});

test("waits for a manual session and for dataSource.transaction", async () => {
  const database = await databases.open({ entities: [Note] });
  const manual = await database.openSession();
  await manual.manager.insert(Note, { text: "manual" });
  const closed = database.close();
  expect(await isPending(closed)).toBe(true);
  await manual.commit();
  await manual.close();
  await closed;

  await database.init();
  const goOn = deferred();
  const begun = deferred();
  const transaction = database.dataSource.transaction(async (manager) => {
    await manager.insert(Note, { text: "transaction" });
    begun.resolve();
    await goOn.promise;
    await manager.insert(Note, { text: "still in the transaction" });
  });
  await begun.promise;
  const closedAgain = database.close();
  expect(await isPending(closedAgain)).toBe(true);
  goOn.resolve();
  await transaction;
  await closedAgain;
  expect(await notes()).toEqual(["manual", "transaction", "still in the transaction"]);
});

describe("after closeTimeout", () => {
  test("a statement that is running is interrupted", async () => {
    const database = await databases.open({ closeTimeout: 0.1 });
    const reading = database.exec(LONG_READ);
    const outcome = expect(reading).rejects.toThrow(/interrupt/i);
    await until(() => database.stats().readers.active === 1);
    await settle();
    await within(SOON, database.close());
    await outcome;
    await expect(reading).rejects.toThrow(DatabaseClosedError);
    expect(openFiles(databases.path)).toEqual([]);
  });

  test("more statements than there are threads are all ended", async () => {
    const database = await databases.open({ closeTimeout: 0.1 });
    const reads = Promise.allSettled(Array.from({ length: 6 }, () => database.exec(LONG_READ)));
    await until(() => database.stats().readers.active === 6);
    await settle();
    await within(SOON, database.close());
    for (const { status } of await reads) expect(status).toBe("rejected");
    expect(openFiles(databases.path)).toEqual([]);
  });

  test("a write that is running is interrupted and leaves nothing", async () => {
    const database = await databases.open({ entities: [Note], closeTimeout: 0.1 });
    const session = database.session(async ({ manager }) => {
      await manager.insert(Note, { text: "before" });
      await database.exec(`INSERT INTO notes (text) ${LONG_READ}`);
    });
    const outcome = expect(session).rejects.toThrow(/interrupt/i);
    await until(() => database.stats().writer.busy);
    await settle();
    await within(SOON, database.close());
    await outcome;
    expect(await notes()).toEqual([]);
  });

  test("a session that does nothing is ended, and what it goes on to do is refused and undone", async () => {
    const database = await databases.open({ entities: [Note], closeTimeout: 0.1 });
    const goOn = deferred();
    let refusal: unknown;
    const begun = deferred();
    const session = database.session(async ({ manager }) => {
      await manager.insert(Note, { text: "idle" });
      begun.resolve();
      await goOn.promise;
      await manager.insert(Note, { text: "too late" }).catch((error: unknown) => {
        refusal = error;
      });
    });
    await begun.promise;
    await within(SOON, database.close());
    expect(openFiles(databases.path)).toEqual([]);
    goOn.resolve();
    await expect(session).rejects.toThrow(DatabaseClosedError);
    expect(refusal).toBeInstanceOf(DatabaseClosedError);
    expect(await notes()).toEqual([]);
  });

  test("an error of the session's own is what the session rejects with, although the rollback fails", async () => {
    const database = await databases.open({ entities: [Note], closeTimeout: 0.1 });
    const goOn = deferred();
    const begun = deferred();
    const session = database.session(async ({ manager }) => {
      await manager.insert(Note, { text: "idle" });
      begun.resolve();
      await goOn.promise;
    });
    await begun.promise;
    await within(SOON, database.close());
    const boom = new Error("the work's own");
    goOn.reject(boom);
    await expect(session).rejects.toBe(boom);
  });

  test("sessions that have not begun, and writers that wait, are sent away", async () => {
    const database = await databases.open({ entities: [Note], closeTimeout: 0.1 });
    const goOn = deferred();
    const notBegun = database.session(async ({ manager }) => {
      await goOn.promise;
      await manager.insert(Note, { text: "not begun" });
    });
    const holder = await database.openSession();
    await holder.manager.insert(Note, { text: "holder" });
    const waiting = database.session(({ manager }) => manager.insert(Note, { text: "waiting" }));
    const outcomes = Promise.allSettled([waiting, notBegun]);
    await until(() => database.stats().writer.waiting === 1);
    await within(SOON, database.close());
    goOn.resolve();
    for (const outcome of await outcomes) {
      expect(outcome).toEqual({ status: "rejected", reason: expect.any(DatabaseClosedError) });
    }
    await expect(holder.manager.insert(Note, { text: "too late" })).rejects.toThrow(DatabaseClosedError);
    await holder.close();
    expect(await notes()).toEqual([]);
  });

  test("no session is active any more, whether it had begun or not", async () => {
    const database = await databases.open({ entities: [Note], closeTimeout: 0.1 });
    const [begun, notBegun] = [await database.openSession(), await database.openSession()];
    await begun.manager.insert(Note, { text: "begun" });
    expect([begun.isActive, notBegun.isActive]).toEqual([true, true]);
    await within(SOON, database.close());
    expect([begun.isActive, notBegun.isActive]).toEqual([false, false]);
    for (const session of [begun, notBegun]) {
      await expect(session.exec("SELECT 1")).rejects.toThrow(DatabaseClosedError);
      expect(() => session.add(new Note())).toThrow(DatabaseClosedError);
      await expect(session.commit()).rejects.toThrow(DatabaseClosedError);
    }
    await begun.close();
    await notBegun.close();
    expect(await notes()).toEqual([]);
  });

  test("closing a session is harmless, also inside of a savepoint, and it forgets what it had changed", async () => {
    const database = await databases.open({ entities: [Note], closeTimeout: 0.1 });
    await database.getRepository(Note).insert({ text: "as it was" });
    const session = await database.openSession();
    const note = await session.get(Note, 1);
    const [inside, goOn] = [deferred(), deferred()];
    const savepoint = session.transaction(async (inner) => {
      note!.text = "changed";
      await inner.flush();
      inside.resolve();
      await goOn.promise;
    });
    await inside.promise;
    await within(SOON, database.close());
    await session.close();
    goOn.resolve();
    await expect(savepoint).rejects.toThrow();
    expect(note!.text).toBe("as it was");
    expect(await notes()).toEqual(["as it was"]);
  });

  test("the end of the scope of a session hides nothing of what has ended its statement", async () => {
    const database = await databases.open({ entities: [Note], closeTimeout: 0.1 });
    const begun = deferred();
    const work = async () => {
      await using session = await database.openSession();
      await session.manager.insert(Note, { text: "never" });
      begun.resolve();
      await session.exec(LONG_READ);
    };
    const outcome = work().catch((error: unknown) => error);
    await begun.promise;
    await within(SOON, database.close());
    expect(await outcome).toBeInstanceOf(DatabaseClosedError);
  });

  test("the process ends by itself, whatever time its open sessions still had", async () => {
    const script = join(__dirname, "support/session-left-open.ts");
    expect(await runScript(script, [databases.path], 20_000)).toEqual({
      code: 0,
      signal: null,
      output: "closed\n",
    });
  });

  test("a session that goes on after the interrupt does not keep the database open", async () => {
    const database = await databases.open({ entities: [Note], closeTimeout: 0.1 });
    const stubborn = await database.openSession();
    const goesOn = database
      .exec(LONG_READ)
      .catch(() => stubborn.exec("INSERT INTO notes (text) VALUES ('after the interrupt')"));
    const outcome = goesOn.then(
      () => "went on",
      () => "refused",
    );
    await until(() => database.stats().readers.active === 1);
    await settle();
    try {
      await within(SOON, database.close());
      expect(await outcome).toBe("refused");
    } finally {
      await stubborn.close();
    }
    expect(await notes()).toEqual([]);
  });

  test("it opens again, and a session of before does not join in", async () => {
    const database = await databases.open({ entities: [Note], closeTimeout: 0.1 });
    const forgotten = await database.openSession();
    await forgotten.manager.insert(Note, { text: "forgotten" });
    const neverBegun = await database.openSession();
    await within(SOON, database.close());
    await database.init();
    const write = "INSERT INTO notes (text) VALUES ('again')";
    await expect(forgotten.exec(write)).rejects.toThrow(DatabaseClosedError);
    const late = neverBegun.exec(write);
    await late.catch(() => {});
    await neverBegun.close();
    await expect(late).rejects.toThrow();
    expect((await database.exec(NOTES)).scalars()).toEqual([]);
  });

  test("it opens again, and what was forgotten before does not delay the next close", async () => {
    const database = await databases.open({ entities: [Note], closeTimeout: 0.7 });
    const forgotten = await database.openSession();
    await forgotten.manager.insert(Note, { text: "forgotten" });
    await database.close();
    await database.init();
    await database.getRepository(Note).insert({ text: "after" });
    const started = performance.now();
    await database.close();
    expect(performance.now() - started).toBeLessThan(650);
    expect(await notes()).toEqual(["after"]);
  });
});

test("of a database whose file has gone does not fail", async () => {
  const database = await databases.open({ entities: [Note] });
  await database.getRepository(Note).insert({ text: "gone" });
  for (const suffix of ["", "-wal", "-shm"]) rmSync(databases.path + suffix);
  await database.close();
  expect(existsSync(databases.path)).toBe(false);
});

test("of a database in memory forgets everything", async () => {
  const database = await databases.open({ entities: [Note] }, ":memory:");
  await database.getRepository(Note).insert({ text: "forgotten" });
  await database.close();
  await database.init();
  expect(await database.getRepository(Note).count()).toBe(0);
});
