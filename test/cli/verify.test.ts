import {
  closeSync,
  fstatSync,
  openSync,
  readFileSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { SqliteDatabase } from "../../src";
import { ENTITIES, stateOf } from "../../src/cli/torture/entities";
import { type Entry, Ledger, positionsOf } from "../../src/cli/torture/ledger";
import { Random } from "../../src/cli/torture/random";
import { RunFolder } from "../../src/cli/torture/run-folder";
import { settle } from "../../src/cli/torture/settle";
import { verify, verifyLive } from "../../src/cli/torture/verify";
import { Writer } from "../../src/cli/torture/writer";
import { rawExec, rawRead } from "../support/raw-database";
import { temporaryFolder } from "../support/temporary-folder";

const temporary = temporaryFolder();
const SESSIONS = 60;

/** What a worker that was not killed leaves behind, with a backup made half-way. */
async function makeRun(name = "run", seed = 1): Promise<RunFolder> {
  const folder = new RunFolder(temporary.file(name));
  folder.make();
  const ledger = new Ledger(join(folder.ledgers, "w1.log"));
  await using database = await new SqliteDatabase(folder.database, { entities: ENTITIES }).init();
  const writer = new Writer(database, ledger, new Random(seed), "w1.0");
  for (let session = 0; session < SESSIONS; session++) {
    if (session === SESSIONS / 2) {
      const backup = { name: "w1-1.db", since: positionsOf(folder.ledgers) };
      ledger.append({ kind: "begun", activity: "backup", backup });
      await database.backup(join(folder.backups, backup.name));
      ledger.append({ kind: "done", activity: "backup", backup });
    }
    await writer.write();
  }
  ledger.close();
  return folder;
}

/** A second ledger, as of another process. */
function note(folder: RunFolder, ...entries: Entry[]): void {
  const ledger = new Ledger(join(folder.ledgers, "w2.log"));
  for (const entry of entries) ledger.append(entry);
  ledger.close();
}

async function anyBatch(folder: RunFolder): Promise<string> {
  const [row] = await rawRead(
    folder.database,
    "SELECT batch_id FROM items GROUP BY batch_id HAVING count(*) > 1 LIMIT 1",
  );
  return String(row?.batch_id);
}

const WHOLE = `INSERT INTO batches VALUES ('w2.0.1', '${stateOf(["whole"])}');
  INSERT INTO items (batch_id, position, payload) VALUES ('w2.0.1', 0, 'whole')`;
const INTENT: Entry = { kind: "intent", batch: "w2.0.1", state: stateOf(["whole"]) };

test("a run in which nothing was lost has no problems", async () => {
  const folder = await makeRun();
  const findings = await verify(folder);
  expect(findings).toMatchObject({ problems: [], unacknowledged: 0, backups: 1, leftovers: 0 });
  const { acknowledged, rolledBack, refused } = findings.counts;
  expect(acknowledged + rolledBack).toBe(SESSIONS);
  expect(rolledBack).toBeGreaterThan(0);
  expect(refused).toBe(0);
  expect(await verifyLive(folder)).toEqual([]);
});

test("the same seed makes the same choices", async () => {
  const ledgerOf = async (name: string, seed: number) =>
    readFileSync(join((await makeRun(name, seed)).ledgers, "w1.log"), "utf8");
  const first = await ledgerOf("a", 5);
  expect(await ledgerOf("b", 5)).toBe(first);
  expect(await ledgerOf("c", 6)).not.toBe(first);
});

describe("of a session that was killed before it was acknowledged", () => {
  test("all may be there", async () => {
    const folder = await makeRun();
    await rawExec(folder.database, WHOLE);
    note(folder, INTENT);
    expect(await verify(folder)).toMatchObject({ problems: [], unacknowledged: 1 });
  });

  test("nothing may be there, and a line cut short in its ledger does not matter", async () => {
    const folder = await makeRun();
    note(folder, INTENT);
    writeFileSync(join(folder.ledgers, "w2.log"), '{"kind":"ackn', { flag: "a" });
    expect(await verify(folder)).toMatchObject({ problems: [], unacknowledged: 0 });
  });

  test("what was found must be found from then on", async () => {
    const folder = await makeRun();
    await rawExec(folder.database, WHOLE);
    note(folder, INTENT);
    const { contents } = await verify(folder);
    await settle(folder, contents!);
    expect((await verify(folder)).problems).toEqual([]);
    await rawExec(folder.database, "DELETE FROM items WHERE batch_id = 'w2.0.1'");
    await rawExec(folder.database, "DELETE FROM batches WHERE id = 'w2.0.1'");
    expect((await verify(folder)).problems).toEqual([
      `batch w2.0.1 is lost: it was acknowledged as ${stateOf(["whole"])}`,
    ]);
  });
});

describe("a problem is", () => {
  test("an acknowledged batch that is not there", async () => {
    const folder = await makeRun();
    note(folder, INTENT, { kind: "acknowledged", batch: "w2.0.1" });
    const problem = `batch w2.0.1 is lost: it was acknowledged as ${stateOf(["whole"])}`;
    expect((await verify(folder)).problems).toEqual([problem]);
    expect(await verifyLive(folder)).toEqual([problem]);
  });

  test("an acknowledged removal that is undone", async () => {
    const folder = await makeRun();
    await rawExec(folder.database, WHOLE);
    note(folder, INTENT, { kind: "acknowledged", batch: "w2.0.1" });
    expect((await verify(folder)).problems).toEqual([]);
    note(
      folder,
      { kind: "intent", batch: "w2.0.1", state: "gone" },
      { kind: "acknowledged", batch: "w2.0.1" },
    );
    expect((await verify(folder)).problems).toEqual([
      "batch w2.0.1 is there, and must not be: no session has left it behind",
    ]);
  });

  test.each(["an item less", "an item more", "an item that is another"])("a batch with %s", async (what) => {
    const folder = await makeRun();
    const batch = await anyBatch(folder);
    const damage = {
      "an item less": `DELETE FROM items WHERE batch_id = '${batch}' AND position = 1`,
      "an item more": `INSERT INTO items (batch_id, position, payload) VALUES ('${batch}', 99, '')`,
      "an item that is another": `UPDATE items SET payload = '' WHERE batch_id = '${batch}' AND position = 1`,
    }[what];
    await rawExec(folder.database, damage!);
    const { problems } = await verify(folder);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(`batch ${batch} is there in part: it has `);
  });

  test("items without their batch, for which foreign_key_check finds no parent either", async () => {
    const folder = await makeRun();
    const batch = await anyBatch(folder);
    await rawExec(folder.database, `PRAGMA foreign_keys = OFF; DELETE FROM batches WHERE id = '${batch}'`);
    const { problems } = await verify(folder);
    expect(problems).toContainEqual(
      expect.stringMatching(/^foreign_key_check: row \d+ of items has no batches$/),
    );
    expect(problems).toContain(`batch ${batch} is there in part: it has items, but no row of its own`);
  });

  test("a batch that nobody wrote", async () => {
    const folder = await makeRun();
    await rawExec(folder.database, WHOLE);
    expect((await verify(folder)).problems).toEqual([
      "batch w2.0.1 is there, and must not be: no session has left it behind",
    ]);
  });

  test.each<[string, Entry[], string]>([
    ["rolled back", [{ kind: "doomed", batch: "w2.0.1" }], "its session was rolled back"],
    [
      "refused",
      [INTENT, { kind: "rejected", batch: "w2.0.1", code: "SQLITE_BUSY" }],
      "no session has left it behind",
    ],
  ])("a batch whose session was %s", async (_, entries, reason) => {
    const folder = await makeRun();
    await rawExec(folder.database, WHOLE);
    note(folder, ...entries);
    expect((await verify(folder)).problems).toEqual([`batch w2.0.1 is there, and must not be: ${reason}`]);
  });

  test("a damaged file", async () => {
    const folder = await makeRun();
    overwriteMiddle(folder.database);
    const { problems } = await verify(folder);
    expect(problems).toContainEqual(expect.stringMatching(/^integrity_check: /));
  });

  test("a file that is no database, or none at all", async () => {
    const folder = await makeRun();
    truncateSync(folder.database, 1000);
    expect((await verify(folder)).problems).toEqual([
      expect.stringMatching(/^(it cannot be read|integrity_check): /),
    ]);
    truncateSync(folder.database, 0);
    expect((await verify(folder)).problems).not.toEqual([]);
  });

  test("whatever a worker notes as one", async () => {
    const folder = await makeRun();
    note(folder, { kind: "problem", message: "session w2.0.1 failed: QueryError: disk I/O error" });
    expect((await verify(folder)).problems).toEqual(["session w2.0.1 failed: QueryError: disk I/O error"]);
  });
});

describe("of the backups", () => {
  test("one that lacks what was acknowledged before it began is a problem", async () => {
    const folder = await makeRun();
    const backup = { name: "w1-1.db", since: positionsOf(folder.ledgers) };
    // As if it had been begun after the last session, and not half-way.
    note(folder, { kind: "begun", activity: "backup", backup });
    const { problems } = await verify(folder);
    expect(problems).toContainEqual(expect.stringMatching(/^backup w1-1\.db: batch w1\.0\.\d+ is lost: /));
  });

  test("one that is damaged is a problem", async () => {
    const folder = await makeRun();
    overwriteMiddle(join(folder.backups, "w1-1.db"));
    expect((await verify(folder)).problems).toContainEqual(
      expect.stringMatching(/^backup w1-1\.db: integrity_check: /),
    );
  });

  test("one that was acknowledged and is not there is a problem", async () => {
    const folder = await makeRun();
    const backup = { name: "w2-1.db", since: {} };
    note(folder, { kind: "begun", activity: "backup", backup });
    expect((await verify(folder)).problems).toEqual([]);
    note(folder, { kind: "done", activity: "backup", backup });
    expect((await verify(folder)).problems).toEqual(["backup w2-1.db was acknowledged, and is not there"]);
  });

  test("an unfinished one is not taken for a backup, unless it has the name of one", async () => {
    const folder = await makeRun();
    writeFileSync(join(folder.backups, ".w2-1.db.f00.part"), "half");
    writeFileSync(join(folder.backups, ".w2-1.db.f00.part-journal"), "half");
    expect(await verify(folder)).toMatchObject({ problems: [], backups: 1, leftovers: 2 });
    writeFileSync(join(folder.backups, "w2-1.db"), "half");
    expect((await verify(folder)).problems).toEqual(["w2-1.db looks like a backup, but nobody made it"]);
    note(folder, { kind: "begun", activity: "backup", backup: { name: "w2-1.db", since: {} } });
    expect((await verify(folder)).problems).toEqual([expect.stringMatching(/^backup w2-1\.db: /)]);
  });
});

function overwriteMiddle(path: string): void {
  const file = openSync(path, "r+");
  const { size } = fstatSync(file);
  for (let at = 2 * 4096; at < size; at += 4096) writeSync(file, Buffer.alloc(2048, 0xff), 0, 2048, at);
  closeSync(file);
}
