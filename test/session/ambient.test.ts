import { AsyncResource } from "node:async_hooks";
import { EventEmitter } from "node:events";
import type { SessionOptions } from "../../src/database";
import { ParameterError, PoolTimeoutError, SessionClosedError, SessionTimeoutError } from "../../src/errors";
import type { Session } from "../../src/session/session";
import type { SqliteDatabase } from "../../src/sqlite-database";
import { testDatabases } from "../support/databases";
import { barrier, deferred, isPending, settle } from "../support/deferred";
import { rawRead } from "../support/raw-database";
import { NOTES, Note } from "../support/small-entities";
import { within } from "../support/within";

const databases = testDatabases();
const SOON = 5;
const boom = new Error("boom");

async function notes(): Promise<unknown[]> {
  return (await rawRead(databases.path, NOTES)).map(({ text }) => text);
}

describe("inside a session", () => {
  test("everything that is done through the database takes part in it", async () => {
    const database = await databases.open({ entities: [Note] });
    const repository = database.getRepository(Note);
    const { dataSource } = database;
    const everything = async () => {
      await repository.insert({ text: "repository" });
      await repository.save({ text: "save" });
      await database.manager.insert(Note, { text: "manager" });
      await database.exec("INSERT INTO notes (text) VALUES ('exec')");
      await database.execScript(
        "INSERT INTO notes (text) VALUES ('script 1'); INSERT INTO notes (text) VALUES ('script 2')",
      );
      await database.session(({ manager }) => manager.insert(Note, { text: "session" }));
      await dataSource.transaction((manager) => manager.insert(Note, { text: "transaction" }));
      await dataSource.manager.transaction(() => repository.insert({ text: "repository in a transaction" }));
      await dataSource.query("INSERT INTO notes (text) VALUES ('query')");
      await dataSource.createQueryBuilder().insert().into(Note).values({ text: "query builder" }).execute();
      const runner = dataSource.createQueryRunner();
      await runner.query("INSERT INTO notes (text) VALUES ('query runner')");
      await runner.release();
    };
    const written = 12;
    const undone = database.session(async ({ manager }) => {
      await everything();
      // Each of them sees what the others wrote; nobody else does.
      expect(await manager.count(Note)).toBe(written);
      expect(await repository.count()).toBe(written);
      expect((await database.exec(NOTES)).rows).toHaveLength(written);
      expect(await database.session((nested) => nested.manager.count(Note), { readonly: true })).toBe(
        written,
      );
      expect(await notes()).toEqual([]);
      throw boom;
    });
    await expect(undone).rejects.toBe(boom);
    expect(await notes()).toEqual([]);
    await database.session(everything);
    expect(await notes()).toHaveLength(written);
  });

  test("a read-only one too, all from one snapshot", async () => {
    const database = await databases.open({ entities: [Note] });
    const repository = database.getRepository(Note);
    await database.session(
      async ({ manager }) => {
        expect(await manager.count(Note)).toBe(0);
        await database.detach(() => repository.insert({ text: "meanwhile" }));
        const counts = await Promise.all([
          repository.count(),
          database.manager.count(Note),
          database.dataSource.transaction((inner) => inner.count(Note)),
          database.session((inner) => inner.manager.count(Note), { readonly: true }),
          database.exec("SELECT count(*) FROM notes").then((result) => result.scalar()),
        ]);
        expect(counts).toEqual([0, 0, 0, 0, 0]);
      },
      { readonly: true },
    );
    expect(await repository.count()).toBe(1);
  });

  test("that is told of by nobody, the statements of other contexts stay outside", async () => {
    const database = await databases.open({ entities: [Note] });
    const inside = deferred();
    const goOn = deferred();
    const session = database.session(async ({ manager }) => {
      await manager.insert(Note, { text: "inside" });
      inside.resolve();
      await goOn.promise;
    });
    await inside.promise;
    expect(await database.getRepository(Note).count()).toBe(0);
    goOn.resolve();
    await session;
  });

  test("of another database the sessions are others'", async () => {
    const [first, second] = [
      await databases.open({ entities: [Note] }, databases.folder.file("first.db")),
      await databases.open({ entities: [Note] }, databases.folder.file("second.db")),
    ];
    const undone = first.session(async () => {
      await first.getRepository(Note).insert({ text: "undone" });
      await second.getRepository(Note).insert({ text: "autocommit" });
      await second.session(async () => {
        await second.exec("INSERT INTO notes (text) VALUES ('in the second')");
        await first.exec("INSERT INTO notes (text) VALUES ('undone too')");
        expect(await first.getRepository(Note).count()).toBe(2);
        expect(await second.getRepository(Note).count()).toBe(2);
      });
      throw boom;
    });
    await expect(undone).rejects.toBe(boom);
    expect((await first.exec(NOTES)).scalars()).toEqual([]);
    expect((await second.exec(NOTES)).scalars()).toEqual(["autocommit", "in the second"]);
    // The same file by two databases: two writers that know nothing of each other.
    const third = await databases.open(
      { entities: [Note], busyTimeout: 0 },
      databases.folder.file("first.db"),
    );
    await first.session(async () => {
      await first.exec("INSERT INTO notes (text) VALUES ('by first')");
      expect(await third.getRepository(Note).count()).toBe(0);
      await expect(third.exec("DELETE FROM notes")).rejects.toMatchObject({ name: "BusyError" });
    });
  });
});

test.each(["COMMIT", "ROLLBACK", "END", "COMMIT TRANSACTION"])(
  "%s as text does not end a session",
  async (sql) => {
    const database = await databases.open({ entities: [Note] });
    const session = database.session(async ({ manager, queryRunner }) => {
      await manager.insert(Note, { text: "undone" });
      await expect(queryRunner.query(sql)).rejects.toThrow(ParameterError);
      await expect(manager.query(sql)).rejects.toThrow(ParameterError);
      await expect(database.dataSource.query(sql)).rejects.toThrow(ParameterError);
      await database.session(async (nested) => {
        await expect(nested.queryRunner.query(sql)).rejects.toThrow(ParameterError);
      });
      expect(await manager.count(Note)).toBe(1);
      throw boom;
    });
    await expect(session).rejects.toBe(boom);
    expect(await notes()).toEqual([]);
  },
);

describe("a nested session", () => {
  test("that fails undoes only its own part", async () => {
    const database = await databases.open({ entities: [Note] });
    await database.session(async ({ manager }) => {
      await manager.insert(Note, { text: "outer before" });
      const failing = database.session(async (inner) => {
        await inner.manager.insert(Note, { text: "inner" });
        await database.session((innermost) => innermost.manager.insert(Note, { text: "innermost" }));
        expect(await manager.count(Note)).toBe(3);
        throw boom;
      });
      await expect(failing).rejects.toBe(boom);
      expect((await database.exec(NOTES)).scalars()).toEqual(["outer before"]);
      await manager.insert(Note, { text: "outer after" });
    });
    expect(await notes()).toEqual(["outer before", "outer after"]);
  });

  test("that succeeds is undone with the one around it", async () => {
    const database = await databases.open({ entities: [Note] });
    const outer = database.session(async () => {
      await database.session(({ manager }) => manager.insert(Note, { text: "inner" }));
      throw boom;
    });
    await expect(outer).rejects.toBe(boom);
    expect(await notes()).toEqual([]);
  });

  test("takes part by session.transaction and by manager.transaction as well", async () => {
    const database = await databases.open({ entities: [Note] });
    await database.session(async (session) => {
      await session.transaction(async (inner) => {
        await inner.manager.insert(Note, { text: "by transaction" });
        await database.exec("INSERT INTO notes (text) VALUES ('ambient in it')");
      });
      await session.manager.transaction(async (manager) => {
        await manager.insert(Note, { text: "by manager.transaction" });
        await database.exec("INSERT INTO notes (text) VALUES ('ambient in that')");
      });
      for (const fail of [
        session.transaction(async () => {
          await database.exec("INSERT INTO notes (text) VALUES ('undone')");
          throw boom;
        }),
        session.manager.transaction(async () => {
          await database.exec("INSERT INTO notes (text) VALUES ('undone')");
          throw boom;
        }),
        database.manager.transaction(async () => {
          await database.exec("INSERT INTO notes (text) VALUES ('undone')");
          throw boom;
        }),
      ]) {
        await expect(fail).rejects.toBe(boom);
      }
    });
    expect(await notes()).toEqual([
      "by transaction",
      "ambient in it",
      "by manager.transaction",
      "ambient in that",
    ]);
  });

  test("of a failed statement goes on, as the session does", async () => {
    const database = await databases.open({ entities: [Note] });
    await database.session(async ({ manager }) => {
      await manager.insert(Note, { text: "once" });
      await expect(manager.insert(Note, { text: "once" })).rejects.toMatchObject({ kind: "unique" });
      await database.session(async (inner) => {
        await expect(inner.manager.insert(Note, { text: "once" })).rejects.toMatchObject({ kind: "unique" });
        await inner.manager.insert(Note, { text: "twice" });
      });
    });
    expect(await notes()).toEqual(["once", "twice"]);
  });

  test("can use the outer session's object, without a deadlock and in its own part", async () => {
    const database = await databases.open({ entities: [Note] });
    const work = database.session(async (outer) => {
      await outer.manager.insert(Note, { text: "outer" });
      const failing = database.session(async () => {
        await outer.exec("INSERT INTO notes (text) VALUES ('outer in inner')");
        await outer.manager.insert(Note, { text: "outer manager in inner" });
        await outer.manager.transaction((manager) =>
          manager.insert(Note, { text: "its transaction in inner" }),
        );
        await outer.transaction(({ manager }) => manager.insert(Note, { text: "its savepoint in inner" }));
        expect(await outer.manager.count(Note)).toBe(5);
        throw boom;
      });
      await expect(failing).rejects.toBe(boom);
    });
    await within(SOON, work);
    expect(await notes()).toEqual(["outer"]);
  });

  test("whose rollback fails rejects with its own error, and the one around it cannot commit", async () => {
    const database = await databases.open({ entities: [Note] });
    const outer = database.session(async ({ manager }) => {
      await manager.insert(Note, { text: "outer" });
      const inner = database.session(async (session) => {
        await session.manager.insert(Note, { text: "inner" });
        // Takes away what it would be rolled back to.
        await session.queryRunner.query("RELEASE savepoint_1");
        throw boom;
      });
      await expect(inner).rejects.toBe(boom);
    });
    await expect(outer).rejects.toThrow(SessionClosedError);
    expect(await notes()).toEqual([]);
    await database.session(({ manager }) => manager.insert(Note, { text: "next" }));
    expect(await notes()).toEqual(["next"]);
  });
});

describe("siblings that were started together", () => {
  type Start = (database: SqliteDatabase, session: Session, work: () => Promise<void>) => Promise<void>;
  test.each<[string, Start]>([
    ["database.session", (database, _, work) => database.session(work)],
    ["session.transaction", (_, session, work) => session.transaction(work)],
    ["session.manager.transaction", (_, session, work) => session.manager.transaction(work)],
    ["dataSource.transaction", (database, _, work) => database.dataSource.transaction(work)],
  ])("by %s run one after another, and a failure undoes only its own part", async (_, start) => {
    const database = await databases.open({ entities: [Note] });
    let running = 0;
    await within(
      SOON,
      database.session(async (session) => {
        const work = async (text: string) => {
          expect(++running).toBe(1);
          await database.exec("INSERT INTO notes (text) VALUES (:text)", { text: `${text} first` });
          await settle();
          await database.getRepository(Note).insert({ text: `${text} second` });
          running--;
          if (text === "b") throw boom;
        };
        const outcomes = await Promise.allSettled(
          ["a", "b", "c", "d"].map((text) => start(database, session, () => work(text))),
        );
        expect(outcomes.map(({ status }) => status)).toEqual([
          "fulfilled",
          "rejected",
          "fulfilled",
          "fulfilled",
        ]);
      }),
    );
    const written = await notes();
    expect(written.slice(0, 2)).toEqual(["a first", "a second"]);
    expect(written.sort()).toEqual(["a", "c", "d"].flatMap((text) => [`${text} first`, `${text} second`]));
  });

  test("a statement beside a nested session is not undone with it", async () => {
    const database = await databases.open({ entities: [Note] });
    await within(
      SOON,
      database.session(async (session) => {
        const inside = deferred();
        const goOn = deferred();
        const failing = database.session(async ({ manager }) => {
          await manager.insert(Note, { text: "undone" });
          inside.resolve();
          await goOn.promise;
          throw boom;
        });
        await inside.promise;
        const beside = [
          database.exec("INSERT INTO notes (text) VALUES ('by the database')"),
          database.getRepository(Note).insert({ text: "by a repository" }),
          session.exec("INSERT INTO notes (text) VALUES ('by the session')"),
          session.manager.insert(Note, { text: "by its manager" }),
        ];
        expect(await isPending(Promise.race(beside))).toBe(true);
        goOn.resolve();
        await expect(failing).rejects.toBe(boom);
        await Promise.all(beside);
      }),
    );
    expect((await notes()).sort()).toEqual([
      "by a repository",
      "by its manager",
      "by the database",
      "by the session",
    ]);
  });

  test("a statement beside manager.transaction is not undone with it", async () => {
    const database = await databases.open({ entities: [Note] });
    await within(
      SOON,
      database.session(async (session) => {
        const inside = deferred();
        const goOn = deferred();
        const failing = session.manager.transaction(async (manager) => {
          await manager.insert(Note, { text: "undone" });
          inside.resolve();
          await goOn.promise;
          throw boom;
        });
        await inside.promise;
        const beside = [
          database.exec("INSERT INTO notes (text) VALUES ('by the database')"),
          session.exec("INSERT INTO notes (text) VALUES ('by the session')"),
          session.manager.insert(Note, { text: "by its manager" }),
          session.manager.transaction((manager) => manager.insert(Note, { text: "by another transaction" })),
        ];
        await settle();
        goOn.resolve();
        await expect(failing).rejects.toBe(boom);
        await Promise.all(beside);
      }),
    );
    expect((await notes()).sort()).toEqual([
      "by another transaction",
      "by its manager",
      "by the database",
      "by the session",
    ]);
  });

  test.each<[string, (database: SqliteDatabase) => Promise<unknown>]>([
    ["a statement", (database) => database.exec("SELECT 1")],
    ["a savepoint", (database) => database.session(() => 1)],
  ])("%s that a nested session waits for, and that waits for it to end, is told so", async (_, load) => {
    const database = await databases.open({ entities: [Note], poolTimeout: 0.1 });
    let asked: Promise<unknown> | undefined;
    const dataLoader = (asks: Promise<unknown>) => {
      // It belongs to who asked first.
      asked ??= asks.then(() => load(database));
      return asked;
    };
    const inside = deferred();
    const deadlock = within(
      SOON,
      database.session(
        () =>
          Promise.all([
            dataLoader(inside.promise),
            database.session(
              async ({ manager }) => {
                await manager.insert(Note, { text: "undone" });
                inside.resolve();
                return await dataLoader(inside.promise);
              },
              { label: "inner" },
            ),
          ]),
        { label: "outer" },
      ),
    );
    const error: unknown = await deadlock.catch((error: unknown) => error);
    expect(error).toBeInstanceOf(PoolTimeoutError);
    const { message, holders } = error as PoolTimeoutError;
    expect(message).toMatch(/savepoint in "outer" did not end within poolTimeout \(1 s\).*"inner" for/);
    expect(holders).toEqual([
      { label: "inner", age: expect.any(Number), statement: expect.stringContaining("INSERT INTO") },
    ]);
    expect(holders[0]!.age).toBeGreaterThanOrEqual(0.9);
    expect(await notes()).toEqual([]);
    await database.getRepository(Note).insert({ text: "next" });
  });

  test("nested sessions take turns also where nobody waits for a connection", async () => {
    const database = await databases.open({ entities: [Note], poolTimeout: 0 });
    await database.session(() =>
      Promise.all(
        ["one", "two", "three"].map((text) =>
          database.session(async ({ manager }) => {
            await manager.insert(Note, { text });
            // The timers of those that wait are due by then: they were set before.
            await new Promise((resolve) => setTimeout(resolve, 0));
          }),
        ),
      ),
    );
    expect(await notes()).toEqual(["one", "two", "three"]);
  });

  test("reads and writes at the same time in one session all take part", async () => {
    const database = await databases.open({ entities: [Note] });
    await database.session(async ({ manager }) => {
      const arrived = barrier(20);
      await Promise.all(
        Array.from({ length: 20 }, async (_, index) => {
          await arrived();
          await manager.insert(Note, { text: `note ${index}` });
          await database.getRepository(Note).findOneByOrFail({ text: `note ${index}` });
        }),
      );
      expect(await manager.count(Note)).toBe(20);
      expect(await notes()).toEqual([]);
    });
    expect(await notes()).toHaveLength(20);
  });
});

describe("what outlives its session", () => {
  /** Every way to do something through the database or an object of the session. */
  const LATE: [string, (session: Session, database: SqliteDatabase) => Promise<unknown>][] = [
    ["database.exec", (_, database) => database.exec("INSERT INTO notes (text) VALUES ('late')")],
    ["database.exec that reads", (_, database) => database.exec(NOTES)],
    ["database.execScript", (_, database) => database.execScript("INSERT INTO notes (text) VALUES ('late')")],
    [
      "database.session",
      (_, database) => database.session(({ manager }) => manager.insert(Note, { text: "late" })),
    ],
    ["a repository", (_, database) => database.getRepository(Note).insert({ text: "late" })],
    [
      "dataSource.transaction",
      (_, database) => database.dataSource.transaction((m) => m.insert(Note, { text: "late" })),
    ],
    [
      "dataSource.query",
      (_, database) => database.dataSource.query("INSERT INTO notes (text) VALUES ('late')"),
    ],
    ["session.exec", (session) => session.exec("INSERT INTO notes (text) VALUES ('late')")],
    ["session.manager", (session) => session.manager.insert(Note, { text: "late" })],
    ["session.getRepository", (session) => session.getRepository(Note).count()],
    ["session.transaction", (session) => session.transaction(async () => {})],
    [
      "session.manager.transaction",
      (session) => session.manager.transaction((m) => m.insert(Note, { text: "late" })),
    ],
    ["database.insertMany", (_, database) => database.insertMany(Note, [{ text: "late" }])],
    ["database.stream", (_, database) => database.stream(NOTES).next()],
    ["session.stream", (session) => session.stream(NOTES).next()],
    ["session.insertMany", (session) => session.insertMany(Note, [{ text: "late" }])],
    ["session.get", (session) => session.get(Note, 1)],
    ["session.add", async (session) => session.add(Object.assign(new Note(), { text: "late" }))],
    ["session.flush", (session) => session.flush()],
    ["session.commit", (session) => session.commit()],
    ["session.rollback", (session) => session.rollback()],
  ];
  /** Each way in which the session ends before that. */
  const ENDS: [string, SessionOptions & { fails?: boolean; aborts?: "inside" | "later" }][] = [
    ["commits", {}],
    ["rolls back", { fails: true }],
    ["times out", { timeout: 0.01 }],
    ["is stopped by its signal", { aborts: "inside" }],
    ["commits, and its signal is aborted afterwards", { aborts: "later" }],
    ["is read-only", { readonly: true }],
  ];
  describe.each(ENDS)("and the session %s", (_end, { fails, aborts, ...options }) => {
    test.each(LATE)(
      "%s, by a promise, a timer and an event, gets SessionClosedError and writes nothing",
      async (_, late) => {
        const database = await databases.open({ entities: [Note] });
        const emitter = new EventEmitter();
        const ended = deferred();
        const stop = new AbortController();
        const outcomes: Promise<unknown>[] = [];
        const session = database.session(
          async (session) => {
            if (!session.readonly) await session.manager.insert(Note, { text: "in time" });
            const run = () =>
              late(session, database).then(
                () => "written",
                (error: unknown) => error,
              );
            outcomes.push(ended.promise.then(run));
            outcomes.push(
              new Promise((resolve) => ended.promise.then(() => setImmediate(() => resolve(run())))),
            );
            outcomes.push(
              new Promise((resolve) =>
                emitter.once(
                  "late",
                  AsyncResource.bind(() => resolve(run())),
                ),
              ),
            );
            if (fails) throw boom;
            if (aborts === "inside") stop.abort(boom);
            if (options.timeout) await ended.promise;
          },
          { ...options, ...(aborts && { signal: stop.signal }) },
        );
        const isCommitted = await session.then(
          () => true,
          () => false,
        );
        if (aborts === "later") stop.abort(boom);
        ended.resolve();
        emitter.emit("late");
        const cause =
          isCommitted || fails ? undefined : options.timeout ? expect.any(SessionTimeoutError) : boom;
        for (const outcome of await Promise.all(outcomes)) {
          expect(outcome).toBeInstanceOf(SessionClosedError);
          expect((outcome as Error).cause).toEqual(cause);
        }
        expect(await notes()).toEqual(isCommitted && !options.readonly ? ["in time"] : []);
        expect(database.stats().writer.busy).toBe(false);
      },
    );
  });

  test("an object of the session that was kept gets it also outside", async () => {
    const database = await databases.open({ entities: [Note] });
    let kept: Session | undefined;
    await database.session((session) => {
      kept = session;
    });
    await expect(kept?.exec("SELECT 1")).rejects.toThrow(SessionClosedError);
    await expect(kept?.manager.insert(Note, { text: "late" })).rejects.toThrow(SessionClosedError);
    await kept?.close();
    expect(await notes()).toEqual([]);
  });

  test("a nested session that is not awaited is undone and gets SessionClosedError", async () => {
    const database = await databases.open({ entities: [Note] });
    const inside = deferred();
    const ended = deferred();
    let forgotten: Promise<unknown> | undefined;
    const outer = database.session(async ({ manager }) => {
      await manager.insert(Note, { text: "outer" });
      forgotten = database.session(async (inner) => {
        await inner.manager.insert(Note, { text: "forgotten" });
        inside.resolve();
        await ended.promise;
        await inner.manager.insert(Note, { text: "late" });
      });
      forgotten.catch(() => {});
      await inside.promise;
    });
    await within(SOON, outer);
    expect(await notes()).toEqual(["outer"]);
    ended.resolve();
    await expect(forgotten).rejects.toThrow(SessionClosedError);
    expect(await notes()).toEqual(["outer"]);
  });

  test.each([
    ["commits", 1],
    ["commits", 3],
    ["rolls back", 1],
    ["rolls back", 3],
  ])(
    "where the session %s before %i nested ones that nobody awaits have begun, it does not wait for them",
    async (end, count) => {
      const database = await databases.open({ entities: [Note] });
      const ended = deferred();
      const forgotten: Promise<unknown>[] = [];
      const outer = database.session(async () => {
        for (let index = 0; index < count; index++) {
          const nested = database.session(async ({ manager }) => {
            await manager.insert(Note, { text: `forgotten ${index}` });
            await ended.promise;
            await manager.insert(Note, { text: `late ${index}` });
          });
          nested.catch(() => {});
          forgotten.push(nested);
        }
        if (end === "rolls back") throw boom;
      });
      try {
        await within(
          SOON,
          outer.catch(() => {}),
        );
        expect(await notes()).toEqual([]);
      } finally {
        ended.resolve();
      }
      for (const nested of forgotten) await expect(nested).rejects.toThrow(SessionClosedError);
      expect(await notes()).toEqual([]);
      await within(SOON, database.getRepository(Note).insert({ text: "next" }));
    },
  );

  test("statements that were started and not awaited are part of it or refused, and none comes later", async () => {
    const database = await databases.open({ entities: [Note] });
    let started: Promise<unknown>[] = [];
    const session = database.session(async ({ manager }) => {
      await manager.insert(Note, { text: "awaited" });
      started = Array.from({ length: 10 }, (_, index) => manager.insert(Note, { text: `started ${index}` }));
      for (const one of started) one.catch(() => {});
      throw boom;
    });
    await expect(session).rejects.toBe(boom);
    await Promise.allSettled(started);
    expect(await notes()).toEqual([]);
  });

  test("may close the database and open it again", async () => {
    const database = await databases.open({ entities: [Note] });
    const ended = deferred();
    let outliving: Promise<void> | undefined;
    await database.session(async () => {
      outliving = ended.promise.then(async () => {
        await database.close();
        await database.init();
      });
    });
    ended.resolve();
    await outliving;
    expect(await database.getRepository(Note).count()).toBe(0);
  });

  test("changes no schema, and is told why", async () => {
    const database = await databases.open({ entities: [Note] });
    const ended = deferred();
    let outliving: Promise<PromiseSettledResult<unknown>[]> | undefined;
    await database.session(async () => {
      outliving = ended.promise.then(() => {
        const { dataSource } = database;
        return Promise.allSettled([
          ...[database.synchronize(), database.dropAll(), database.createAll(), database.runMigrations()],
          ...[database.undoLastMigration(), dataSource.synchronize(), dataSource.dropDatabase()],
        ]);
      });
    });
    ended.resolve();
    for (const result of (await outliving) ?? []) {
      expect(result).toMatchObject({ status: "rejected", reason: expect.any(SessionClosedError) });
    }
    expect(await notes()).toEqual([]);
  });

  test("detach() is the way out, for what goes on after the session and for what must be seen at once", async () => {
    const database = await databases.open({ entities: [Note] });
    const ended = deferred();
    let background: Promise<unknown> | undefined;
    const session = database.session(async () => {
      const before = await database.detach(() => database.exec(NOTES));
      expect(before.rows).toEqual([]);
      await database.exec("INSERT INTO notes (text) VALUES ('undone')");
      expect((await database.detach(() => database.exec(NOTES))).rows).toEqual([]);
      background = database.detach(async () => {
        await ended.promise;
        await database.getRepository(Note).insert({ text: "repository" });
        await database.session(({ manager }) => manager.insert(Note, { text: "session" }));
      });
      throw boom;
    });
    await expect(session).rejects.toBe(boom);
    ended.resolve();
    await background;
    expect(await notes()).toEqual(["repository", "session"]);
  });

  test("detach() gives back what its function gives, and throws what it throws", async () => {
    const database = await databases.open();
    expect(database.detach(() => 42)).toBe(42);
    expect(() =>
      database.detach(() => {
        throw boom;
      }),
    ).toThrow(boom);
  });

  test("detach() and session.transaction() refuse what is no function", async () => {
    const database = await databases.open();
    for (const work of [undefined, null, "work", Promise.resolve(), {}] as never[]) {
      expect(() => database.detach(work)).toThrow(expect.objectContaining({ code: "CONFIGURATION" }));
      await database.session(async (session) => {
        await expect(session.transaction(work)).rejects.toMatchObject({ code: "CONFIGURATION" });
        expect((await session.exec("SELECT 1")).scalar()).toBe(1);
      });
    }
  });
});
