import { type EntitySubscriberInterface, EventSubscriber } from "typeorm";
import { SessionTimeoutError } from "../../src/errors";
import type { Session } from "../../src/session/session";
import type { SqliteDatabase } from "../../src/sqlite-database";
import { testDatabases } from "../support/databases";
import { type Deferred, deferred, isPending, until } from "../support/deferred";
import { rawRead } from "../support/raw-database";
import { NOTES, Note } from "../support/small-entities";
import { within } from "../support/within";

const databases = testDatabases();
const open = () => databases.open({ entities: [Note] });
const notes = async () => (await rawRead(databases.path, NOTES)).map(({ text }) => text);
const enough = new Error("enough");

const SHORT = 0.05;
const SOON = 5;
const INSERT = "INSERT INTO notes (text) VALUES (:text)";

interface Limits {
  timeout?: number;
  signal?: AbortSignal;
}

const note = (text: string) => Object.assign(new Note(), { text });

/** Has the writer until the function that this resolves with is called. */
async function holdWriter(database: SqliteDatabase): Promise<() => Promise<void>> {
  const [entered, leave] = [deferred(), deferred()];
  const holder = database.session(async (session) => {
    await session.exec(INSERT, { text: "holder" });
    entered.resolve();
    await leave.promise;
  });
  await entered.promise;
  return () => {
    leave.resolve();
    return holder;
  };
}

/** What has a limit of its own inside of a session, and what that session has in the end. */
const CALLS: [
  string,
  (session: Session, database: SqliteDatabase, limits: Limits) => Promise<unknown>,
  string[],
][] = [
  [
    "a nested session",
    (_, database, limits) => database.session((s) => s.exec("DELETE FROM notes"), limits),
    [],
  ],
  [
    "a nested session after changes of the outer one",
    (session, database, limits) => {
      session.add(note("pending"));
      return database.session((inner) => inner.exec("DELETE FROM notes"), limits);
    },
    ["pending"],
  ],
  ["insertMany()", (session, _, limits) => session.insertMany(Note, [note("never")], limits), []],
  [
    "insertMany() after changes of the session",
    (session, _, limits) => {
      session.add(note("pending"));
      return session.insertMany(Note, [note("never")], limits);
    },
    ["pending"],
  ],
  [
    "insertMany() of the database",
    (_, database, limits) => database.insertMany(Note, [note("never")], limits),
    [],
  ],
  [
    "exec() after changes of the session",
    (session, _, limits) => {
      session.add(note("pending"));
      return session.exec("SELECT 1", {}, limits);
    },
    ["pending"],
  ],
  [
    "stream()",
    async (session, _, limits) => {
      for await (const _row of session.stream(NOTES, {}, limits));
    },
    [],
  ],
];

describe.each(CALLS)("%s, while the session waits for the writer,", (_, call, written) => {
  test("ends at its timeout, and the session goes on", async () => {
    const database = await open();
    const release = await holdWriter(database);
    await database.session(async (session) => {
      const limited = call(session, database, { timeout: SHORT });
      await expect(within(SOON, limited)).rejects.toThrow(SessionTimeoutError);
      expect(database.stats().writer.waiting).toBe(0);
      await release();
      await session.exec(INSERT, { text: "session" });
    });
    expect(await notes()).toEqual(["holder", ...written, "session"]);
  });

  test("ends when its signal is aborted, and takes no time of the session's own end", async () => {
    const database = await open();
    const release = await holdWriter(database);
    const abort = new AbortController();
    const session = database.session((session) => call(session, database, { signal: abort.signal }));
    await until(() => database.stats().writer.waiting === 1);
    abort.abort(enough);
    await expect(within(SOON, session)).rejects.toBe(enough);
    await release();
    expect(await notes()).toEqual(["holder"]);
  });
});

test("who gives up waiting for the writer leaves those waiting who came together with it", async () => {
  const database = await open();
  const release = await holdWriter(database);
  await database.session(async (session) => {
    session.add(note("pending"));
    const abort = new AbortController();
    const limited = session.exec(INSERT, { text: "never" }, { signal: abort.signal });
    const others = [
      session.exec(INSERT, { text: "statement" }),
      database.session((inner) => inner.exec(INSERT, { text: "nested" })),
    ];
    await until(() => database.stats().writer.waiting === 1);
    abort.abort(enough);
    await expect(within(SOON, limited)).rejects.toBe(enough);
    expect(await isPending(Promise.race(others))).toBe(true);
    await release();
    await Promise.all(others);
  });
  expect((await notes()).sort()).toEqual(["holder", "nested", "pending", "statement"]);
});

describe("what the session writes before a statement", () => {
  let [writing, goOn]: Deferred<void>[] = [];
  @EventSubscriber()
  class Slow implements EntitySubscriberInterface {
    async beforeInsert(): Promise<void> {
      writing?.resolve();
      await goOn?.promise;
    }
  }

  test("goes on when that is stopped, and is kept", async () => {
    const database = await databases.open({ entities: [Note], subscribers: [Slow] });
    [writing, goOn] = [deferred(), deferred()];
    await database.session(async (session) => {
      session.add(note("pending"));
      const abort = new AbortController();
      const stopped = session.exec(INSERT, { text: "never" }, { signal: abort.signal });
      await writing?.promise;
      abort.abort(enough);
      await expect(within(SOON, stopped)).rejects.toBe(enough);
      const next = session.exec(INSERT, { text: "next" });
      expect(await isPending(next)).toBe(true);
      goOn?.resolve();
      await next;
    });
    expect(await notes()).toEqual(["pending", "next"]);
  });
});
