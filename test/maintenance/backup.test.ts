import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename } from "node:path";
import { pathToFileURL } from "node:url";
import type { BackupProgress } from "../../src";
import { DatabaseClosedError, DatabaseError, DiskFullError } from "../../src/errors";
import type { SqliteDatabase } from "../../src/sqlite-database";
import { rejection } from "../support/data-sources";
import { testDatabases } from "../support/databases";
import { deferred, settleNative } from "../support/deferred";
import { openFiles } from "../support/open-files";
import { rawRead } from "../support/raw-database";
import { canMount, smallDisk } from "../support/small-disk";
import { Account, NOTES, Note } from "../support/small-entities";

const databases = testDatabases();
const target = () => databases.folder.file("backups/copy.db");
const boom = new Error("boom");

/** What is in the folder of the backups. */
const left = () => readdirSync(databases.folder.file("backups"));

let database: SqliteDatabase;
beforeEach(async () => {
  mkdirSync(databases.folder.file("backups"));
  database = await databases.open({ entities: [Note, Account] });
  await database.exec("CREATE TABLE bulk (id INTEGER PRIMARY KEY, data)");
  await database.exec(
    "INSERT INTO bulk (data) SELECT randomblob(4000) FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) SELECT i FROM n)",
  );
});

test("the copy has everything, and the database goes on", async () => {
  await database.getRepository(Note).insert({ text: "kept" });
  await database.backup(target());
  await database.getRepository(Note).insert({ text: "later" });
  expect(await rawRead(target(), NOTES)).toEqual([{ text: "kept" }]);
  expect(await rawRead(target(), "SELECT count(*) AS n, sum(length(data)) AS size FROM bulk")).toEqual([
    { n: 3000, size: 12_000_000 },
  ]);
  expect(await rawRead(target(), "PRAGMA integrity_check")).toEqual([{ integrity_check: "ok" }]);
  expect(left()).toEqual(["copy.db"]);
  const copy = await databases.open({ entities: [Note] }, target());
  await copy.getRepository(Note).insert({ text: "in the copy" });
  expect(await copy.getRepository(Note).count()).toBe(2);
});

test("under full write load it is of one moment, and no writer waits for its end", async () => {
  const accounts = 10;
  await database.insertMany(
    Account,
    Array.from({ length: accounts }, (_, id) => ({ id, balance: 100 })),
  );
  let copying = true;
  let written = 0;
  let writtenMeanwhile = 0;
  const writers = Array.from({ length: 8 }, async (_, id) => {
    while (copying) {
      await database.session(async (session) => {
        await session.exec("UPDATE accounts SET balance = balance - 1 WHERE id = :id", { id });
        await session.exec("UPDATE accounts SET balance = balance + 1 WHERE id = 9");
        await session.exec("INSERT INTO bulk (data) VALUES (randomblob(4000))");
      });
      written++;
    }
  });
  const steps: BackupProgress[] = [];
  await database.backup(target(), {
    onProgress: (progress) => {
      steps.push(progress);
      writtenMeanwhile = written;
      expect(existsSync(target())).toBe(false);
    },
  });
  copying = false;
  await Promise.all(writers);
  expect(writtenMeanwhile).toBeGreaterThan(0);
  const sums = "SELECT sum(balance) AS total, count(*) AS n FROM accounts";
  expect(await rawRead(target(), sums)).toEqual([{ total: 100 * accounts, n: accounts }]);
  expect(await rawRead(target(), "PRAGMA integrity_check")).toEqual([{ integrity_check: "ok" }]);
  expect(steps.length).toBeGreaterThan(3);
  const [first, last] = [steps[0]!, steps.at(-1)!];
  expect(new Set(steps.map(({ totalPages }) => totalPages))).toEqual(new Set([first.totalPages]));
  expect(steps.map(({ remainingPages }) => remainingPages)).toEqual(
    [...steps].map(({ remainingPages }) => remainingPages).sort((a, b) => b - a),
  );
  expect(last.remainingPages).toBe(0);
});

describe("a failed backup leaves nothing behind, and the database as it was:", () => {
  afterEach(async () => {
    expect(database.stats().readers.active).toBe(0);
    expect(openFiles(databases.folder.file("backups"))).toEqual([]);
    if (!database.isInitialized) return;
    await database.getRepository(Note).insert({ text: "after" });
    if (left().length > 0) return;
    await database.backup(target());
    expect(await rawRead(target(), NOTES)).toEqual([{ text: "after" }]);
  });

  test("aborted while it copies", async () => {
    const controller = new AbortController();
    const onProgress = () => controller.abort(boom);
    await expect(database.backup(target(), { onProgress, signal: controller.signal })).rejects.toBe(boom);
    expect(left()).toEqual([]);
  });

  test("aborted before", async () => {
    await expect(database.backup(target(), { signal: AbortSignal.abort(boom) })).rejects.toBe(boom);
    expect(left()).toEqual([]);
  });

  test("onProgress throws", async () => {
    const onProgress = () => {
      throw boom;
    };
    await expect(database.backup(target(), { onProgress })).rejects.toBe(boom);
    expect(left()).toEqual([]);
  });

  test.each([undefined, null, 0, ""])("onProgress throws %p", async (thrown) => {
    const onProgress = () => {
      throw thrown;
    };
    const outcome = await Promise.allSettled([database.backup(target(), { onProgress })]);
    expect(outcome).toEqual([{ status: "rejected", reason: thrown }]);
    expect(left()).toEqual([]);
  });

  test.each([
    ["at its first step", (progress: BackupProgress) => progress.remainingPages > 0],
    ["at its last", (progress: BackupProgress) => progress.remainingPages === 0],
  ])("onProgress rejects %s", async (_, rejects) => {
    let calls = 0;
    const onProgress = async (progress: BackupProgress) => {
      calls++;
      await settleNative();
      if (rejects(progress)) throw boom;
    };
    await expect(database.backup(target(), { onProgress })).rejects.toBe(boom);
    expect(calls).toBeGreaterThan(0);
    expect(left()).toEqual([]);
  });

  test.each(["", "-wal", "-journal"])("copy.db%s exists", async (suffix) => {
    writeFileSync(target() + suffix, "precious");
    const error = await rejection(database.backup(target()));
    expect(error).toMatchObject({ name: "DatabaseError", code: "BACKUP" });
    expect(error.message).toContain(`copy.db${suffix} exists`);
    expect(left()).toEqual([`copy.db${suffix}`]);
  });

  test("a link to nowhere is at the target", async () => {
    symlinkSync(databases.folder.file("nowhere"), target());
    await expect(database.backup(target())).rejects.toMatchObject({ code: "BACKUP" });
    expect(existsSync(databases.folder.file("nowhere"))).toBe(false);
  });

  test("a file of that name came while it copied", async () => {
    const onProgress = () => writeFileSync(target(), "precious");
    const error = await rejection(database.backup(target(), { onProgress }));
    expect(error).toMatchObject({ code: "BACKUP" });
    expect(statSync(target()).size).toBe("precious".length);
    expect(left()).toEqual(["copy.db"]);
  });

  test("the folder is missing", async () => {
    const error = await rejection(database.backup(databases.folder.file("missing/copy.db")));
    expect(error).toMatchObject({ code: "BACKUP" });
    expect(error.message).toContain("Make the folder first");
    expect(error.message).toContain(
      `Cannot write a backup to ${JSON.stringify(databases.folder.file("missing/copy.db"))}`,
    );
    expect(existsSync(databases.folder.file("missing"))).toBe(false);
  });

  test.each([":memory:", "sqlite://"])("%s is no file", async (location) => {
    await expect(database.backup(location)).rejects.toMatchObject({ code: "CONFIGURATION" });
  });

  test("the name is longer than that of a database can be", async () => {
    // SQLite could not keep its -journal beside it.
    for (const length of [248, 300]) {
      const onProgress = jest.fn();
      const long = databases.folder.file(`backups/${"n".repeat(length)}`);
      const error = await rejection(database.backup(long, { onProgress }));
      expect(error).toMatchObject({ name: "DatabaseError", code: "BACKUP" });
      expect(error.message).toContain("too long");
      expect(onProgress).not.toHaveBeenCalled();
    }
    expect(left()).toEqual([]);
  });

  test("the target is the database itself", async () => {
    await expect(database.backup(databases.path)).rejects.toMatchObject({ code: "BACKUP" });
    expect(await database.ping()).toBe(true);
  });

  (canMount ? test : test.skip)("the disk is full", async () => {
    const disk = databases.folder.file("backups/disk");
    const unmount = smallDisk(disk, 1024);
    try {
      const error = await rejection(database.backup(`${disk}/copy.db`));
      expect(error).toBeInstanceOf(DiskFullError);
      expect(readdirSync(disk)).toEqual([]);
    } finally {
      unmount();
      rmdirSync(disk);
    }
  });

  test("the database is closed meanwhile, and the time for closing is over", async () => {
    const impatient = await databases.open({ closeTimeout: 0 });
    const closing = deferred<Promise<void>>();
    const onProgress = () => closing.resolve(impatient.close());
    const failed = rejection(impatient.backup(target(), { onProgress }));
    await await closing.promise;
    expect(await failed).toBeInstanceOf(DatabaseClosedError);
    expect(left()).toEqual([]);
  });
});

test("close() waits for a backup", async () => {
  let closed: Promise<void> | undefined;
  await database.backup(target(), {
    onProgress: () => {
      closed ??= database.close();
    },
  });
  await closed;
  expect(await rawRead(target(), "SELECT count(*) AS n FROM bulk")).toEqual([{ n: 3000 }]);
  expect(openFiles(databases.folder.path)).toEqual([]);
});

test("the copy is as private as the database", async () => {
  await database.close();
  chmodSync(databases.path, 0o600);
  await database.init();
  const modes = new Set<number>();
  await database.backup(target(), {
    onProgress: () => {
      for (const name of left()) modes.add(statSync(databases.folder.file(`backups/${name}`)).mode & 0o777);
    },
  });
  expect(statSync(target()).mode & 0o777).toBe(0o600);
  expect([...modes]).toEqual([0o600]);
});

test("a session's own writes are in it when they are committed", async () => {
  await database.session(async (session) => {
    await session.manager.insert(Note, { text: "not yet" });
    await database.backup(target());
  });
  expect(await rawRead(target(), NOTES)).toEqual([]);
});

test("a database in memory is copied to a file, and the target may be a URL", async () => {
  const memory = await databases.open({ entities: [Note] }, ":memory:");
  await memory.getRepository(Note).insert({ text: "kept" });
  await memory.backup(pathToFileURL(target()));
  expect(await rawRead(target(), NOTES)).toEqual([{ text: "kept" }]);
  expect(left()).toEqual([basename(target())]);
});

test("the name of the copy may be as long as that of a database", async () => {
  const long = databases.folder.file(`backups/${"n".repeat(247)}`);
  await database.backup(long);
  expect(await rawRead(long, "SELECT count(*) AS n FROM bulk")).toEqual([{ n: 3000 }]);
  expect(left()).toHaveLength(1);
});

test("two backups at once are two copies", async () => {
  const other = databases.folder.file("backups/other.db");
  await Promise.all([database.backup(target()), database.backup(other)]);
  expect(left()).toEqual(["copy.db", "other.db"]);
  const outcomes = await Promise.allSettled([1, 2, 3].map(() => database.backup(`${target()}.once`)));
  expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  for (const outcome of outcomes) {
    if (outcome.status === "rejected") expect(outcome.reason).toBeInstanceOf(DatabaseError);
  }
});
