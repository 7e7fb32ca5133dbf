import { readFile, writeFile } from "node:fs/promises";
import { Column, Entity, PrimaryColumn, PrimaryGeneratedColumn } from "typeorm";
import { dataSources, rejection } from "../support/data-sources";
import { barrier, deferred, isPending, settle, until } from "../support/deferred";
import { randomTest } from "../support/random";
import { RawDatabase, rawRead } from "../support/raw-database";
import { temporaryFolder } from "../support/temporary-folder";

@Entity()
class Account {
  @PrimaryColumn()
  id!: number;

  @Column({ default: 0 })
  balance!: number;
}

@Entity()
class Entry {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  text!: string;
}

const open = dataSources();
const folder = temporaryFolder();
const path = () => folder.file("app.db");
const openApp = (options: Partial<Parameters<typeof open>[0]> = {}) =>
  open({ database: path(), entities: [Account, Entry], synchronize: true, ...options });

const balance = async () => (await rawRead(path(), "SELECT balance FROM account WHERE id = 1"))[0]?.balance;
const texts = async () =>
  (await rawRead(path(), "SELECT text FROM entry ORDER BY id")).map(({ text }) => text);

describe("concurrent transactions", () => {
  randomTest("of which some fail add up exactly, and leave bystanders their rows", async (random) => {
    const dataSource = await openApp();
    await dataSource.manager.insert(Account, { id: 1 });
    const bystanders = Array.from({ length: 30 }, (_, number) => `bystander ${number}`);
    let expected = 0;

    const transaction = async (fails: boolean, amount: number): Promise<void> => {
      await dataSource.transaction(async (manager) => {
        const account = await manager.findOneByOrFail(Account, { id: 1 });
        await manager.insert(Entry, { text: `${fails ? "lost" : "kept"}` });
        // Read, changed here and written back: any mixing of two transactions loses an amount.
        await manager.update(Account, { id: 1 }, { balance: account.balance + amount });
        if (fails) throw new Error("deliberate");
      });
    };

    const work: Promise<unknown>[] = [];
    for (let number = 0; number < 100; number++) {
      const fails = random.chance(0.3);
      const amount = random.below(1000);
      if (!fails) expected += amount;
      work.push(
        transaction(fails, amount).then(
          () => expect(fails).toBe(false),
          (error: Error) => expect(error.message).toBe("deliberate"),
        ),
      );
      const text = number % 3 === 0 ? bystanders[number / 3] : undefined;
      if (text !== undefined) work.push(dataSource.manager.insert(Entry, { text }));
      if (random.chance(0.3)) work.push(dataSource.manager.count(Entry));
    }
    await Promise.all(work);

    expect(await balance()).toBe(expected);
    const left = await texts();
    expect(left.filter((text) => text !== "kept").sort()).toEqual(bystanders.sort());
  });

  test("500 at once all commit, with fs.readFile and readers beside them", async () => {
    const dataSource = await openApp();
    await dataSource.manager.insert(Account, { id: 1 });
    await writeFile(folder.file("note.txt"), "a note");
    const finished: string[] = [];

    const transactions = Array.from({ length: 500 }, () =>
      dataSource
        .transaction(async (manager) => {
          const account = await manager.findOneByOrFail(Account, { id: 1 });
          await manager.update(Account, { id: 1 }, { balance: account.balance + 1 });
        })
        .then(() => finished.push("transaction")),
    );
    const readers = Array.from({ length: 200 }, () => dataSource.manager.find(Account));
    const file = readFile(folder.file("note.txt")).then(() => finished.push("file"));
    await Promise.all([...transactions, ...readers, file]);

    expect(await balance()).toBe(500);
    // All threads busy with SQLite would let the file wait for nearly all of them.
    expect(finished.indexOf("file")).toBeLessThan(250);
  });

  test("reach SQLite in the order they came", async () => {
    const dataSource = await openApp();
    const entered = deferred();
    const leave = deferred();
    const first = dataSource.transaction(async (manager) => {
      entered.resolve();
      await leave.promise;
      await manager.insert(Entry, { text: "first" });
    });
    await entered.promise;
    const rawTransaction = async (text: string): Promise<void> => {
      const runner = dataSource.createQueryRunner();
      await runner.query("BEGIN");
      await runner.query("INSERT INTO entry (text) VALUES (?)", [text]);
      await runner.query("COMMIT");
      await runner.release();
    };
    // Transactions, raw ones and single statements stand in the same line.
    const ways: ((text: string) => Promise<unknown>)[] = [
      (text) => dataSource.manager.insert(Entry, { text }),
      (text) => dataSource.transaction((manager) => manager.insert(Entry, { text })),
      rawTransaction,
    ];
    const names = Array.from({ length: 30 }, (_, number) => `${number}`);
    const others: Promise<unknown>[] = [];
    for (const text of names) {
      others.push(ways[others.length % ways.length]!(text));
      await until(() => dataSource.driver.lender.pool.writerStats.waiting === others.length);
    }
    leave.resolve();
    await Promise.all([first, ...others]);
    expect(await texts()).toEqual(["first", ...names]);
  });

  test("meet inside each other only as far as they may: one writes at a time", async () => {
    const dataSource = await openApp();
    let inside = 0;
    let most = 0;
    await Promise.all(
      Array.from({ length: 20 }, () =>
        dataSource.transaction(async (manager) => {
          most = Math.max(most, ++inside);
          await manager.insert(Entry, { text: "one" });
          await manager.count(Entry);
          inside--;
        }),
      ),
    );
    expect(most).toBe(1);
  });
});

test("more long reads than threads leave one to the writer and one to files", async () => {
  const dataSource = await openApp({ closeTimeout: 0 });
  await writeFile(folder.file("note.txt"), "a note");
  const endless =
    "WITH RECURSIVE n AS (SELECT 1 UNION ALL SELECT 1 FROM n LIMIT 1000000000) SELECT count(*) FROM n";
  const readers = await Promise.all(
    Array.from({ length: 10 }, () => dataSource.driver.lender.acquire("reader", "long read")),
  );
  const reads = readers.map((reader) => rejection(reader.all(endless)));
  await dataSource.transaction((manager) => manager.insert(Entry, { text: "written" }));
  expect(await readFile(folder.file("note.txt"), "utf8")).toBe("a note");
  await dataSource.destroy();
  for (const read of reads) expect(await read).toMatchObject({ code: "DATABASE_CLOSED" });
  expect(await texts()).toEqual(["written"]);
});

describe("isolation", () => {
  test("uncommitted rows are invisible to readers, to other runners and to a second connection", async () => {
    const dataSource = await openApp();
    const bystander = dataSource.createQueryRunner();
    await dataSource.transaction(async (manager) => {
      await manager.insert(Entry, { text: "secret" });
      expect(await manager.count(Entry)).toBe(1);
      expect(await dataSource.manager.count(Entry)).toBe(0);
      expect(await bystander.query("SELECT count(*) AS n FROM entry")).toEqual([{ n: 0 }]);
      expect(await texts()).toEqual([]);
    });
    expect(await dataSource.manager.count(Entry)).toBe(1);
    expect(await texts()).toEqual(["secret"]);
  });

  test("readers do not wait for a writer, nor a writer for readers", async () => {
    const dataSource = await openApp();
    const arrive = barrier(2);
    const raw = await RawDatabase.open(path());
    try {
      // A reader in the middle of a snapshot…
      await raw.exec("BEGIN");
      await raw.all("SELECT * FROM entry");
      // …and a transaction that stays open until a read beside it is done.
      await Promise.all([
        dataSource.transaction(async (manager) => {
          await manager.insert(Entry, { text: "one" });
          await arrive();
        }),
        dataSource.manager.count(Entry).then(arrive),
      ]);
      expect(await raw.all("SELECT * FROM entry")).toEqual([]);
    } finally {
      await raw.close();
    }
    expect(await texts()).toEqual(["one"]);
  });

  test("a row that was written is there for the next read of anyone, once the write has resolved", async () => {
    const dataSource = await openApp();
    for (let number = 1; number <= 50; number++) {
      await dataSource.manager.insert(Entry, { text: `${number}` });
      const counts = await Promise.all(Array.from({ length: 3 }, () => dataSource.manager.count(Entry)));
      expect(counts).toEqual([number, number, number]);
    }
  });

  test("READ UNCOMMITTED is taken, and does not stay with the connection", async () => {
    const dataSource = await openApp();
    await dataSource.transaction("READ UNCOMMITTED", async (manager) => {
      expect(await manager.query("PRAGMA read_uncommitted")).toEqual([{ read_uncommitted: 1 }]);
      await manager.insert(Entry, { text: "one" });
    });
    await dataSource.transaction(async (manager) => {
      expect(await manager.query("PRAGMA read_uncommitted")).toEqual([{ read_uncommitted: 0 }]);
    });
    expect(await texts()).toEqual(["one"]);
  });

  test("an isolation level that SQLite has not is refused before anything is held", async () => {
    const dataSource = await openApp();
    const work = dataSource.transaction("REPEATABLE READ", async () => {});
    expect((await rejection(work)).message).toContain("REPEATABLE READ");
    expect(dataSource.driver.lender.pool.writerStats).toMatchObject({ active: 0 });
  });
});

describe("nested transactions", () => {
  test("are savepoints: one that fails undoes only its own part", async () => {
    const dataSource = await openApp();
    await dataSource.transaction(async (manager) => {
      await manager.insert(Entry, { text: "outer" });
      await manager.transaction((inner) => inner.insert(Entry, { text: "kept" }));
      const failing = manager.transaction(async (inner) => {
        await inner.insert(Entry, { text: "lost" });
        await inner.transaction((innermost) => innermost.insert(Entry, { text: "lost too" }));
        throw new Error("deliberate");
      });
      await expect(failing).rejects.toThrow("deliberate");
      await manager.insert(Entry, { text: "after" });
    });
    expect(await texts()).toEqual(["outer", "kept", "after"]);
  });

  test("that succeeded are undone with the outer one", async () => {
    const dataSource = await openApp();
    const failing = dataSource.transaction(async (manager) => {
      await manager.transaction((inner) => inner.insert(Entry, { text: "inner" }));
      throw new Error("deliberate");
    });
    await expect(failing).rejects.toThrow("deliberate");
    expect(await texts()).toEqual([]);
  });

  test("of one runner nest as deep as they are started, and end from the inside", async () => {
    const dataSource = await openApp();
    const runner = dataSource.createQueryRunner();
    await runner.startTransaction();
    for (const text of ["one", "two", "three"]) {
      await runner.startTransaction();
      await runner.manager.insert(Entry, { text });
    }
    await runner.rollbackTransaction();
    await runner.commitTransaction();
    expect(runner.isTransactionActive).toBe(true);
    await runner.commitTransaction();
    await runner.commitTransaction();
    expect(runner.isTransactionActive).toBe(false);
    await runner.release();
    expect(await texts()).toEqual(["one", "two"]);
  });

  test("that run side by side are not mixed: the one that fails undoes only its own part", async () => {
    const dataSource = await openApp();
    await dataSource.transaction(async (manager) => {
      const outcomes = await Promise.allSettled(
        ["one", "two", "three", "four"].map((name, number) =>
          manager.transaction(async (inner) => {
            await inner.insert(Entry, { text: `${name} begins` });
            await inner.insert(Entry, { text: `${name} ends` });
            if (number % 2 === 1) throw new Error("deliberate");
          }),
        ),
      );
      expect(outcomes.map(({ status }) => status)).toEqual([
        "fulfilled",
        "rejected",
        "fulfilled",
        "rejected",
      ]);
    });
    expect(await texts()).toEqual(["one begins", "one ends", "three begins", "three ends"]);
  });

  test("that begin while another is under way are not mixed with it either", async () => {
    const dataSource = await openApp();
    await dataSource.transaction(async (manager) => {
      const entered = deferred();
      const leave = deferred();
      const first = manager.transaction(async (inner) => {
        entered.resolve();
        await inner.insert(Entry, { text: "lost" });
        await leave.promise;
        throw new Error("deliberate");
      });
      await entered.promise;
      const second = manager.transaction((inner) => inner.insert(Entry, { text: "kept" }));
      await settle();
      leave.resolve();
      await expect(first).rejects.toThrow("deliberate");
      await second;
    });
    expect(await texts()).toEqual(["kept"]);
  });

  test("that cannot begin do not end the one around them", async () => {
    const dataSource = await openApp();
    const failing = dataSource.transaction(async (manager) => {
      await manager.insert(Entry, { text: "outer" });
      await expect(manager.transaction("REPEATABLE READ", async () => {})).rejects.toThrow("REPEATABLE READ");
      // If that had ended it, this row would be committed at once.
      await manager.insert(Entry, { text: "after" });
      throw new Error("deliberate");
    });
    await expect(failing).rejects.toThrow("deliberate");
    expect(await texts()).toEqual([]);
  });

  test("raw SAVEPOINTs work inside a transaction", async () => {
    const dataSource = await openApp();
    await dataSource.transaction(async (manager) => {
      await manager.query("SAVEPOINT mine");
      await manager.insert(Entry, { text: "lost" });
      await manager.query("ROLLBACK TO mine");
      await manager.insert(Entry, { text: "kept" });
      await manager.query("RELEASE mine");
    });
    expect(await texts()).toEqual(["kept"]);
  });
});

describe("raw BEGIN, COMMIT and ROLLBACK", () => {
  test.each([
    "BEGIN",
    "begin immediate",
    "/* mine */ BEGIN TRANSACTION",
    "BEGIN DEFERRED",
    "BEGIN EXCLUSIVE;",
  ])("%s begins a transaction that nobody else takes part in", async (begin) => {
    const dataSource = await openApp();
    const runner = dataSource.createQueryRunner();
    await runner.query(begin);
    await runner.query("INSERT INTO entry (text) VALUES ('one')");
    expect(runner.isTransactionActive).toBe(true);
    expect(await texts()).toEqual([]);
    await runner.query("END");
    expect(runner.isTransactionActive).toBe(false);
    expect(await texts()).toEqual(["one"]);
    await runner.release();
  });

  test("ROLLBACK leaves no trace", async () => {
    const dataSource = await openApp();
    const runner = dataSource.createQueryRunner();
    await runner.query("BEGIN");
    await runner.query("INSERT INTO entry (text) VALUES ('one')");
    await runner.query("ROLLBACK");
    await runner.query("INSERT INTO entry (text) VALUES ('two')");
    expect(await texts()).toEqual(["two"]);
    await runner.release();
  });

  test("where nothing was begun they fail as in SQLite", async () => {
    const dataSource = await openApp();
    const runner = dataSource.createQueryRunner();
    await expect(runner.query("COMMIT")).rejects.toThrow("no transaction is active");
    await expect(runner.query("ROLLBACK")).rejects.toThrow("no transaction is active");
    await expect(runner.commitTransaction()).rejects.toThrow();
    await runner.release();
    expect(dataSource.driver.lender.pool.writerStats.active).toBe(0);
  });

  test("a second BEGIN fails, and the first transaction goes on", async () => {
    const dataSource = await openApp();
    const runner = dataSource.createQueryRunner();
    await runner.query("BEGIN");
    await runner.query("INSERT INTO entry (text) VALUES ('one')");
    await expect(runner.query("BEGIN")).rejects.toThrow("within a transaction");
    await runner.query("COMMIT");
    await runner.release();
    expect(await texts()).toEqual(["one"]);
  });

  test("COMMIT inside a savepoint does not end what is around it", async () => {
    const dataSource = await openApp();
    const failing = dataSource.transaction(async (manager) => {
      await manager.insert(Entry, { text: "outer" });
      await manager.transaction(async (inner) => {
        await expect(inner.query("COMMIT")).rejects.toThrow("would end the transaction around");
        await expect(inner.query("ROLLBACK")).rejects.toThrow("would end the transaction around");
      });
      throw new Error("deliberate");
    });
    await expect(failing).rejects.toThrow("deliberate");
    expect(await texts()).toEqual([]);
  });
});

describe("a transaction that SQLite ends by itself", () => {
  const rollingBack: [string, string][] = [
    ["INSERT OR ROLLBACK", "INSERT OR ROLLBACK INTO account (id) VALUES (1)"],
    ["RAISE(ROLLBACK)", "INSERT INTO entry (text) VALUES ('forbidden')"],
  ];

  test.each(rollingBack)(
    "by %s writes nothing any more, and leaves the connection usable",
    async (_, sql) => {
      const dataSource = await openApp();
      await dataSource.manager.insert(Account, { id: 1 });
      await dataSource.query(`CREATE TRIGGER forbid BEFORE INSERT ON entry WHEN new.text = 'forbidden'
      BEGIN SELECT RAISE(ROLLBACK, 'forbidden text'); END`);
      const failing = dataSource.transaction(async (manager) => {
        await manager.insert(Entry, { text: "before" });
        const refused = await rejection(manager.query(sql));
        expect(refused).toMatchObject({ code: "SQLITE_CONSTRAINT" });
        // Without its transaction this would be committed at once.
        const later = await rejection(manager.insert(Entry, { text: "after" }));
        expect(later).toMatchObject({ code: "SESSION_CLOSED" });
      });
      expect(await rejection(failing)).toMatchObject({ code: "SESSION_CLOSED" });
      expect(await texts()).toEqual([]);

      await dataSource.manager.insert(Entry, { text: "next" });
      expect(await texts()).toEqual(["next"]);
      expect(dataSource.driver.lender.pool.writerStats).toMatchObject({ total: 1, idle: 1 });
    },
  );

  test.each(rollingBack)("by %s in a savepoint is over for what is around it too", async (_, sql) => {
    const dataSource = await openApp();
    await dataSource.manager.insert(Account, { id: 1 });
    await dataSource.query(`CREATE TRIGGER forbid BEFORE INSERT ON entry WHEN new.text = 'forbidden'
      BEGIN SELECT RAISE(ROLLBACK, 'forbidden text'); END`);
    const failing = dataSource.transaction(async (manager) => {
      await manager.insert(Entry, { text: "before" });
      await expect(manager.transaction((inner) => inner.query(sql))).rejects.toThrow(/constraint|forbidden/);
      await manager.insert(Entry, { text: "after" });
    });
    await expect(failing).rejects.toThrow();
    expect(await texts()).toEqual([]);
  });

  test("does not resolve for who has caught the error and goes on to the end", async () => {
    const dataSource = await openApp();
    await dataSource.manager.insert(Account, { id: 1 });
    const committed = dataSource.transaction(async (manager) => {
      await manager.insert(Entry, { text: "before" });
      await manager.query("INSERT OR ROLLBACK INTO account (id) VALUES (1)").catch(() => {});
    });
    expect(await rejection(committed)).toMatchObject({ code: "SESSION_CLOSED" });
    expect(await texts()).toEqual([]);
  });

  test("lets nothing through after a nested one could not begin", async () => {
    const dataSource = await openApp();
    await dataSource.manager.insert(Account, { id: 1 });
    const failing = dataSource.transaction(async (manager) => {
      await manager.query("INSERT OR ROLLBACK INTO account (id) VALUES (1)").catch(() => {});
      const nested = await rejection(manager.transaction(async () => {}));
      expect(nested).toMatchObject({ code: "SESSION_CLOSED" });
      await manager.insert(Entry, { text: "after" }).catch(() => {});
    });
    const reason = await rejection(failing);
    expect(await texts()).toEqual([]);
    expect(reason).toMatchObject({ code: "SESSION_CLOSED" });
  });

  test("because the disk is full lets nothing of it through", async () => {
    const dataSource = await openApp({ pragmas: { max_page_count: 20 } });
    const failing = dataSource.transaction(async (manager) => {
      await manager.insert(Entry, { text: "before" });
      const full = await rejection(manager.insert(Entry, { text: "x".repeat(200_000) }));
      expect(full).toMatchObject({ code: "SQLITE_FULL" });
      // SQLite may or may not have ended the transaction: https://sqlite.org/lang_transaction.html
      await manager.insert(Entry, { text: "after" }).catch(() => {});
      throw new Error("deliberate");
    });
    await expect(failing).rejects.toThrow("deliberate");
    expect(await texts()).toEqual([]);
    await dataSource.manager.insert(Entry, { text: "next" });
    expect(await texts()).toEqual(["next"]);
  });

  test("is not taken for one where an ordinary error undid only its statement", async () => {
    const dataSource = await openApp();
    await dataSource.manager.insert(Account, { id: 1 });
    await dataSource.transaction(async (manager) => {
      await manager.insert(Entry, { text: "before" });
      await expect(manager.insert(Account, { id: 1 })).rejects.toThrow("UNIQUE");
      await expect(manager.query("NONSENSE")).rejects.toThrow("syntax error");
      await manager.insert(Entry, { text: "after" });
    });
    expect(await texts()).toEqual(["before", "after"]);
  });
});

describe("a COMMIT that fails", () => {
  const DEFERRED = "CREATE TABLE child (id INTEGER REFERENCES account DEFERRABLE INITIALLY DEFERRED)";

  test("because of a deferred foreign key rolls back, says why, and leaves the connection usable", async () => {
    const dataSource = await openApp();
    await dataSource.query(DEFERRED);
    const failing = dataSource.transaction(async (manager) => {
      await manager.insert(Entry, { text: "lost" });
      await manager.query("INSERT INTO child VALUES (99)");
    });
    expect(await rejection(failing)).toMatchObject({
      name: "ConstraintError",
      code: "SQLITE_CONSTRAINT",
      kind: "foreignKey",
      query: "COMMIT",
    });
    expect(await texts()).toEqual([]);
    await dataSource.transaction((manager) => manager.insert(Entry, { text: "next" }));
    expect(await texts()).toEqual(["next"]);
    expect(dataSource.driver.lender.pool.writerStats).toMatchObject({ total: 1, idle: 1 });
  });

  test("leaves the transaction open for who wants to mend it", async () => {
    const dataSource = await openApp();
    await dataSource.query(DEFERRED);
    const runner = dataSource.createQueryRunner();
    await runner.startTransaction();
    await runner.query("INSERT INTO child VALUES (99)");
    await expect(runner.commitTransaction()).rejects.toThrow("FOREIGN KEY constraint failed");
    expect(runner.isTransactionActive).toBe(true);
    await runner.manager.insert(Account, { id: 99 });
    await runner.commitTransaction();
    await runner.release();
    expect(await rawRead(path(), "SELECT id FROM child")).toEqual([{ id: 99 }]);
  });

  test("and is released instead of rolled back leaves no trace", async () => {
    const dataSource = await openApp();
    await dataSource.query(DEFERRED);
    const runner = dataSource.createQueryRunner();
    await runner.startTransaction();
    await runner.query("INSERT INTO child VALUES (99)");
    await expect(runner.commitTransaction()).rejects.toThrow("FOREIGN KEY constraint failed");
    await runner.release();
    expect(await rawRead(path(), "SELECT id FROM child")).toEqual([]);
    await dataSource.manager.insert(Entry, { text: "next" });
  });
});

describe("waiting for oneself", () => {
  test("a write beside one's own transaction fails at once instead of waiting for ever", async () => {
    const dataSource = await openApp({ poolTimeout: 3600 });
    await dataSource.transaction(async (manager) => {
      await manager.insert(Entry, { text: "kept" });
      const stuck = await rejection(dataSource.manager.insert(Entry, { text: "outside" }));
      expect(stuck).toMatchObject({ name: "PoolTimeoutError", code: "POOL_TIMEOUT" });
      expect(stuck.message).toContain("would wait for ever");
      const nested = await rejection(dataSource.transaction(async () => {}));
      expect(nested).toMatchObject({ code: "POOL_TIMEOUT" });
    });
    expect(await texts()).toEqual(["kept"]);
  });

  test("a write in a nested one's callback fails at once too", async () => {
    const dataSource = await openApp({ poolTimeout: 3600 });
    await dataSource.transaction((manager) =>
      manager.transaction(async () => {
        expect(await rejection(dataSource.query("DELETE FROM entry"))).toMatchObject({
          code: "POOL_TIMEOUT",
        });
      }),
    );
  });

  test("what was begun inside goes on to write once the transaction has ended", async () => {
    const dataSource = await openApp();
    const ended = deferred();
    const later = await dataSource.transaction(async (manager) => {
      await manager.insert(Entry, { text: "inside" });
      return { work: ended.promise.then(() => dataSource.manager.insert(Entry, { text: "later" })) };
    });
    ended.resolve();
    await later.work;
    expect(await texts()).toEqual(["inside", "later"]);
  });

  test("someone else's transaction is waited for", async () => {
    const dataSource = await openApp();
    const leave = deferred();
    const entered = deferred();
    const holding = dataSource.transaction(async () => {
      entered.resolve();
      await leave.promise;
    });
    await entered.promise;
    const waiting = dataSource.manager.insert(Entry, { text: "patient" });
    await until(() => dataSource.driver.lender.pool.writerStats.waiting === 1);
    expect(await isPending(waiting)).toBe(true);
    leave.resolve();
    await Promise.all([holding, waiting]);
    expect(await texts()).toEqual(["patient"]);
  });
});
