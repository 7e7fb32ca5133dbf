import sqlite3 from "sqlite3";
import { ConfigurationError, SessionClosedError, SessionTimeoutError } from "../../src/errors";
import { testDatabases } from "../support/databases";
import { deferred, settleNative, until } from "../support/deferred";
import { rawRead } from "../support/raw-database";
import { NOTES, Note } from "../support/small-entities";
import { within } from "../support/within";

type NativeRun = (values: unknown[], done: (this: unknown, error: Error | null) => void) => unknown;

const databases = testDatabases();
const open = () => databases.open({ entities: [Note] });
const notes = async () => (await rawRead(databases.path, NOTES)).map(({ text }) => text);
const never = new Promise<never>(() => {});
const enough = new Error("enough");

/** Shorter than anything here waits for; what it ends would otherwise go on for ever. */
const SHORT = 0.05;
const SOON = 5;
const ENDLESS = "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
const INSERT = "INSERT INTO notes (text) VALUES (:text)";

/** Each way in which something ends early, and what it rejects with. */
const ENDS: [string, () => { timeout?: number; signal?: AbortSignal }, unknown][] = [
  ["a timeout", () => ({ timeout: SHORT }), expect.any(SessionTimeoutError)],
  [
    "a signal",
    () => {
      const abort = new AbortController();
      setTimeout(() => abort.abort(enough), SHORT * 1000);
      return { signal: abort.signal };
    },
    enough,
  ],
];

/** Afterwards the database is as usable as before. */
async function expectUsable(database: Awaited<ReturnType<typeof open>>): Promise<void> {
  await within(SOON, database.exec(INSERT, { text: "afterwards" }));
  expect(await notes()).toContain("afterwards");
  // Who was interrupted is told at once, and its statement ends a moment later.
  await within(
    SOON,
    until(() => database.stats().readers.active === 0),
  );
  expect(database.stats().writer).toEqual({ busy: false, waiting: 0 });
}

/** What comes after the end is told that it has ended, and by what. */
function expectClosed(error: unknown, reason: unknown): void {
  expect(error).toBeInstanceOf(SessionClosedError);
  expect((error as Error).cause).toEqual(reason);
}

describe.each(ENDS)("%s", (_, options, reason) => {
  test("interrupts a statement that is running", async () => {
    const database = await open();
    await expect(within(SOON, database.exec(ENDLESS, {}, options()))).rejects.toEqual(reason);
    await settleNative();
    await expectUsable(database);
  });

  test("interrupts a write of a session, and undoes the session", async () => {
    const database = await open();
    const session = database.session(async () => {
      await database.exec(INSERT, { text: "undone" });
      await database.exec(`INSERT INTO notes (text) ${ENDLESS}`);
    }, options());
    await expect(within(SOON, session)).rejects.toEqual(reason);
    expect(await notes()).toEqual([]);
    await expectUsable(database);
  });

  test("ends a session that does nothing, and refuses what it tries later", async () => {
    const database = await open();
    const late = deferred<unknown>();
    const goOn = deferred();
    const session = database.session(async (inner) => {
      await inner.exec(INSERT, { text: "undone" });
      await goOn.promise;
      inner.exec(INSERT, { text: "too late" }).catch(late.resolve);
    }, options());
    await expect(within(SOON, session)).rejects.toEqual(reason);
    goOn.resolve();
    expectClosed(await late.promise, reason);
    expect(await notes()).toEqual([]);
    await expectUsable(database);
  });

  test("ends the waiting for the writer's turn, of a session and of a statement", async () => {
    const database = await open();
    const leave = deferred();
    const entered = deferred();
    const holder = database.session(async () => {
      await database.exec(INSERT, { text: "of the holder" });
      entered.resolve();
      await leave.promise;
    });
    await entered.promise;
    const waiting = [
      database.session((session) => session.exec(INSERT, { text: "never" }), options()),
      database.exec(INSERT, { text: "never" }, options()),
    ];
    for (const one of waiting) await expect(within(SOON, one)).rejects.toEqual(reason);
    expect(database.stats().writer.waiting).toBe(0);
    leave.resolve();
    await holder;
    expect(await notes()).toEqual(["of the holder"]);
    await expectUsable(database);
  });

  test("rolls back a session under manual control, whoever has forgotten it", async () => {
    const database = await open();
    const session = await database.openSession(options());
    await session.exec(INSERT, { text: "undone" });
    await within(SOON, database.exec(INSERT, { text: "waits until it is gone" }));
    expectClosed(await session.exec(INSERT, { text: "too late" }).catch((error: unknown) => error), reason);
    expect(session.isActive).toBe(false);
    await session.close();
    expect(await notes()).toEqual(["waits until it is gone"]);
  });

  test("of a nested session undoes only that", async () => {
    const database = await open();
    await database.session(async (outer) => {
      await outer.exec(INSERT, { text: "outer" });
      const [ended, late] = [deferred(), deferred<unknown>()];
      const nested = database.session(async (inner) => {
        await inner.exec(INSERT, { text: "nested" });
        await ended.promise;
        database.exec(INSERT, { text: "too late" }).catch(late.resolve);
        await never;
      }, options());
      await expect(within(SOON, nested)).rejects.toEqual(reason);
      ended.resolve();
      expectClosed(await late.promise, reason);
      await outer.exec(INSERT, { text: "outer again" });
    });
    expect(await notes()).toEqual(["outer", "outer again"]);
  });

  test("that comes after the end changes nothing", async () => {
    const database = await open();
    const limits = options();
    await database.session((session) => session.exec(INSERT, { text: "kept" }), limits);
    await new Promise<void>((resolve) => {
      limits.signal?.addEventListener("abort", () => resolve());
      if (!limits.signal) resolve();
    });
    await expectUsable(database);
    expect(await notes()).toContain("kept");
  });
});

test("a write that has ended when it is stopped tells what it did, and not that it was stopped", async () => {
  const database = await open();
  const abort = new AbortController();
  const { run } = sqlite3.Statement.prototype as unknown as { run: NativeRun };
  const native = jest.spyOn(sqlite3.Statement.prototype as unknown as { run: NativeRun }, "run");
  native.mockImplementation(function (this: sqlite3.Statement, values, done) {
    return run.call(this, values, function (this: unknown, error) {
      abort.abort(enough);
      // Whoever would rather tell of that has every opportunity before the outcome is known.
      setImmediate(() => done.call(this, error));
    });
  });
  const { changes } = await database.exec(INSERT, { text: "written" }, { signal: abort.signal });
  native.mockRestore();
  expect(changes).toBe(1);
  expect(await notes()).toEqual(["written"]);
});

test("a statement that waits for a savepoint of its session to end is stopped at once, and never run", async () => {
  const database = await open();
  const [entered, leave] = [deferred(), deferred()];
  await database.session(async (session) => {
    const inner = session.transaction(async () => {
      entered.resolve();
      await leave.promise;
    });
    await entered.promise;
    const abort = new AbortController();
    const waiting = database.detach(() =>
      session.exec(INSERT, { text: "stopped" }, { signal: abort.signal }),
    );
    abort.abort(enough);
    await expect(within(SOON, waiting)).rejects.toBe(enough);
    leave.resolve();
    await inner;
    await session.exec(INSERT, { text: "after it" });
  });
  expect(await notes()).toEqual(["after it"]);
});

test("the first statement of a session, which waits for the writer, is stopped at once, and the session goes on", async () => {
  const database = await open();
  const [entered, leave] = [deferred(), deferred()];
  const first = database.session(async (session) => {
    await session.exec(INSERT, { text: "first" });
    entered.resolve();
    await leave.promise;
  });
  await entered.promise;
  await database.session(async (session) => {
    const abort = new AbortController();
    const waiting = session.exec(INSERT, { text: "stopped" }, { signal: abort.signal });
    await until(() => database.stats().writer.waiting === 1);
    abort.abort(enough);
    await expect(within(SOON, waiting)).rejects.toBe(enough);
    leave.resolve();
    await session.exec(INSERT, { text: "second" });
  });
  await first;
  expect(await notes()).toEqual(["first", "second"]);
});

test("a signal that is aborted already keeps everything from running", async () => {
  const database = await open();
  const signal = AbortSignal.abort(enough);
  await expect(database.exec(INSERT, { text: "never" }, { signal })).rejects.toBe(enough);
  await expect(database.session((s) => s.exec(INSERT, { text: "never" }), { signal })).rejects.toBe(enough);
  expect(await notes()).toEqual([]);
});

describe.each([0, "", false, null])("a signal with the reason %p", (reason) => {
  test("keeps a statement from running", async () => {
    const database = await open();
    const signal = AbortSignal.abort(reason);
    await expect(database.exec(INSERT, { text: "never" }, { signal })).rejects.toBe(reason);
    await settleNative();
    await expectUsable(database);
    expect(await notes()).toEqual(["afterwards"]);
  });

  test("interrupts a statement that is running", async () => {
    const database = await open();
    const abort = new AbortController();
    const endless = within(SOON, database.exec(ENDLESS, {}, { signal: abort.signal }));
    setTimeout(() => abort.abort(reason), SHORT * 1000);
    await expect(endless).rejects.toBe(reason);
    await expectUsable(database);
  });

  test("interrupts a write of a session, which has then ended", async () => {
    const database = await open();
    const abort = new AbortController();
    const work = database.session(async (session) => {
      const { manager } = session;
      await manager.insert(Note, { text: "before" });
      const endless = `INSERT INTO notes (text) ${ENDLESS}`;
      setTimeout(() => abort.abort(reason), SHORT * 1000);
      const stopped = session.exec(endless, {}, { signal: abort.signal });
      await expect(stopped).rejects.toBe(reason);
      await expect(manager.insert(Note, { text: "after" })).rejects.toThrow(SessionClosedError);
    });
    await expect(within(SOON, work)).rejects.toThrow(SessionClosedError);
    await expectUsable(database);
    expect(await notes()).toEqual(["afterwards"]);
  });
});

test("a timeout says whose it was and how long", async () => {
  const database = await open();
  const session = database.session(() => never, { timeout: SHORT, label: "nightly report" });
  await expect(session).rejects.toMatchObject({
    code: "SESSION_TIMEOUT",
    timeout: SHORT,
    message: expect.stringContaining("nightly report"),
  });
});

test.each([-1, Number.NaN, "5", null])("a timeout of %p is refused", async (timeout) => {
  const database = await open();
  await expect(database.exec("SELECT 1", {}, { timeout: timeout as number })).rejects.toThrow(
    ConfigurationError,
  );
});

test("a timeout in milliseconds is noticed", async () => {
  const database = await open();
  await expect(database.session(async () => {}, { timeout: 30_000 })).rejects.toThrow("did you mean 30?");
});

test("5,000 sessions with a timeout of a millisecond leave the totals exact", async () => {
  const database = await open();
  const outcomes = await Promise.allSettled(
    Array.from({ length: 5000 }, () =>
      database.session((session) => session.exec(INSERT, { text: "one" }), { timeout: 0.001 }),
    ),
  );
  const committed = outcomes.filter(({ status }) => status === "fulfilled").length;
  expect((await notes()).length).toBe(committed);
  await expectUsable(database);
});
