import { type EntitySubscriberInterface, EventSubscriber } from "typeorm";
import { SessionTimeoutError } from "../../src/errors";
import type { Session } from "../../src/session/session";
import type { SqliteDatabase } from "../../src/sqlite-database";
import { testDatabases } from "../support/databases";
import { deferred, isPending } from "../support/deferred";
import { rawRead } from "../support/raw-database";
import { NOTES, Note } from "../support/small-entities";
import { within } from "../support/within";

type Work = (session: Session) => Promise<void>;

const databases = testDatabases();
const SOON = 5;
const INSERT = "INSERT INTO notes (text) VALUES (:text)";
const boom = new Error("boom");
const never = new Promise<never>(() => {});
const notes = async () => (await rawRead(databases.path, NOTES)).map(({ text }) => text);

/** What the subscriber does at an event. */
let react: Partial<Record<"before" | "after" | "committed", () => Promise<unknown>>> = {};

@EventSubscriber()
class Listener implements EntitySubscriberInterface {
  async beforeTransactionRollback(): Promise<void> {
    await react.before?.();
  }
  async afterTransactionRollback(): Promise<void> {
    await react.after?.();
  }
  async afterTransactionCommit(): Promise<void> {
    await react.committed?.();
  }
}

const open = () => databases.open({ entities: [Note], subscribers: [Listener] });

afterEach(() => {
  react = {};
});

test.each(["before", "after"] as const)(
  "a subscriber that hangs %s the rollback does not hold up a session whose time is over",
  async (event) => {
    const database = await open();
    react = { [event]: () => never };
    const session = database.session(
      async (inner) => {
        await inner.exec(INSERT, { text: "undone" });
        await never;
      },
      { timeout: 0.05 },
    );
    await expect(within(SOON, session)).rejects.toThrow(SessionTimeoutError);
    await within(SOON, database.exec(INSERT, { text: "by another" }));
    expect(await notes()).toEqual(["by another"]);
  },
);

test("a subscriber is waited for before the rollback of a session that has failed, until its time is over", async () => {
  const database = await open();
  const [heard, goOn] = [deferred(), deferred()];
  react.before = () => {
    heard.resolve();
    return goOn.promise;
  };
  const abort = new AbortController();
  const fail = async (): Promise<never> => {
    await database.exec(INSERT, { text: "undone" });
    throw boom;
  };
  const patient = database.session(fail);
  await heard.promise;
  expect(database.stats().writer.busy).toBe(true);
  expect(await isPending(patient)).toBe(true);
  goOn.resolve();
  await expect(patient).rejects.toBe(boom);

  react.before = () => never;
  const limited = database.session(fail, { signal: abort.signal });
  expect(await isPending(limited)).toBe(true);
  abort.abort(new Error("enough"));
  await expect(within(SOON, limited)).rejects.toBe(boom);
  expect(database.stats().writer.busy).toBe(false);
  expect(await notes()).toEqual([]);
});

test("a subscriber that fails before or after the rollback changes nothing of it", async () => {
  const database = await open();
  let told = 0;
  react.before = () => Promise.reject(new Error("before"));
  react.after = () => {
    told++;
    return Promise.reject(new Error("after"));
  };
  const failing = database.session(async (session) => {
    await session.exec(INSERT, { text: "undone" });
    throw boom;
  });
  await expect(failing).rejects.toBe(boom);
  expect(told).toBe(1);
  expect(await notes()).toEqual([]);
  expect(database.stats().writer.busy).toBe(false);
});

describe("a subscriber that fails after the commit", () => {
  /** Fails the next time. */
  const failOnce = (): void => {
    react.committed = () => {
      delete react.committed;
      return Promise.reject(boom);
    };
  };

  const NESTED: [string, (session: Session, database: SqliteDatabase, work: Work) => Promise<void>][] = [
    ["a nested session", (_, database, work) => database.session(work)],
    ["transaction() of a session", (session, _, work) => session.transaction(work)],
    ["transaction() of its manager", (session, _, work) => session.manager.transaction(() => work(session))],
    [
      "startTransaction() of its query runner",
      async (session, _, work) => {
        const { queryRunner } = session;
        await queryRunner.startTransaction();
        try {
          await work(session);
          await queryRunner.commitTransaction();
        } catch (error) {
          await queryRunner.rollbackTransaction();
          throw error;
        }
      },
    ],
  ];

  test.each(NESTED)("undoes %s, and nothing around it", async (_, nest) => {
    const database = await open();
    await database.exec(INSERT, { text: "as it was" });
    await database.session(async (outer) => {
      await outer.exec(INSERT, { text: "outer" });
      const note = await outer.get(Note, 1);
      failOnce();
      const nested = nest(outer, database, async (session) => {
        note!.text = "changed";
        await session.flush();
        await session.exec(INSERT, { text: "nested" });
      });
      await expect(nested).rejects.toBe(boom);
      expect((await outer.exec(NOTES)).scalars()).toEqual(["as it was", "outer"]);
      expect(note!.text).toBe("as it was");
    });
    expect(await notes()).toEqual(["as it was", "outer"]);
  });

  test("reads in a nested session what that has written", async () => {
    const database = await open();
    const read = jest.fn();
    await database.session(() =>
      database.session(async (inner) => {
        await inner.exec(INSERT, { text: "nested" });
        react.committed = async () => read((await database.exec(NOTES)).scalars());
      }),
    );
    expect(read.mock.calls[0]).toEqual([["nested"]]);
  });

  test("undoes nothing of a transaction that is not nested, and hears of no rollback", async () => {
    const database = await open();
    const rolledBack = jest.fn(async () => {});
    react = { before: rolledBack, after: rolledBack };
    failOnce();
    const transaction = database.dataSource.transaction((manager) => manager.insert(Note, { text: "kept" }));
    await expect(transaction).rejects.toBe(boom);
    expect(rolledBack).not.toHaveBeenCalled();
    expect(await notes()).toEqual(["kept"]);
  });
});
