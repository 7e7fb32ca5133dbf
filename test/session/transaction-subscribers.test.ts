import { type EntitySubscriberInterface, EventSubscriber } from "typeorm";
import { SessionTimeoutError } from "../../src/errors";
import { testDatabases } from "../support/databases";
import { deferred, isPending } from "../support/deferred";
import { rawRead } from "../support/raw-database";
import { NOTES, Note } from "../support/small-entities";
import { within } from "../support/within";

const databases = testDatabases();
const SOON = 5;
const INSERT = "INSERT INTO notes (text) VALUES (:text)";
const boom = new Error("boom");
const never = new Promise<never>(() => {});
const notes = async () => (await rawRead(databases.path, NOTES)).map(({ text }) => text);

/** What the subscriber does at an event. */
let react: Partial<Record<"before" | "after", () => Promise<unknown>>> = {};

@EventSubscriber()
class Rollbacks implements EntitySubscriberInterface {
  async beforeTransactionRollback(): Promise<void> {
    await react.before?.();
  }
  async afterTransactionRollback(): Promise<void> {
    await react.after?.();
  }
}

const open = () => databases.open({ entities: [Note], subscribers: [Rollbacks] });

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
