import { join } from "node:path";
import { Column, Entity, PrimaryGeneratedColumn } from "typeorm";
import { ConstraintError } from "../../src/errors";
import type { Session } from "../../src/session/session";
import { runScript } from "../support/child-process";
import { rejection } from "../support/data-sources";
import { testDatabases } from "../support/databases";
import { deferred, settle, settleNative, until } from "../support/deferred";
import { rawRead } from "../support/raw-database";
import { Account, NOTES, Note } from "../support/small-entities";
import { StatementLog } from "../support/statement-log";

const databases = testDatabases();
const boom = new Error("boom");

@Entity("files")
class File {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column("blob")
  bytes!: Uint8Array;
}

/** A log that knows whether rows are on their way that nobody has asked about. */
class InsertLog extends StatementLog {
  inserts = 0;

  override logQuery(query: string): void {
    super.logQuery(query);
    if (/^INSERT INTO "(notes|files)"/.test(query)) this.inserts++;
  }
}

const count = async (session: Session, table: string) =>
  (await session.exec(`SELECT count(*) FROM ${table}`)).scalar();

describe("while the rows of insertMany run that came before", () => {
  test("the next are taken from the source, a chunk of them and not more", async () => {
    const log = new InsertLog();
    const database = await databases.open({ entities: [Note], echo: log });
    await database.session(async (session) => {
      const { promise: end, resolve: letGo } = deferred();
      const held: Promise<void>[] = [];
      let ahead = 0;
      function* rows() {
        // What holds them up until it has ended.
        held.push(session.transaction(() => end));
        for (let index = 0; index < 9000; index++) {
          if (log.inserts === 1) ahead++;
          yield { text: `note ${index}` };
        }
      }
      const inserting = session.insertMany(Note, rows());
      await until(() => ahead > 0);
      await settleNative();
      expect(log.inserts).toBe(1);
      expect(ahead).toBeLessThanOrEqual(2000);
      letGo();
      await Promise.all(held);
      expect(await inserting).toBe(9000);
    });
    expect(await rawRead(databases.path, NOTES)).toHaveLength(9000);
  });

  test.each(["the source throws", "a later row is refused", "they were the last"])(
    "their error is the one that is told, also when %s, and nothing remains",
    async (how) => {
      const log = new InsertLog();
      const database = await databases.open({ entities: [Note], echo: log });
      let closed = 0;
      function* rows() {
        try {
          yield { text: "twice" };
          yield { text: "twice" };
          for (let index = 0; log.inserts === 0 && how !== "they were the last"; index++) {
            yield { text: `note ${index}` };
          }
          if (how === "the source throws") throw boom;
          if (how === "a later row is refused") yield { txet: "x" };
        } finally {
          closed++;
        }
      }
      const error = await rejection(database.insertMany(Note, rows() as Iterable<{ text: string }>));
      expect(error).toBeInstanceOf(ConstraintError);
      await settleNative();
      expect(closed).toBe(1);
      expect(log.inserts).toBe(1);
      expect(await rawRead(databases.path, NOTES)).toEqual([]);
      expect(database.stats().writer.busy).toBe(false);
      expect(await database.insertMany(Note, [{ text: "twice" }])).toBe(1);
    },
  );

  test("their error ends it at the next row, and closes the source", async () => {
    const log = new InsertLog();
    const database = await databases.open({ entities: [Note], echo: log });
    const after: string[] = [];
    const inserting = database.session((session) => {
      async function* rows() {
        try {
          yield { text: "twice" };
          yield { text: "twice" };
          for (let index = 0; log.inserts === 0; index++) yield { text: `note ${index}` };
          // Its answer comes after that of the rows.
          await count(session, "notes");
          await settle();
          for (let index = 0; index < 15; index++) {
            after.push("a row");
            yield { text: `later ${index}` };
          }
          throw boom;
        } finally {
          after.push("closed");
        }
      }
      return session.insertMany(Note, rows());
    });
    expect(await rejection(inserting)).toBeInstanceOf(ConstraintError);
    expect(after).toEqual(["a row", "closed"]);
    expect(await rawRead(databases.path, NOTES)).toEqual([]);
  });

  test("their error, which is told later, does not end the process", async () => {
    const script = join(__dirname, "../support/failing-insert-many.ts");
    const outcome = await runScript(script, [databases.path], 15_000);
    expect(outcome).toEqual({ code: 0, signal: null, output: "ConstraintError\n" });
  });

  test.each([
    ["as JSON", Note, (index: number) => ({ text: `note ${index}` })],
    ["as bound values", File, (index: number) => ({ bytes: Buffer.from(`file ${index}`) })],
  ])("what the source sends itself comes after all of them (%s)", async (_, target, row) => {
    const log = new InsertLog();
    const database = await databases.open({ entities: [Note, File], echo: log });
    let chunks = 0;
    await database.session(async (session) => {
      const table = target === Note ? "notes" : "files";
      async function* rows() {
        let known = 0;
        for (let index = 0; index < 5000; index++) {
          if (log.inserts > known) {
            expect(await count(session, table)).toBe(index);
            known = log.inserts;
            chunks++;
          }
          yield row(index);
        }
      }
      expect(await session.insertMany<File | Note>(target, rows())).toBe(5000);
    });
    expect(chunks).toBeGreaterThan(1);
  });

  test("the event loop has its turn, and what a source sends that waits for nothing comes after them too", async () => {
    const log = new InsertLog();
    const database = await databases.open({ entities: [Note], echo: log });
    const counts: Promise<unknown>[] = [];
    const expected: number[] = [];
    await database.session(async (session) => {
      let hasTurned = false;
      const look = () => {
        hasTurned = false;
        setImmediate(() => {
          hasTurned = true;
        });
      };
      function* rows() {
        let known = 0;
        look();
        for (let index = 0; index < 9000; index++) {
          if (log.inserts > known) {
            expect(hasTurned).toBe(true);
            look();
            known = log.inserts;
            expected.push(index);
            counts.push(count(session, "notes"));
          }
          yield { text: `note ${index}` };
        }
      }
      expect(await session.insertMany(Note, rows())).toBe(9000);
      expect(await Promise.all(counts)).toEqual(expected);
    });
    expect(expected.length).toBeGreaterThan(1);
  });

  test("what the source adds to its session is written before the rows that follow", async () => {
    const database = await databases.open({ entities: [Note, Account] });
    await database.session(async (session) => {
      let seen: unknown = 0;
      let chunks = 0;
      const flushes: Promise<void>[] = [];
      async function* rows() {
        for (let index = 0; index < 400; index++) {
          const now = await count(session, "notes");
          // The rows of a chunk are all there when the first one after it is asked for.
          if (now !== seen) {
            expect(now).toBe(index);
            chunks++;
          }
          seen = now;
          session.add(Object.assign(new Account(), { id: index }));
          flushes.push(session.flush());
          yield { text: `note ${index}` };
        }
      }
      expect(await session.insertMany(Note, rows())).toBe(400);
      await Promise.all(flushes);
      expect(chunks).toBeGreaterThan(1);
      expect(await count(session, "accounts")).toBe(400);
    });
  });

  test("a subscriber that delays them delays the source", async () => {
    const database = await databases.open({ entities: [Note] });
    database.dataSource.subscribers.push({
      beforeQuery: async ({ query }) => {
        if (query.startsWith("INSERT")) await settleNative();
      },
    });
    await database.session(async (session) => {
      let seen: unknown = 0;
      async function* rows() {
        for (let index = 0; index < 200; index++) {
          const now = await count(session, "notes");
          if (now !== seen) expect(now).toBe(index);
          seen = now;
          yield { text: `note ${index}` };
        }
      }
      expect(await session.insertMany(Note, rows())).toBe(200);
    });
  });
});
