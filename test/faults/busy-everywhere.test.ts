import { BusyError } from "../../src/errors";
import type { SqliteDatabase } from "../../src/sqlite-database";
import { rejection } from "../support/data-sources";
import { testDatabases } from "../support/databases";
import { isPending } from "../support/deferred";
import { RawDatabase, rawExec, rawRead } from "../support/raw-database";
import { NOTES, Note } from "../support/small-entities";

// Without WAL, where a reader makes COMMIT busy, and a writer that commits makes the first read of anyone busy.
// A raw connection stands for the other process.

const databases = testDatabases();
let other: RawDatabase;
beforeEach(async () => {
  await rawExec(
    databases.path,
    `CREATE TABLE notes (id integer PRIMARY KEY, text varchar NOT NULL UNIQUE);
     CREATE TABLE log (text);
     CREATE TRIGGER logging AFTER INSERT ON notes BEGIN INSERT INTO log VALUES (new.text); END;`,
  );
  other = await RawDatabase.open(databases.path);
});
afterEach(() => other.close());

const texts = async () => (await rawRead(databases.path, NOTES)).map(({ text }) => text);
const log = async () => (await rawRead(databases.path, "SELECT text FROM log")).map(({ text }) => text);
const open = (busyTimeout: number) =>
  databases.open({ entities: [Note], busyTimeout, pragmas: { journal_mode: "DELETE" } });

/** Keeps others from committing. */
const READS = "BEGIN; SELECT count(*) FROM notes";
/** Keeps others from reading too. */
const WRITES = "BEGIN EXCLUSIVE";

const note = { text: "a note" };
const INSERT = "INSERT INTO notes (text) VALUES ('a note')";

async function withRunner(database: SqliteDatabase, ...statements: string[]): Promise<void> {
  const runner = database.dataSource.createQueryRunner();
  try {
    for (const sql of statements) await runner.query(sql);
  } finally {
    await runner.release();
  }
}

const COMMITS: [string, (database: SqliteDatabase) => Promise<unknown>][] = [
  ["exec", (database) => database.exec(INSERT)],
  ["exec with RETURNING", (database) => database.exec(`${INSERT} RETURNING id`)],
  ["a script", (database) => database.execScript(INSERT)],
  ["a repository", (database) => database.getRepository(Note).insert(note)],
  ["insertMany", (database) => database.insertMany(Note, [note])],
  ["session", (database) => database.session((session) => session.add(session.manager.create(Note, note)))],
  [
    "session.commit",
    async (database) => {
      await using session = await database.openSession();
      await session.manager.insert(Note, note);
      await session.commit();
    },
  ],
  ["dataSource.transaction", ({ dataSource }) => dataSource.transaction((m) => m.insert(Note, note))],
  ["a raw transaction", (database) => withRunner(database, "BEGIN", INSERT, "COMMIT")],
  ["a raw savepoint", (database) => withRunner(database, "SAVEPOINT s", INSERT, "RELEASE s")],
  [
    "a runner with a connection of its own",
    (database) => withRunner(database, "CREATE TEMP TABLE t (n)", INSERT),
  ],
];

describe.each(COMMITS)("the COMMIT of %s", (_, write) => {
  test("waits for a reader of another process, and then has written once", async () => {
    const database = await open(60);
    await other.exec(READS);
    const written = write(database);
    expect(await isPending(written)).toBe(true);
    await other.exec("COMMIT");
    await written;
    expect([await texts(), await log()]).toEqual([["a note"], ["a note"]]);
  });

  test("that waits in vain is a BusyError, has written nothing, and harms nobody after it", async () => {
    const database = await open(0.03);
    await other.exec(READS);
    expect(await rejection(write(database))).toBeInstanceOf(BusyError);
    await other.exec("COMMIT");
    expect([await texts(), await log()]).toEqual([[], []]);
    await write(database);
    expect([await texts(), await log()]).toEqual([["a note"], ["a note"]]);
    expect(database.stats().writer).toMatchObject({ busy: false, waiting: 0 });
  });
});

const READERS: [string, (database: SqliteDatabase) => Promise<unknown>][] = [
  ["exec", (database) => database.exec(NOTES)],
  ["a repository", (database) => database.getRepository(Note).count()],
  [
    "a read-only session",
    (database) => database.session((session) => session.manager.count(Note), { readonly: true }),
  ],
  [
    "a stream",
    async (database) => {
      for await (const _ of database.stream("SELECT 1 AS one FROM notes")) break;
    },
  ],
  ["createAll", (database) => database.createAll()],
  ["synchronize", (database) => database.synchronize()],
  ["checkIntegrity", (database) => database.checkIntegrity()],
  ["vacuum", (database) => database.vacuum()],
  ["a copy", (database) => database.vacuum({ into: databases.folder.file("copy.db") })],
  ["a backup", (database) => database.backup(databases.folder.file("backup.db"))],
  ["optimize", (database) => database.optimize()],
  ["dropAll", (database) => database.dropAll()],
];

describe.each(READERS)("the first read of %s", (_, read) => {
  test("waits for another process that writes, and then succeeds", async () => {
    const database = await open(60);
    await other.exec(WRITES);
    const done = read(database);
    expect(await isPending(done)).toBe(true);
    await other.exec("COMMIT");
    await done;
  });

  test("that waits in vain is a BusyError and harms nobody after it", async () => {
    const database = await open(0.03);
    await other.exec(WRITES);
    expect(await rejection(read(database))).toBeInstanceOf(BusyError);
    await other.exec("COMMIT");
    await read(database);
    expect(database.stats()).toMatchObject({ readers: { active: 0 }, writer: { busy: false, waiting: 0 } });
  });
});
