import {
  closeSync,
  copyFileSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { CorruptDatabaseError, QueryError } from "../../src/errors";
import type { SqliteDatabase } from "../../src/sqlite-database";
import { rejection } from "../support/data-sources";
import { testDatabases } from "../support/databases";
import { openFiles } from "../support/open-files";
import { chooseSeed, Random } from "../support/random";
import { RawDatabase, rawExec } from "../support/raw-database";
import { NOTES, Note } from "../support/small-entities";
import { within } from "../support/within";

const databases = testDatabases();
const PAGE = 4096;
/** What hangs, hangs for ever. */
const SOON = 10;

const MANY = `
  PRAGMA journal_mode = WAL;
  CREATE TABLE notes (id integer PRIMARY KEY AUTOINCREMENT, text varchar NOT NULL UNIQUE);
  INSERT INTO notes (text)
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) SELECT 'note ' || i FROM n;
`;

function overwrite(path: string, at: number, bytes: Buffer): void {
  const file = openSync(path, "r+");
  writeSync(file, bytes, 0, bytes.length, at);
  closeSync(file);
}

/** Makes rubbish of the pages behind the first two. */
function spoil(): void {
  const { size } = statSync(databases.path);
  for (let page = 2; page * PAGE < size; page++) {
    overwrite(databases.path, page * PAGE, Buffer.alloc(PAGE, 0xa5));
  }
}

/** Every way to read all of the file. */
const READS: [string, (database: SqliteDatabase) => Promise<unknown>][] = [
  ["exec", (database) => database.exec("SELECT sum(length(text)) FROM notes NOT INDEXED")],
  ["a repository", (database) => database.getRepository(Note).find()],
  [
    "a session",
    (database) => database.session((session) => session.exec("SELECT text FROM notes"), { readonly: true }),
  ],
  [
    "a stream",
    async (database) => {
      for await (const _ of database.stream("SELECT text FROM notes"));
    },
  ],
  ["a write", (database) => database.exec("UPDATE notes SET text = text || '!'")],
];

describe("of a damaged database", () => {
  beforeEach(() => rawExec(databases.path, MANY));

  test.each(READS)("%s is told, and what comes next takes another connection", async (_, read) => {
    const whole = readFileSync(databases.path);
    spoil();
    const database = await databases.open({ entities: [Note] });
    const error = await rejection(within(SOON, read(database)));
    expect(error).toBeInstanceOf(CorruptDatabaseError);
    expect(error).toMatchObject({ code: "SQLITE_CORRUPT" });
    expect(error.message).toContain("Restore the file from a backup");
    // At once, before any connection has been idle for long enough to be tested.
    overwrite(databases.path, 0, whole);
    await read(database);
    expect(await database.checkIntegrity()).toMatchObject({ ok: true });
  });

  test("a backup is refused, and there is no copy that someone might trust", async () => {
    spoil();
    const database = await databases.open({ entities: [Note] });
    await expect(within(SOON, database.backup(databases.folder.file("backup.db")))).rejects.toThrow();
    expect(readdirSync(databases.folder.path).filter((name) => name.includes("backup"))).toEqual([]);
  });

  test("random bytes that were flipped make errors of SQLite or other texts, never a hang or a crash", async () => {
    const random = new Random(chooseSeed());
    const { size } = statSync(databases.path);
    for (let time = 0; time < 10; time++) {
      const damaged = databases.folder.file(`damaged-${time}.db`);
      copyFileSync(databases.path, damaged);
      for (let flip = 0; flip < 20; flip++) {
        // Not the header, whose damage keeps the file from being opened at all.
        overwrite(damaged, PAGE + random.below(size - PAGE), Buffer.from([random.below(256)]));
      }
      const database = await databases.open({ entities: [Note], createAll: false }, damaged);
      for (const [, read] of READS) {
        const outcome = await within(
          SOON,
          read(database).catch((error: unknown) => error),
        );
        if (outcome instanceof Error && !(outcome instanceof QueryError)) {
          throw new Error(`seed ${random.seed}`, { cause: outcome });
        }
      }
      await within(SOON, database.checkIntegrity());
      await within(SOON, database.close());
      expect(openFiles(damaged)).toEqual([]);
    }
  });

  test("that was cut off opening tells, and leaves nothing open", async () => {
    truncateSync(databases.path, 3 * PAGE);
    const opened = databases.open({ entities: [Note] });
    expect(await rejection(opened)).toBeInstanceOf(CorruptDatabaseError);
    expect(openFiles(databases.path)).toEqual([]);
  });

  test("that was cut off while it was open every read tells", async () => {
    const database = await databases.open({ entities: [Note] });
    truncateSync(databases.path, 3 * PAGE);
    for (const [, read] of READS) {
      expect(await rejection(within(SOON, read(database)))).toMatchObject({
        code: expect.stringMatching(/^SQLITE_(CORRUPT|IOERR|NOTADB)$/),
      });
    }
    expect(await database.ping()).toBe(false);
  });
});

describe("a -wal of before", () => {
  /** A database whose rows are still in its WAL, as a process leaves it that is killed. */
  async function crashed(): Promise<{ file: Buffer; wal: Buffer }> {
    const raw = await RawDatabase.open(databases.folder.file("crashed.db"));
    await raw.exec(
      "PRAGMA journal_mode = WAL; CREATE TABLE notes (id integer PRIMARY KEY AUTOINCREMENT, text varchar NOT NULL UNIQUE); PRAGMA wal_checkpoint",
    );
    for (let n = 0; n < 10; n++) await raw.exec(`INSERT INTO notes (text) VALUES ('note ${n}')`);
    const file = readFileSync(databases.folder.file("crashed.db"));
    const wal = readFileSync(databases.folder.file("crashed.db-wal"));
    await raw.close();
    return { file, wal };
  }

  const opened = async (file: Buffer, wal: Buffer): Promise<SqliteDatabase> => {
    writeFileSync(databases.path, file);
    writeFileSync(`${databases.path}-wal`, wal);
    return await databases.open({ entities: [Note] });
  };

  test("is recovered", async () => {
    const { file, wal } = await crashed();
    const database = await opened(file, wal);
    expect((await database.exec(NOTES)).rows).toHaveLength(10);
  });

  test("that was truncated in the middle gives the commits before that, whole", async () => {
    const { file, wal } = await crashed();
    const database = await opened(file, wal.subarray(0, Math.floor(wal.length * 0.6)));
    const rows = (await database.exec(NOTES)).scalars();
    expect(rows.length).toBeGreaterThan(0);
    expect(rows).toEqual(Array.from({ length: rows.length }, (_, n) => `note ${n}`));
    expect(rows.length).toBeLessThan(10);
    expect(await database.checkIntegrity()).toMatchObject({ ok: true });
    await database.getRepository(Note).insert({ text: "goes on" });
  });

  test("with a damaged frame gives the commits before that, whole", async () => {
    const { file, wal } = await crashed();
    wal.fill(0xa5, Math.floor(wal.length / 2), Math.floor(wal.length / 2) + 8);
    const database = await opened(file, wal);
    const rows = (await database.exec(NOTES)).scalars();
    expect(rows).toEqual(Array.from({ length: rows.length }, (_, n) => `note ${n}`));
    expect(rows.length).toBeLessThan(10);
    expect(await database.checkIntegrity()).toMatchObject({ ok: true });
  });

  test("that is something else is not taken for one", async () => {
    const { file } = await crashed();
    const database = await opened(file, Buffer.from("this is a letter and no WAL, ".repeat(1000)));
    expect((await database.exec(NOTES)).rows).toEqual([]);
    await database.getRepository(Note).insert({ text: "goes on" });
    expect(await database.checkIntegrity()).toMatchObject({ ok: true });
  });
});
