import "reflect-metadata";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import {
  ConstraintError,
  DatabaseError,
  PoolTimeoutError,
  ReadonlyError,
  SessionClosedError,
  SessionTimeoutError,
  type SqliteDatabase,
} from "../../src";
import { type Sandbox, sandbox } from "../../src/testing";
import { rejection } from "../support/data-sources";
import { testDatabases } from "../support/databases";
import { deferred, isPending, settleNative } from "../support/deferred";
import { rawRead, withRaw } from "../support/raw-database";
import { Account, LONG_READ, NOTES, Note } from "../support/small-entities";

const databases = testDatabases();
let database: SqliteDatabase;
let opened: Sandbox | undefined;

/** What another process sees. */
const committed = async () => (await rawRead(databases.path, NOTES)).map(({ text }) => text);
/** What the code under test sees. */
const inside = async () => (await database.exec<{ text: string }>(NOTES)).scalars();
const write = (text: string) => database.exec("INSERT INTO notes (text) VALUES (:text)", { text });
const open = async (): Promise<Sandbox> => {
  opened = await sandbox(database);
  return opened;
};

beforeEach(async () => {
  database = await databases.open({ entities: [Note, Account] });
  await write("before");
});

afterEach(async () => {
  await opened?.restore();
  opened = undefined;
});

/** What the test did is undone, nobody else has seen it, and the database is what it was. */
async function expectUndone(): Promise<void> {
  expect(await committed()).toEqual(["before"]);
  await opened!.restore();
  expect(await committed()).toEqual(["before"]);
  expect(await inside()).toEqual(["before"]);
  expect(database.dataSource.driver.lender.isSandboxed).toBe(false);
}

describe("what the code under test commits in a sandbox is there, and undone by restore()", () => {
  const ways: [string, () => Promise<unknown>][] = [
    ["a session", () => database.session(({ manager }) => manager.insert(Note, { text: "new" }))],
    [
      "a unit of work",
      () => database.session((session) => session.add(session.manager.create(Note, { text: "new" }))),
    ],
    [
      "a nested session",
      () => database.session(() => database.session(({ manager }) => manager.insert(Note, { text: "new" }))),
    ],
    ["a repository", () => database.getRepository(Note).save({ text: "new" })],
    ["a repository's insert()", () => database.getRepository(Note).insert({ text: "new" })],
    ["exec", () => write("new")],
    ["execScript", () => database.execScript("INSERT INTO notes (text) VALUES ('new'); SELECT 1")],
    ["insertMany", () => database.insertMany(Note, [{ text: "new" }])],
    [
      "a transaction of the data source",
      () => database.dataSource.transaction((manager) => manager.insert(Note, { text: "new" })),
    ],
    [
      "a query runner's own transaction",
      async () => {
        const runner = database.dataSource.createQueryRunner();
        await runner.startTransaction();
        await runner.manager.insert(Note, { text: "new" });
        await runner.startTransaction();
        await runner.manager.insert(Note, { text: "rolled back" });
        await runner.rollbackTransaction();
        await runner.commitTransaction();
        await runner.release();
      },
    ],
    [
      "a manual session",
      async () => {
        await using session = await database.openSession();
        await session.manager.insert(Note, { text: "new" });
        await session.commit();
        await session.manager.insert(Note, { text: "not committed" });
      },
    ],
    [
      "detached work",
      () => {
        let work: Promise<unknown> | undefined;
        return database
          .session(() => {
            work = database.detach(() => write("new"));
          })
          .then(() => work);
      },
    ],
    [
      "a batch that returns rows",
      () => database.exec("INSERT INTO notes (text) VALUES ('new') RETURNING id"),
    ],
  ];
  it.each(ways)("%s", async (_, act) => {
    await open();
    await act();
    expect(await inside()).toEqual(["before", "new"]);
    await expectUndone();
  });
});

it("what a request handler does, which the test did not call, is undone too", async () => {
  const server = createServer((_, response) => {
    database
      .session(({ manager }) => manager.insert(Note, { text: "by the server" }))
      .then(() => response.writeHead(201).end());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await open();
    const { port } = server.address() as AddressInfo;
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(201);
    expect(await inside()).toEqual(["before", "by the server"]);
    await expectUndone();
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

it("a session that fails is rolled back by itself", async () => {
  await open();
  await write("first");
  const failing = database.session(async ({ manager }) => {
    await manager.insert(Note, { text: "second" });
    throw new Error("no");
  });
  await expect(failing).rejects.toThrow("no");
  expect(await inside()).toEqual(["before", "first"]);
  await expectUndone();
});

it("a statement that SQLite refuses leaves nothing, and the sandbox goes on", async () => {
  await open();
  await expect(write("before")).rejects.toThrow(ConstraintError);
  await write("after");
  expect(await inside()).toEqual(["before", "after"]);
  await expectUndone();
});

it("a read-only session and a stream see what was committed in the sandbox, and cannot write", async () => {
  await open();
  await write("new");
  const seen = await database.session(
    async (session) => {
      await expect(session.exec("DELETE FROM notes")).rejects.toThrow(ReadonlyError);
      return (await session.exec(NOTES)).scalars();
    },
    { readonly: true },
  );
  expect(seen).toEqual(["before", "new"]);
  await expect(database.exec("DELETE FROM notes", {}, { readonly: true })).rejects.toThrow(ReadonlyError);
  await write("writable again");
  await expectUndone();
});

it("rows can be written while others are streamed, which come from one snapshot", async () => {
  await open();
  await database.insertMany(
    Account,
    Array.from({ length: 500 }, (_, id) => ({ id: id + 1 })),
  );
  let rows = 0;
  for await (const { id } of database.stream<{ id: number }>("SELECT id FROM accounts")) {
    rows++;
    await database.exec("INSERT INTO accounts (id) VALUES (:id)", { id: id + 1000 });
  }
  expect(rows).toBe(500);
  expect((await database.exec("SELECT count(*) FROM accounts")).scalar()).toBe(1000);
  await expectUndone();
});

it("sessions at the same time do not mix, and keep exact totals", async () => {
  await open();
  await database.exec("INSERT INTO accounts (id, balance) VALUES (1, 0)");
  const outcomes = await Promise.allSettled(
    Array.from({ length: 20 }, (_, index) =>
      database.session(async (session) => {
        const balance = (await session.exec<{ balance: number }>("SELECT balance FROM accounts")).scalar();
        await settleNative();
        await session.exec("UPDATE accounts SET balance = :balance", { balance: Number(balance) + 1 });
        if (index % 4 === 0) throw new Error("rolled back");
      }),
    ),
  );
  expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(15);
  expect((await database.exec("SELECT balance FROM accounts")).scalar()).toBe(15);
  await expectUndone();
});

it("sequences go back to where they were", async () => {
  await database.exec("CREATE TABLE numbered (id INTEGER PRIMARY KEY AUTOINCREMENT)");
  const next = async () => (await database.exec("INSERT INTO numbered DEFAULT VALUES RETURNING id")).scalar();
  expect(await next()).toBe(1);
  await open();
  expect(await next()).toBe(2);
  await opened!.restore();
  expect(await next()).toBe(2);
});

it("tables that the code under test creates are gone afterwards", async () => {
  await open();
  await database.exec("CREATE TABLE extra (id INTEGER)");
  await database.exec("INSERT INTO extra VALUES (1)");
  await opened!.restore();
  await expect(database.exec("SELECT * FROM extra")).rejects.toThrow("no such table");
});

it("a deferred foreign key that is broken fails the commit, and the session is rolled back", async () => {
  await database.execScript(`
    CREATE TABLE parents (id INTEGER PRIMARY KEY);
    CREATE TABLE children (parent INTEGER REFERENCES parents DEFERRABLE INITIALLY DEFERRED)`);
  await open();
  const orphan = "INSERT INTO children VALUES (1)";
  for (const attempt of [database.exec(orphan), database.session((session) => session.exec(orphan))]) {
    expect(await rejection(attempt)).toMatchObject({ code: "SQLITE_CONSTRAINT", kind: "foreignKey" });
  }
  await database.session(async (session) => {
    await session.exec(orphan);
    await session.exec("INSERT INTO parents VALUES (1)");
  });
  expect((await database.exec("SELECT count(*) FROM children")).scalar()).toBe(1);
});

it("a sandbox in a sandbox undoes its own part only", async () => {
  const outer = await open();
  await write("outer");
  await using inner = await sandbox(database);
  await database.session(({ manager }) => manager.insert(Note, { text: "inner" }));
  expect(await inside()).toEqual(["before", "outer", "inner"]);
  await inner.restore();
  expect(await inside()).toEqual(["before", "outer"]);
  await outer.restore();
  await expectUndone();
});

it("restoring the outer one of two restores both, and sandboxes opened together are nested", async () => {
  const [outer, inner] = await Promise.all([sandbox(database), sandbox(database)]);
  opened = inner;
  await write("inner");
  await outer.restore();
  expect(await inside()).toEqual(["before"]);
  await write("outside");
  await inner.restore();
  expect(await committed()).toEqual(["before", "outside"]);
});

it("restores at the end of the scope, and restoring again is harmless", async () => {
  {
    await using sandboxed = await open();
    await write("new");
    await sandboxed.restore();
    await Promise.all([sandboxed.restore(), sandboxed.restore()]);
    await write("kept");
  }
  expect(await committed()).toEqual(["before", "kept"]);
});

it("waits for the writer before it, whose work is not undone", async () => {
  const { promise, resolve } = deferred();
  const earlier = database.session(async ({ manager }) => {
    await manager.insert(Note, { text: "earlier" });
    await promise;
  });
  await settleNative();
  const opening = open();
  expect(await isPending(opening)).toBe(true);
  resolve();
  await earlier;
  const { restore } = await opening;
  await write("in the sandbox");
  await restore();
  expect(await committed()).toEqual(["before", "earlier"]);
});

it("code that keeps two transactions open at once is told why it waits", async () => {
  const impatient = await databases.open(
    { entities: [Note], poolTimeout: 0.1 },
    databases.folder.file("other.db"),
  );
  await using _ = await sandbox(impatient);
  await impatient.dataSource.transaction(async (manager) => {
    await manager.insert(Note, { text: "new" });
    await expect(impatient.getRepository(Note).count()).rejects.toThrow(
      "holds the only connection. Use that",
    );
    const detached = impatient.detach(() => impatient.getRepository(Note).count());
    await expect(detached).rejects.toThrow("A sandbox has one connection");
  });
});

it("is refused inside a session, which it would wait for", async () => {
  await database.session(async (session) => {
    await session.exec("DELETE FROM notes");
    await expect(sandbox(database)).rejects.toThrow(PoolTimeoutError);
    await session.rollback();
  });
});

it("sessions that are open at restore() end without a trace", async () => {
  await open();
  const { promise, resolve } = deferred();
  const entered = deferred();
  const session = database.session(async ({ manager }) => {
    await manager.insert(Note, { text: "late" });
    entered.resolve();
    await promise;
    await manager.insert(Note, { text: "later" });
  });
  await entered.promise;
  const waiting = database.session(({ manager }) => manager.insert(Note, { text: "waiting" }));
  await settleNative();
  const refusals = Promise.all([session, waiting].map((one) => rejection(one)));
  await opened!.restore();
  resolve();
  for (const refusal of await refusals) expect(refusal).toBeInstanceOf(SessionClosedError);
  await expectUndone();
  await write("afterwards");
  expect(await committed()).toEqual(["before", "afterwards"]);
});

it.each([false, true])(
  "a statement that runs at restore() is interrupted (readonly: %p)",
  async (readonly) => {
    await open();
    const refusal = rejection(database.exec(LONG_READ, {}, { readonly }));
    await settleNative();
    await opened!.restore();
    expect(await refusal).toBeInstanceOf(SessionClosedError);
    await write("afterwards");
    expect(await committed()).toEqual(["before", "afterwards"]);
  },
);

it("a read-only session that is open at restore() leaves the writer able to write", async () => {
  await open();
  const session = await database.openSession({ readonly: true });
  await session.exec(NOTES);
  await opened!.restore();
  await session.close();
  await write("afterwards");
  expect(await committed()).toEqual(["before", "afterwards"]);
});

it("settings that a session changed do not outlive the sandbox", async () => {
  await open();
  const session = await database.openSession();
  await session.exec("PRAGMA recursive_triggers = ON");
  await opened!.restore();
  await session.close();
  await database.session(async (other) => {
    expect((await other.exec("PRAGMA recursive_triggers")).scalar()).toBe(0);
  });
});

it("what cannot be undone is refused, and leaves everything as it was", async () => {
  await open();
  await write("new");
  const refused = [
    () => database.vacuum(),
    () => database.checkpoint(),
    () => database.backup(databases.folder.file("copy.db")),
    () => database.dropAll(),
    () => database.synchronize(),
    () => database.dataSource.synchronize(true),
    () => database.runMigrations(),
    () => database.undoLastMigration(),
  ];
  for (const operation of refused) {
    expect(await rejection(operation())).toMatchObject({ code: "INSIDE_SANDBOX" });
  }
  await expect(database.exec("BEGIN")).rejects.toThrow("Transactions are not controlled by SQL text");
  expect(await inside()).toEqual(["before", "new"]);
  await expectUndone();
  await database.vacuum();
});

it("is of a database that was awaited, and of nothing else", async () => {
  for (const other of [
    Promise.resolve(database),
    database.dataSource,
    undefined,
    null,
    "app.db",
  ] as never[]) {
    const error = await rejection(sandbox(other));
    expect(error).toMatchObject({ name: "ConfigurationError", code: "CONFIGURATION" });
    expect(error.message).toContain("takes a SqliteDatabase");
  }
});

it("says so when SQLite has rolled everything back, instead of going on outside of it", async () => {
  await open();
  await write("new");
  await expect(database.exec("INSERT OR ROLLBACK INTO notes (text) VALUES ('new')")).rejects.toThrow(
    ConstraintError,
  );
  for (const use of [write("again"), database.session((session) => session.exec(NOTES)), inside()]) {
    expect(await rejection(use)).toMatchObject({ code: "SANDBOX_LOST" });
  }
  await expectUndone();
});

it("says so as well when a timeout has interrupted a write, with which SQLite rolls everything back", async () => {
  await open();
  await write("new");
  const endless =
    "INSERT INTO notes (text) WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
  await expect(database.exec(endless, {}, { timeout: 0.05 })).rejects.toThrow(SessionTimeoutError);
  const error = await rejection(inside());
  expect(error).toMatchObject({ code: "SANDBOX_LOST", cause: expect.any(SessionTimeoutError) });
  expect(error.message).toContain("whose timeout or signal interrupts a write");
  await expectUndone();
});

it("closing the database undoes what is in the sandbox", async () => {
  await open();
  await write("new");
  await database.close();
  expect(await committed()).toEqual(["before"]);
  await database.init();
  expect(await inside()).toEqual(["before"]);
  await opened!.restore();
  await write("afterwards");
  expect(await committed()).toEqual(["before", "afterwards"]);
});

it("holds the write lock of the file, and lets others read", async () => {
  await open();
  await write("new");
  await withRaw(databases.path, async (raw) => {
    await expect(raw.exec("BEGIN IMMEDIATE")).rejects.toThrow("locked");
    expect(await raw.all(NOTES)).toHaveLength(1);
  });
  await expectUndone();
  await withRaw(databases.path, (raw) => raw.exec("BEGIN IMMEDIATE; ROLLBACK"));
});

it("works on a database in memory", async () => {
  const memory = await databases.open({ entities: [Note] }, ":memory:");
  const { restore } = await sandbox(memory);
  await memory.session(({ manager }) => manager.insert(Note, { text: "new" }));
  expect(await memory.getRepository(Note).count()).toBe(1);
  await restore();
  expect(await memory.getRepository(Note).count()).toBe(0);
});

it("is refused before init()", async () => {
  const refusal = await rejection(sandbox(databases.make()));
  expect(refusal).toBeInstanceOf(DatabaseError);
  expect(refusal).toMatchObject({ code: "NOT_INITIALIZED" });
});
