import { PoolTimeoutError, ReadonlyError, SessionClosedError } from "../../src/errors";
import { testDatabases } from "../support/databases";
import { rawRead } from "../support/raw-database";
import { NOTES, Note } from "../support/small-entities";
import { within } from "../support/within";

const databases = testDatabases();
const SOON = 5;
const boom = new Error("boom");

async function notes(): Promise<unknown[]> {
  return (await rawRead(databases.path, NOTES)).map(({ text }) => text);
}

const insert = (text: string) => ["INSERT INTO notes (text) VALUES (:text)", { text }] as const;

test("commits what was done when it is told to, and not before", async () => {
  const database = await databases.open({ entities: [Note] });
  const session = await database.openSession();
  await session.exec(...insert("by exec"));
  await session.manager.insert(Note, { text: "by its manager" });
  await session.getRepository(Note).insert({ text: "by its repository" });
  expect(await notes()).toEqual([]);
  await session.commit();
  expect(await notes()).toEqual(["by exec", "by its manager", "by its repository"]);
  await session.close();
});

test("begins anew after commit and after rollback, and holds nothing in between", async () => {
  const database = await databases.open({ entities: [Note] });
  await using session = await database.openSession();
  for (const round of [1, 2, 3]) {
    await session.exec(...insert(`committed ${round}`));
    await session.commit();
    expect(session.isActive).toBe(true);
    expect(database.stats().writer.busy).toBe(false);
    await session.exec(...insert(`rolled back ${round}`));
    expect(database.stats().writer.busy).toBe(true);
    await session.rollback();
    expect(database.stats().writer.busy).toBe(false);
    await database.exec(...insert(`by another ${round}`));
  }
  expect(await notes()).toEqual([1, 2, 3].flatMap((round) => [`committed ${round}`, `by another ${round}`]));
});

test("commit and rollback of nothing do nothing", async () => {
  const database = await databases.open({ entities: [Note] });
  await using session = await database.openSession();
  await session.commit();
  await session.rollback();
  await session.commit();
  expect(database.stats()).toMatchObject({ readers: { active: 0 }, writer: { busy: false } });
});

test("close rolls back what is not committed, and is harmless twice", async () => {
  const database = await databases.open({ entities: [Note] });
  const session = await database.openSession();
  await session.exec(...insert("committed"));
  await session.commit();
  await session.exec(...insert("not committed"));
  await Promise.all([session.close(), session.close()]);
  await session.close();
  expect(session.isActive).toBe(false);
  expect(await notes()).toEqual(["committed"]);
  for (const late of [
    () => session.exec(...insert("late")),
    () => session.commit(),
    () => session.rollback(),
  ]) {
    await expect(late()).rejects.toThrow(SessionClosedError);
  }
});

test("`await using` rolls back at the end of the scope, and before an error leaves it", async () => {
  const database = await databases.open({ entities: [Note] });
  {
    await using session = await database.openSession();
    await session.exec(...insert("undone"));
  }
  expect(await notes()).toEqual([]);
  const failing = async () => {
    await using session = await database.openSession();
    await session.exec(...insert("committed"));
    await session.commit();
    await session.exec(...insert("undone"));
    throw boom;
  };
  await expect(failing()).rejects.toBe(boom);
  expect(database.stats().writer.busy).toBe(false);
  expect(await notes()).toEqual(["committed"]);
});

test("is not ambient", async () => {
  const database = await databases.open({ entities: [Note] });
  await using session = await database.openSession();
  await session.exec(...insert("mine"));
  expect(await database.getRepository(Note).count()).toBe(0);
  expect((await database.exec(NOTES)).rows).toEqual([]);
  await session.transaction(async (inner) => {
    await inner.exec(...insert("in its savepoint"));
    expect(await inner.manager.count(Note)).toBe(2);
    expect(await database.getRepository(Note).count()).toBe(0);
  });
  await session.manager.transaction(async (manager) => {
    await manager.insert(Note, { text: "in its transaction" });
    expect(await database.getRepository(Note).count()).toBe(0);
  });
  await session.commit();
  expect(await notes()).toEqual(["mine", "in its savepoint", "in its transaction"]);
});

test("its savepoints undo only their own part", async () => {
  const database = await databases.open({ entities: [Note] });
  await using session = await database.openSession();
  await session.exec(...insert("kept"));
  const failing = session.transaction(async (inner) => {
    await inner.exec(...insert("undone"));
    await session.exec(...insert("undone by the outer object"));
    throw boom;
  });
  await expect(failing).rejects.toBe(boom);
  await session.commit();
  expect(await notes()).toEqual(["kept"]);
});

describe.each(["commit", "rollback"] as const)("%s(), which ends nothing for good,", (how) => {
  const kept = how === "commit";

  test.each([true, false])(
    "takes turns with a transaction() that was started together with it (begun: %p)",
    async (begun) => {
      const database = await databases.open({ entities: [Note] });
      await using session = await database.openSession();
      if (begun) await session.exec(...insert("begun"));
      await within(
        SOON,
        Promise.all([
          session.transaction((inner) => inner.exec(...insert("in a savepoint"))),
          session[how](),
        ]),
      );
      expect(session.isActive).toBe(true);
      await session.rollback();
      expect(await notes()).toEqual(kept ? [...(begun ? ["begun"] : []), "in a savepoint"] : []);
    },
  );

  test("lets a statement that came before it have written what it has to", async () => {
    const database = await databases.open({ entities: [Note] });
    await using session = await database.openSession();
    session.add(Object.assign(new Note(), { text: "added" }));
    await within(SOON, Promise.all([session.exec("UPDATE notes SET text = text"), session[how]()]));
    expect(session.isActive).toBe(true);
    await session.commit();
    expect(await notes()).toEqual(kept ? ["added"] : []);
  });
});

test("a readonly one has a snapshot until it is told to end it", async () => {
  const database = await databases.open({ entities: [Note] });
  await using session = await database.openSession({ readonly: true });
  expect(session.readonly).toBe(true);
  expect(await session.manager.count(Note)).toBe(0);
  await database.exec(...insert("meanwhile"));
  expect(await session.manager.count(Note)).toBe(0);
  await expect(session.exec(...insert("by a reader"))).rejects.toThrow(ReadonlyError);
  await session.rollback();
  expect(await session.manager.count(Note)).toBe(1);
  expect(await notes()).toEqual(["meanwhile"]);
});

test("a commit that fails rolls back, and the session goes on", async () => {
  const database = await databases.open();
  await database.execScript(`
    CREATE TABLE parents (id integer PRIMARY KEY);
    CREATE TABLE children (parent integer REFERENCES parents DEFERRABLE INITIALLY DEFERRED);
  `);
  await using session = await database.openSession();
  await session.exec("INSERT INTO children VALUES (1)");
  await expect(session.commit()).rejects.toMatchObject({ name: "ConstraintError", kind: "foreignKey" });
  expect(session.isActive).toBe(true);
  expect(database.stats().writer.busy).toBe(false);
  await session.exec("INSERT INTO parents VALUES (2)");
  await session.exec("INSERT INTO children VALUES (2)");
  await session.commit();
  expect(await rawRead(databases.path, "SELECT parent FROM children")).toEqual([{ parent: 2 }]);
});

test("a transaction that SQLite has rolled back is told of, and rollback() begins anew", async () => {
  const database = await databases.open({ entities: [Note] });
  await using session = await database.openSession();
  await session.exec(...insert("once"));
  await expect(session.exec("INSERT OR ROLLBACK INTO notes (text) VALUES ('once')")).rejects.toThrow(
    "UNIQUE",
  );
  await expect(session.exec(...insert("without a transaction"))).rejects.toThrow(SessionClosedError);
  await expect(session.commit()).rejects.toThrow(SessionClosedError);
  await session.rollback();
  await session.exec(...insert("anew"));
  await session.commit();
  expect(await notes()).toEqual(["anew"]);
});

test.each(["file", "memory"])(
  "in a write session on a %s database fails at once on its first write",
  async (kind) => {
    const database = await databases.open({ entities: [Note] }, kind === "memory" ? ":memory:" : undefined);
    await within(
      SOON,
      database.session(async ({ manager }) => {
        await manager.insert(Note, { text: "outer" });
        await using session = await database.openSession({ label: "manual" });
        const write = session.exec(...insert("manual"));
        await expect(write).rejects.toThrow(PoolTimeoutError);
        await expect(write).rejects.toThrow(/"manual" would wait for ever.*"session"/);
      }),
    );
    expect((await database.exec(NOTES)).scalars()).toEqual(["outer"]);
  },
);

test("a readonly one in a write session sees what was committed", async () => {
  const database = await databases.open({ entities: [Note] });
  await within(
    SOON,
    database.session(async ({ manager }) => {
      await manager.insert(Note, { text: "outer" });
      await using session = await database.openSession({ readonly: true });
      expect(await session.manager.count(Note)).toBe(0);
    }),
  );
});

test("the session around it is still the ambient one inside its transaction", async () => {
  const database = await databases.open({ entities: [Note] });
  const undone = database.session(async ({ manager }) => {
    await manager.insert(Note, { text: "ambient" });
    await using snapshot = await database.openSession({ readonly: true });
    await snapshot.transaction(async () => {
      expect(await snapshot.manager.count(Note)).toBe(0);
      expect(await database.getRepository(Note).count()).toBe(1);
      await database.exec(...insert("ambient too"));
    });
    throw boom;
  });
  await expect(within(SOON, undone)).rejects.toBe(boom);
  expect(await notes()).toEqual([]);
});

test("two of them read side by side, and write one after the other", async () => {
  const database = await databases.open({ entities: [Note] });
  await using first = await database.openSession();
  await using second = await database.openSession();
  await first.exec(...insert("first"));
  const waiting = second.exec(...insert("second"));
  await first.commit();
  await waiting;
  await second.commit();
  expect(await notes()).toEqual(["first", "second"]);
});
