import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DiskFullError, QueryError, ReadonlyDatabaseError } from "../../src/errors";
import type { SqliteDatabase } from "../../src/sqlite-database";
import { runScript } from "../support/child-process";
import { rejection } from "../support/data-sources";
import { testDatabases } from "../support/databases";
import { openFiles } from "../support/open-files";
import { rawExec, rawRead } from "../support/raw-database";
import { canMount, remount, smallDisk } from "../support/small-disk";
import { NOTES, Note } from "../support/small-entities";

const databases = testDatabases();

let texts = 0;

/** Writes in sessions of two rows until one fails; how many did not, and the error of the one that did. */
async function writeUntilItFails(database: SqliteDatabase): Promise<{ written: number; error: Error }> {
  for (let written = 0; ; written++) {
    texts += 2;
    try {
      await database.session(async ({ manager }) => {
        await manager.insert(Note, { text: `${texts} ${"x".repeat(20_000)}` });
        await manager.insert(Note, { text: `${texts + 1}` });
      });
    } catch (error) {
      return { written, error: error as Error };
    }
  }
}

const count = async (database: SqliteDatabase) =>
  (await database.exec("SELECT count(*) FROM notes")).scalar();

test("max_page_count reached is a DiskFullError; what was acknowledged stays, and what is deleted makes room", async () => {
  const database = await databases.open({ entities: [Note], pragmas: { max_page_count: 50 } });
  const { written, error } = await writeUntilItFails(database);
  expect(error).toBeInstanceOf(DiskFullError);
  expect(written).toBeGreaterThan(0);
  expect(await count(database)).toBe(2 * written);
  await database.exec("DELETE FROM notes");
  expect((await writeUntilItFails(database)).written).toBe(written);
  expect(await database.checkIntegrity()).toMatchObject({ ok: true });
});

const onLinux = process.platform === "linux" ? test : test.skip;

onLinux(
  "an I/O error rolls its session back, and the next one succeeds once the reason is gone",
  async () => {
    const script = join(__dirname, "limited.ts");
    const limits = ["--fsize=400000:unlimited"];
    const { output } = await runScript(script, [databases.path, "file size"], 20_000, { limits });
    expect(output).toMatch(
      /^session: QueryError SQLITE_IOERR .*Check the disk.*\nexec: QueryError SQLITE_IOERR .*\nreadable: true\nacknowledged: (\d+)\n$/,
    );
    const [{ n } = {}] = await rawRead(databases.path, "SELECT count(*) AS n FROM notes");
    expect(output).toContain(`acknowledged: ${n}\n`);
  },
);

onLinux(
  "too many open files refuse new connections only, and those only until there are some again",
  async () => {
    const script = join(__dirname, "limited.ts");
    const limits = ["--nofile=100"];
    const { output } = await runScript(script, [databases.path, "open files"], 20_000, { limits });
    expect(output.split("\n")).toEqual([
      expect.stringMatching(/^session: QueryError SQLITE_CANTOPEN .*how many files this process may open/),
      "others: true",
      "afterwards: 2,2,2,2,2,2,2,2,2,2",
      "healthy: true",
      "",
    ]);
  },
);

(canMount ? describe : describe.skip)("a disk of its own", () => {
  const disk = () => databases.folder.file("disk");
  const path = () => join(disk(), "app.db");
  let unmount: () => void;
  beforeEach(() => {
    unmount = smallDisk(disk(), 1024);
  });
  let database: SqliteDatabase | undefined;
  afterEach(async () => {
    await database?.close();
    expect(openFiles(disk())).toEqual([]);
    unmount();
  });

  test("that is full is a DiskFullError; what was acknowledged stays, and room makes it go on", async () => {
    const filler = join(disk(), "filler");
    writeFileSync(filler, Buffer.alloc(400_000));
    database = await databases.open({ entities: [Note] }, path());
    const { written, error } = await writeUntilItFails(database);
    expect(error).toBeInstanceOf(DiskFullError);
    expect(error.message).toContain("Free space on the disk");
    expect(await count(database)).toBe(2 * written);
    // Another one fails in the same way, and not because of the first.
    expect((await writeUntilItFails(database)).error).toBeInstanceOf(DiskFullError);
    expect(database.stats().writer).toMatchObject({ busy: false, waiting: 0 });
    rmSync(filler);
    const more = await writeUntilItFails(database);
    expect(more.written).toBeGreaterThan(0);
    expect(await count(database)).toBeGreaterThanOrEqual(2 * (written + more.written));
    expect(await database.checkIntegrity()).toMatchObject({ ok: true });
  });

  test("with room for the first page and no more is refused when a new file is opened", async () => {
    const filler = join(disk(), "filler");
    writeFileSync(filler, Buffer.alloc(1024 * 1024 - 65_536));
    database = databases.make({ pragmas: { page_size: 65_536 } }, path());
    const refused = await rejection(database.init());
    expect(refused).toMatchObject({ code: "SQLITE_IOERR", message: expect.stringContaining(path()) });
    expect(openFiles(disk())).toEqual([]);
    rmSync(filler);
    await database.init();
    expect(await database.ping()).toBe(true);
  });

  test("that is read-only is refused when opening, by an error that names the place and leaves nothing open", async () => {
    database = await databases.open({ entities: [Note] }, path());
    await database.getRepository(Note).insert({ text: "before" });
    await database.close();
    remount(disk(), "ro");
    for (const mode of ["", "?mode=rw"]) {
      const refused = await rejection(databases.open({ entities: [Note] }, path() + mode));
      expect(refused).toBeInstanceOf(QueryError);
      expect(refused.message).toMatch(/app\.db.*its folder may be written to, as WAL needs/);
    }
    expect(openFiles(disk())).toEqual([]);
    remount(disk(), "rw");
    await database.init();
    await database.getRepository(Note).insert({ text: "after" });
    expect((await database.exec(NOTES)).scalars()).toEqual(["before", "after"]);
  });

  test("that is read-only is read with ?mode=ro", async () => {
    await rawExec(
      path(),
      "PRAGMA journal_mode = DELETE; CREATE TABLE notes (id, text); INSERT INTO notes VALUES (1, 'x')",
    );
    remount(disk(), "ro");
    database = await databases.open({}, `${path()}?mode=ro`);
    expect((await database.exec(NOTES)).scalars()).toEqual(["x"]);
    const refused = await rejection(database.exec("DELETE FROM notes"));
    expect(refused).toBeInstanceOf(ReadonlyDatabaseError);
    expect(readdirSync(disk())).toEqual(["app.db"]);
  });
});
