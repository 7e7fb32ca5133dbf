import { PoolTimeoutError, ReadonlyError } from "../../src/errors";
import { testDatabases } from "../support/databases";
import { deferred, isPending, until } from "../support/deferred";
import { RawDatabase, rawRead } from "../support/raw-database";
import { NOTES, Note } from "../support/small-entities";

const databases = testDatabases();

async function notes(): Promise<unknown[]> {
  return (await rawRead(databases.path, NOTES)).map(({ text }) => text);
}

describe("a write session", () => {
  test("commits when its work resolves, and then resolves with the same value", async () => {
    const database = await databases.open({ entities: [Note] });
    const value = { some: "value" };
    const returned = await database.session(async ({ manager }) => {
      await manager.insert(Note, { text: "committed" });
      return value;
    });
    expect(returned).toBe(value);
    expect(await notes()).toEqual(["committed"]);
  });

  test("takes work that is not asynchronous", async () => {
    const database = await databases.open();
    expect(await database.session(() => 42)).toBe(42);
    const boom = new Error("at once");
    await expect(
      database.session(() => {
        throw boom;
      }),
    ).rejects.toBe(boom);
  });

  test.each([
    ["an error", new Error("boom")],
    ["a text", "boom"],
    ["nothing", undefined],
  ])("rolls back when its work rejects, and rejects with the very same: %s", async (_, reason) => {
    const database = await databases.open({ entities: [Note] });
    const session = database.session(async ({ manager }) => {
      await manager.insert(Note, { text: "undone" });
      throw reason;
    });
    const outcome = await session.then(
      () => "resolved",
      (error: unknown) => ({ error }),
    );
    expect((outcome as { error: unknown }).error).toBe(reason);
    expect(await notes()).toEqual([]);
    await database.getRepository(Note).insert({ text: "after" });
    expect(await notes()).toEqual(["after"]);
  });

  test("holds nothing before its first statement, and nothing after its end", async () => {
    const database = await databases.open({ entities: [Note] });
    await database.session(async ({ manager }) => {
      expect(database.stats().writer.busy).toBe(false);
      await manager.insert(Note, { text: "begun" });
      expect(database.stats().writer.busy).toBe(true);
    });
    expect(database.stats().writer.busy).toBe(false);
  });

  test("begins with BEGIN IMMEDIATE also where it reads first, so that nobody overtakes it", async () => {
    const database = await databases.open({ entities: [Note] });
    const other = await RawDatabase.open(databases.path);
    try {
      await database.session(async ({ manager }) => {
        await manager.count(Note);
        await expect(other.exec("BEGIN IMMEDIATE")).rejects.toThrow("SQLITE_BUSY");
      });
    } finally {
      await other.close();
    }
  });

  test("is not seen by anyone before it commits", async () => {
    const database = await databases.open({ entities: [Note] });
    const written = deferred();
    const goOn = deferred();
    const session = database.session(async ({ manager }) => {
      await manager.insert(Note, { text: "not yet" });
      written.resolve();
      await goOn.promise;
      expect(await manager.count(Note)).toBe(1);
    });
    await written.promise;
    expect(await notes()).toEqual([]);
    expect(await database.getRepository(Note).count()).toBe(0);
    expect((await database.exec(NOTES)).rows).toEqual([]);
    expect(await database.session(({ manager }) => manager.count(Note), { readonly: true })).toBe(0);
    goOn.resolve();
    await session;
    expect(await notes()).toEqual(["not yet"]);
  });

  test("keeps the statements of others out of its transaction", async () => {
    const database = await databases.open({ entities: [Note] });
    const written = deferred();
    const goOn = deferred();
    const session = database.session(async ({ manager }) => {
      await manager.insert(Note, { text: "undone" });
      written.resolve();
      await goOn.promise;
      throw new Error("boom");
    });
    await written.promise;
    const bystanders = [
      database.getRepository(Note).insert({ text: "by a repository" }),
      database.exec("INSERT INTO notes (text) VALUES ('by exec')"),
      database.dataSource.transaction((manager) => manager.insert(Note, { text: "by a transaction" })),
    ];
    expect(await isPending(Promise.race(bystanders))).toBe(true);
    goOn.resolve();
    await expect(session).rejects.toThrow("boom");
    await Promise.all(bystanders);
    expect((await notes()).sort()).toEqual(["by a repository", "by a transaction", "by exec"]);
  });

  test("that ends in an error of SQLite that undoes the whole transaction commits nothing afterwards", async () => {
    const database = await databases.open({ entities: [Note] });
    const session = database.session(async (session) => {
      await session.manager.insert(Note, { text: "undone by SQLite" });
      await session.exec("INSERT OR ROLLBACK INTO notes (text) VALUES ('undone by SQLite')").catch(() => {});
      await session.exec("INSERT INTO notes (text) VALUES ('without a transaction')").catch(() => {});
    });
    await expect(session).rejects.toThrow(/rolled this transaction back/);
    expect(await notes()).toEqual([]);
    await database.session(({ manager }) => manager.insert(Note, { text: "next" }));
    expect(await notes()).toEqual(["next"]);
  });

  test("that fails in its commit rejects with that, and nothing is written", async () => {
    const database = await databases.open();
    await database.execScript(`
      CREATE TABLE parents (id integer PRIMARY KEY);
      CREATE TABLE children (parent integer REFERENCES parents DEFERRABLE INITIALLY DEFERRED);
    `);
    const session = database.session((session) => session.exec("INSERT INTO children VALUES (1)"));
    await expect(session).rejects.toMatchObject({
      name: "ConstraintError",
      code: "SQLITE_CONSTRAINT",
      kind: "foreignKey",
      query: "COMMIT",
    });
    expect(await rawRead(databases.path, "SELECT * FROM children")).toEqual([]);
    expect(database.stats().writer.busy).toBe(false);
    await database.exec("INSERT INTO parents VALUES (1)");
  });

  test("has its turn in the order in which writers came, whatever they are", async () => {
    const database = await databases.open({ entities: [Note] });
    const first = await database.openSession();
    await first.exec("INSERT INTO notes (text) VALUES ('0')");
    const write: ((text: string) => Promise<unknown>)[] = [
      (text) => database.session(({ manager }) => manager.insert(Note, { text })),
      (text) => database.exec("INSERT INTO notes (text) VALUES (:text)", { text }),
      (text) => database.dataSource.transaction((manager) => manager.insert(Note, { text })),
      (text) => database.getRepository(Note).save({ text }),
    ];
    const names = Array.from({ length: 20 }, (_, index) => String(index + 1));
    const queue: Promise<unknown>[] = [];
    for (const [index, name] of names.entries()) {
      queue.push(write[index % write.length]!(name));
      await until(() => database.stats().writer.waiting === queue.length);
    }
    await first.commit();
    await Promise.all(queue);
    expect(await notes()).toEqual(["0", ...names]);
  });

  test("that waits too long for its turn is told who has it", async () => {
    const database = await databases.open({ entities: [Note], poolTimeout: 0.4 });
    const holder = await database.openSession({ label: "import" });
    await holder.exec("INSERT INTO notes (text) VALUES ('held')");
    const waiting = database.session(({ manager }) => manager.insert(Note, { text: "waiting" }), {
      label: "request",
    });
    await expect(waiting).rejects.toThrow(PoolTimeoutError);
    await expect(waiting).rejects.toMatchObject({
      message: expect.stringMatching(/"request".*"import".*INSERT INTO notes/s),
      holders: [
        { label: "import", age: expect.any(Number), statement: "INSERT INTO notes (text) VALUES ('held')" },
      ],
    });
    await holder.commit();
    await holder.close();
    await database.session(({ manager }) => manager.insert(Note, { text: "later" }));
    expect(await notes()).toEqual(["held", "later"]);
  });

  test("waits for another process without stopping this one", async () => {
    const database = await databases.open({ entities: [Note] });
    const other = await RawDatabase.open(databases.path);
    try {
      await other.exec("BEGIN IMMEDIATE");
      const session = database.session(({ manager }) => manager.insert(Note, { text: "patient" }));
      expect(await isPending(session)).toBe(true);
      expect(await database.getRepository(Note).count()).toBe(0);
      await other.exec("COMMIT");
      await session;
      expect(await notes()).toEqual(["patient"]);
    } finally {
      await other.close();
    }
  });

  test("that another process locks out for longer than busyTimeout says so", async () => {
    const database = await databases.open({ entities: [Note], busyTimeout: 0.05 });
    const other = await RawDatabase.open(databases.path);
    try {
      await other.exec("BEGIN IMMEDIATE");
      const session = database.session(({ manager }) => manager.insert(Note, { text: "locked out" }));
      await expect(session).rejects.toMatchObject({ name: "BusyError", code: "SQLITE_BUSY" });
      await other.exec("COMMIT");
      await database.session(({ manager }) => manager.insert(Note, { text: "let in" }));
      expect(await notes()).toEqual(["let in"]);
    } finally {
      await other.close();
    }
  });

  test("shows its members", async () => {
    const database = await databases.open({ entities: [Note] });
    let kept: { isActive: boolean } | undefined;
    await database.session(async (session) => {
      kept = session;
      expect(session).toMatchObject({ isActive: true, readonly: false });
      expect(session.manager.queryRunner).toBe(session.queryRunner);
      expect(session.getRepository(Note).manager).toBe(session.manager);
      expect(session.queryRunner.isTransactionActive).toBe(true);
      await session.getRepository(Note).insert({ text: "by its repository" });
      await session.queryRunner.query("INSERT INTO notes (text) VALUES ('by its query runner')");
    });
    expect(kept?.isActive).toBe(false);
    expect(await notes()).toEqual(["by its repository", "by its query runner"]);
  });
});

describe("a read-only session", () => {
  test("sees one snapshot while a writer commits, and neither waits for the other", async () => {
    const database = await databases.open({ entities: [Note] });
    await database.getRepository(Note).insert({ text: "before" });
    const writing = deferred();
    const goOn = deferred();
    const writer = database.session(async ({ manager }) => {
      await manager.insert(Note, { text: "uncommitted" });
      writing.resolve();
      await goOn.promise;
    });
    await writing.promise;
    await database.session(
      async (session) => {
        // The writer is in the middle of its transaction, and does not keep the reader waiting.
        expect((await session.exec(NOTES)).scalars()).toEqual(["before"]);
        goOn.resolve();
        // The reader has its snapshot, and does not keep writers waiting.
        await writer;
        await database.detach(() => database.getRepository(Note).insert({ text: "another" }));
        expect(await notes()).toEqual(["before", "uncommitted", "another"]);
        expect((await session.exec(NOTES)).scalars()).toEqual(["before"]);
        expect(await session.manager.count(Note)).toBe(1);
        expect(await database.getRepository(Note).count()).toBe(1);
      },
      { readonly: true },
    );
    expect(await database.getRepository(Note).count()).toBe(3);
  });

  test("that follows another one sees what was committed meanwhile", async () => {
    const database = await databases.open({ entities: [Note], poolSize: 1, maxOverflow: 0 });
    const count = () => database.session(({ manager }) => manager.count(Note), { readonly: true });
    for (const expected of [0, 1, 2]) {
      expect(await count()).toBe(expected);
      await database.getRepository(Note).insert({ text: `note ${expected}` });
    }
  });

  test.each(["file", "memory"])("refuses every write of a %s database, and goes on reading", async (kind) => {
    const database = await databases.open({ entities: [Note] }, kind === "memory" ? ":memory:" : undefined);
    await database.getRepository(Note).insert({ text: "kept" });
    await database.session(
      async (session) => {
        expect(session.readonly).toBe(true);
        const writes: (() => Promise<unknown>)[] = [
          () => session.exec("INSERT INTO notes (text) VALUES ('new')"),
          () =>
            session.exec("WITH t(x) AS (SELECT 'new') INSERT INTO notes (text) SELECT x FROM t RETURNING id"),
          () => session.exec("CREATE TABLE t (x)"),
          () => session.exec("PRAGMA user_version = 1"),
          () => session.exec("PRAGMA query_only = OFF"),
          () => session.exec(`PRAGMA main."query_only"(0)`),
          () => session.exec("EXPLAIN PRAGMA query_only = 0"),
          () => session.exec("/* SELECT */ DELETE FROM notes"),
          () => session.manager.insert(Note, { text: "new" }),
          () => session.manager.save(Note, { id: 1, text: "changed" }),
          () => session.queryRunner.query("DELETE FROM notes"),
          () => session.manager.transaction((manager) => manager.delete(Note, { id: 1 })),
          () => session.transaction((nested) => nested.manager.insert(Note, { text: "new" })),
          () => database.exec("DELETE FROM notes"),
          () => database.getRepository(Note).insert({ text: "new" }),
          () => database.execScript("DELETE FROM notes"),
          () => database.dataSource.transaction((manager) => manager.insert(Note, { text: "new" })),
        ];
        for (const write of writes) await expect(write()).rejects.toThrow(ReadonlyError);
        expect((await session.exec(NOTES)).scalars()).toEqual(["kept"]);
      },
      { readonly: true },
    );
    expect((await database.exec(NOTES)).scalars()).toEqual(["kept"]);
    expect((await database.exec("PRAGMA user_version")).scalar()).toBe(0);
    await database.getRepository(Note).insert({ text: "written afterwards" });
  });

  /** FTS4's optimize() merges the index from within a SELECT: a read by its text, a write to SQLite. */
  const SELECT_THAT_WRITES = "SELECT optimize(docs) FROM docs LIMIT 1";

  test.each(["file", "memory"])(
    "SQLite itself refuses what only looks like a read, in a %s database",
    async (kind) => {
      const database = await databases.open({}, kind === "memory" ? ":memory:" : undefined);
      await database.execScript(
        "CREATE VIRTUAL TABLE docs USING fts4(body); INSERT INTO docs VALUES ('one')",
      );
      await database.execScript("INSERT INTO docs VALUES ('two')");
      const segments = async () => (await database.exec("SELECT count(*) FROM docs_segdir")).scalar();
      expect(await segments()).toBe(2);
      const session = database.session((session) => session.exec(SELECT_THAT_WRITES), { readonly: true });
      await expect(session).rejects.toThrow(ReadonlyError);
      await expect(database.exec(SELECT_THAT_WRITES, {}, { readonly: true })).rejects.toThrow(ReadonlyError);
      const nested = database.session(async () => {
        await database.session((inner) => inner.exec(SELECT_THAT_WRITES), { readonly: true });
      });
      await expect(nested).rejects.toThrow(ReadonlyError);
      expect(await segments()).toBe(2);
      // Nobody asked for reading only, so it is run where it can write.
      await database.exec(SELECT_THAT_WRITES);
      expect(await segments()).toBe(1);
    },
  );

  test("refuses a read-write session inside it at once, and goes on", async () => {
    const database = await databases.open({ entities: [Note] });
    await database.session(
      async ({ manager }) => {
        let ran = false;
        const nested = database.session(async () => {
          ran = true;
        });
        await expect(nested).rejects.toThrow(ReadonlyError);
        expect(ran).toBe(false);
        expect(await database.session(({ manager }) => manager.count(Note), { readonly: true })).toBe(0);
        expect(await manager.count(Note)).toBe(0);
      },
      { readonly: true },
    );
  });

  test("inside a write session sees what that wrote, and cannot write", async () => {
    const database = await databases.open({ entities: [Note] });
    await database.session(async (outer) => {
      await outer.manager.insert(Note, { text: "uncommitted" });
      await database.session(
        async (inner) => {
          expect(inner.readonly).toBe(true);
          expect((await inner.exec(NOTES)).scalars()).toEqual(["uncommitted"]);
          await expect(inner.manager.insert(Note, { text: "by inner" })).rejects.toThrow(ReadonlyError);
          await expect(database.getRepository(Note).insert({ text: "ambient" })).rejects.toThrow(
            ReadonlyError,
          );
          await expect(database.session(async () => {})).rejects.toThrow(ReadonlyError);
          await expect(outer.transaction((t) => t.manager.insert(Note, { text: "t" }))).rejects.toThrow(
            ReadonlyError,
          );
        },
        { readonly: true },
      );
      await outer.manager.insert(Note, { text: "writes again" });
    });
    expect(await notes()).toEqual(["uncommitted", "writes again"]);
  });

  test("inside a write session cannot write by the outer session's object either", async () => {
    const database = await databases.open({ entities: [Note] });
    await database.session(async (outer) => {
      await database.session(
        async () => {
          await expect(outer.manager.insert(Note, { text: "by outer" })).rejects.toThrow(ReadonlyError);
          await expect(outer.exec("INSERT INTO notes (text) VALUES ('by outer')")).rejects.toThrow(
            ReadonlyError,
          );
        },
        { readonly: true },
      );
    });
    expect(await notes()).toEqual([]);
  });
});
