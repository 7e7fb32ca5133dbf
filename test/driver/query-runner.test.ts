import { Column, Entity, PrimaryGeneratedColumn, QueryRunnerAlreadyReleasedError } from "typeorm";
import type { SqliteDataSource } from "../../src/driver/sqlite-data-source";
import { dataSources, rejection } from "../support/data-sources";
import { isPending, until } from "../support/deferred";
import { rawExec, rawRead } from "../support/raw-database";
import { temporaryFolder } from "../support/temporary-folder";

@Entity()
class Note {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  text!: string;
}

const open = dataSources();
const folder = temporaryFolder();
const path = () => folder.file("app.db");

let dataSource: SqliteDataSource;
beforeEach(async () => {
  dataSource = await open({
    database: path(),
    entities: [Note],
    synchronize: true,
    poolTimeout: 10,
    closeTimeout: 1,
  });
});

const texts = async () =>
  (await rawRead(path(), "SELECT text FROM note ORDER BY id")).map(({ text }) => text);
const insert = (text: string) => `INSERT INTO note (text) VALUES ('${text}')`;

/** Nothing is held: whoever wants to write can. */
async function expectWriterFree(): Promise<void> {
  expect(dataSource.driver.lender.pool.writerStats).toMatchObject({ active: 0, waiting: 0 });
  await rawExec(path(), "BEGIN IMMEDIATE; COMMIT");
  await dataSource.query("UPDATE note SET text = text");
}

describe("release()", () => {
  test("rolls an open transaction back", async () => {
    const runner = dataSource.createQueryRunner();
    await runner.startTransaction();
    await runner.query(insert("lost"));
    await runner.release();
    expect(await texts()).toEqual([]);
    await expectWriterFree();
  });

  test("rolls back open savepoints with their transaction", async () => {
    const runner = dataSource.createQueryRunner();
    for (const text of ["one", "two", "three"]) {
      await runner.startTransaction();
      await runner.query(insert(text));
    }
    await runner.release();
    expect(await texts()).toEqual([]);
    await expectWriterFree();
  });

  test("rolls back what was begun with a raw BEGIN or SAVEPOINT", async () => {
    for (const begin of ["BEGIN", "SAVEPOINT mine"]) {
      const runner = dataSource.createQueryRunner();
      await runner.query(begin);
      await runner.query(insert("lost"));
      await runner.release();
    }
    expect(await texts()).toEqual([]);
    await expectWriterFree();
  });

  test("waits for the statement that is under way", async () => {
    const runner = dataSource.createQueryRunner();
    await runner.startTransaction();
    const sql = "INSERT INTO note (text) SELECT 'lost' FROM json_each(?)";
    const inserted = runner.query(sql, [JSON.stringify(Array.from({ length: 20_000 }, () => 0))]);
    await until(() => dataSource.driver.lender.pool.holders("writer")[0]?.statement === sql);
    await runner.release();
    await inserted;
    expect(await texts()).toEqual([]);
    await expectWriterFree();
  });

  test("while BEGIN is under way gives the writer back", async () => {
    const runner = dataSource.createQueryRunner();
    const begun = runner.startTransaction().catch(() => {});
    await runner.release();
    await begun;
    await expectWriterFree();
  });

  test("while a pragma is taking the writer gives it back", async () => {
    const runner = dataSource.createQueryRunner();
    const pinned = runner.query("PRAGMA foreign_keys = OFF").catch(() => {});
    await runner.release();
    await pinned;
    await expectWriterFree();
  });

  test("called twice, or at the same time, is harmless", async () => {
    const runner = dataSource.createQueryRunner();
    await runner.startTransaction();
    await Promise.all([runner.release(), runner.release()]);
    await runner.release();
    await expectWriterFree();
  });

  test("does not end someone else's transaction", async () => {
    const [one, other] = [dataSource.createQueryRunner(), dataSource.createQueryRunner()];
    await one.startTransaction();
    await one.query(insert("kept"));
    await other.query("SELECT 1");
    await other.release();
    await one.commitTransaction();
    await one.release();
    expect(await texts()).toEqual(["kept"]);
  });

  test.each<[string, (runner: ReturnType<SqliteDataSource["createQueryRunner"]>) => Promise<unknown>]>([
    ["query()", (runner) => runner.query("SELECT 1")],
    ["startTransaction()", (runner) => runner.startTransaction()],
    ["a repository", (runner) => runner.manager.getRepository(Note).find()],
    ["a transaction()", (runner) => runner.manager.transaction(async () => {})],
  ])("makes %s throw afterwards", async (_, use) => {
    const runner = dataSource.createQueryRunner();
    await runner.release();
    expect((await rejection(use(runner))).name).toMatch(/^QueryRunner(Provider)?AlreadyReleasedError$/);
    await expect(runner.query("SELECT 1")).rejects.toBeInstanceOf(QueryRunnerAlreadyReleasedError);
  });
});

describe("await using", () => {
  test("commits what was not rolled back, as in TypeORM, and releases", async () => {
    const runner = dataSource.createQueryRunner();
    await runner.startTransaction();
    await runner.startTransaction();
    await runner.query(insert("kept"));
    await runner[Symbol.asyncDispose]();
    expect(runner.isReleased).toBe(true);
    expect(await texts()).toEqual(["kept"]);
    await expectWriterFree();
  });

  test("releases also where the commit fails", async () => {
    await dataSource.query("CREATE TABLE late (id REFERENCES note DEFERRABLE INITIALLY DEFERRED)");
    const runner = dataSource.createQueryRunner();
    await runner.startTransaction();
    await runner.query("INSERT INTO late VALUES (99)");
    await expect(runner[Symbol.asyncDispose]()).rejects.toThrow("FOREIGN KEY");
    expect(await rawRead(path(), "SELECT * FROM late")).toEqual([]);
    await expectWriterFree();
  });
});

describe("a runner that nobody releases", () => {
  test("holds nothing", async () => {
    const runners = Array.from({ length: 40 }, () => dataSource.createQueryRunner());
    for (const runner of runners) {
      await runner.query("SELECT * FROM note");
      await runner.query(insert("kept"));
      await runner.manager.count(Note);
    }
    expect(dataSource.driver.lender.pool.readerStats).toMatchObject({ active: 0, waiting: 0 });
    await expectWriterFree();
  });

  test("holds nothing after its transaction has ended", async () => {
    for (const end of ["commitTransaction", "rollbackTransaction"] as const) {
      const runner = dataSource.createQueryRunner();
      await runner.startTransaction();
      await runner.query(insert(end));
      await runner[end]();
    }
    await expectWriterFree();
    expect(await texts()).toEqual(["commitTransaction"]);
  });

  test("holds nothing after a statement that failed", async () => {
    const runner = dataSource.createQueryRunner();
    await expect(runner.query("SELECT nonsense")).rejects.toThrow("nonsense");
    await expect(runner.query("INSERT INTO note (text) VALUES (NULL)")).rejects.toThrow("NOT NULL");
    expect(dataSource.driver.lender.pool.readerStats.active).toBe(0);
    await expectWriterFree();
  });
});

describe("routing", () => {
  test("what only reads goes to a reader while the writer is busy", async () => {
    const holder = dataSource.createQueryRunner();
    await holder.startTransaction();
    const runner = dataSource.createQueryRunner();
    for (const sql of [
      "SELECT * FROM note",
      "WITH n AS (SELECT 1) SELECT * FROM n",
      "PRAGMA table_info(note)",
    ]) {
      await runner.query(sql);
    }
    await holder.release();
  });

  test("what asks about the last write goes to the writer", async () => {
    const runner = dataSource.createQueryRunner();
    await runner.query(insert("one"));
    expect(await runner.query("SELECT changes() AS n, last_insert_rowid() AS id")).toEqual([{ n: 1, id: 1 }]);
  });

  test("what looks like a read and writes is taken by the writer", async () => {
    await dataSource.query("CREATE VIRTUAL TABLE search USING fts4(text)");
    for (const word of ["one", "two", "three"])
      await dataSource.query("INSERT INTO search VALUES (?)", [word]);
    const segments = "SELECT count(*) AS n FROM search_segdir";
    expect(await dataSource.query(segments)).toEqual([{ n: 3 }]);
    // https://sqlite.org/fts3.html#optimize: a function that merges what the index is made of.
    await dataSource.query("SELECT optimize(search) FROM search LIMIT 1");
    expect(await rawRead(path(), segments)).toEqual([{ n: 1 }]);
  });

  test("statements of one runner run in the order they were sent", async () => {
    const runner = dataSource.createQueryRunner();
    const names = Array.from({ length: 20 }, (_, number) => `${number}`);
    const counts: Promise<[{ n: number }]>[] = [];
    for (const name of names) {
      void runner.query(insert(name));
      counts.push(runner.query("SELECT count(*) AS n FROM note"));
    }
    expect((await Promise.all(counts)).map(([{ n }]) => n)).toEqual(names.map((_, number) => number + 1));
    expect(await texts()).toEqual(names);
  });

  test("statements that are sent right after BEGIN, without waiting for it, belong to the transaction", async () => {
    const runner = dataSource.createQueryRunner();
    await Promise.all([runner.query("BEGIN"), runner.query(insert("lost")), runner.query("ROLLBACK")]);
    await runner.release();
    expect(await texts()).toEqual([]);
    await expectWriterFree();
  });

  test("transactions that are started together on one runner nest", async () => {
    const runner = dataSource.createQueryRunner();
    await Promise.all([runner.startTransaction(), runner.startTransaction()]);
    await runner.query(insert("lost"));
    await runner.rollbackTransaction();
    await runner.query(insert("kept"));
    await runner.commitTransaction();
    await runner.release();
    expect(await texts()).toEqual(["kept"]);
  });

  test("entities that are saved together on one runner are all saved", async () => {
    const runner = dataSource.createQueryRunner();
    const names = ["one", "two", "three", "four"];
    await Promise.all(names.map((text) => runner.manager.save(runner.manager.create(Note, { text }))));
    await runner.release();
    expect((await texts()).sort()).toEqual([...names].sort());
  });

  test("VACUUM and ANALYZE run outside of transactions", async () => {
    await dataSource.query(insert("one"));
    await dataSource.query("VACUUM");
    await dataSource.query("ANALYZE");
    expect(await texts()).toEqual(["one"]);
  });
});

describe("a statement that changes its connection", () => {
  const asks: [string, string, string, unknown][] = [
    ["PRAGMA foreign_keys = OFF", "PRAGMA foreign_keys", "foreign_keys", 0],
    ["PRAGMA recursive_triggers = ON", "PRAGMA recursive_triggers", "recursive_triggers", 1],
    ["PRAGMA cache_size(-77)", "PRAGMA cache_size", "cache_size", -77],
  ];

  test.each(asks)("%s stays with the runner, and with nobody else", async (set, get, name, value) => {
    const runner = dataSource.createQueryRunner();
    const [before] = await runner.query(get);
    await runner.query(set);
    expect(await runner.query(get)).toEqual([{ [name]: value }]);
    await runner.startTransaction();
    expect(await runner.query(get)).toEqual([{ [name]: value }]);
    await runner.commitTransaction();
    expect(await runner.query(get)).toEqual([{ [name]: value }]);
    await runner.release();

    const next = dataSource.createQueryRunner();
    expect(await next.query(get)).toEqual([before]);
    await next.startTransaction();
    expect(await next.query(get)).toEqual([before]);
    await next.release();
  });

  test("a TEMP table stays with the runner, and is gone for the next one", async () => {
    const runner = dataSource.createQueryRunner();
    await runner.query("CREATE TEMP TABLE mine (n)");
    await runner.query("INSERT INTO mine VALUES (1)");
    expect(await runner.query("SELECT n FROM mine")).toEqual([{ n: 1 }]);
    expect(await runner.query("SELECT n FROM temp.mine")).toEqual([{ n: 1 }]);
    await runner.release();
    await expect(dataSource.query("INSERT INTO mine VALUES (2)")).rejects.toThrow("no such table");
    await expect(dataSource.query("SELECT * FROM mine")).rejects.toThrow("no such table");
  });

  test("a TEMP table made in a transaction is the runner's after COMMIT too", async () => {
    const runner = dataSource.createQueryRunner();
    await runner.startTransaction();
    await runner.query("CREATE TEMP TABLE mine AS SELECT 1 AS n");
    await runner.commitTransaction();
    expect(await runner.query("SELECT n FROM mine")).toEqual([{ n: 1 }]);
    await runner.release();
    await expect(dataSource.query("INSERT INTO mine VALUES (2)")).rejects.toThrow("no such table");
  });

  test("ATTACH stays with the runner, and is gone for the next one", async () => {
    await rawExec(folder.file("other.db"), "CREATE TABLE far (n); INSERT INTO far VALUES (1)");
    const runner = dataSource.createQueryRunner();
    await runner.query(`ATTACH '${folder.file("other.db")}' AS other`);
    expect(await runner.query("SELECT n FROM other.far")).toEqual([{ n: 1 }]);
    await runner.query("INSERT INTO other.far VALUES (2)");
    await runner.release();
    await expect(dataSource.query("SELECT * FROM other.far")).rejects.toThrow("no such table");
    await expect(dataSource.query("INSERT INTO other.far VALUES (3)")).rejects.toThrow("no such table");
    expect(await rawRead(folder.file("other.db"), "SELECT count(*) AS n FROM far")).toEqual([{ n: 2 }]);
  });

  test("keeps the writer for its runner, until that is released", async () => {
    const runner = dataSource.createQueryRunner();
    await runner.query("PRAGMA foreign_keys = OFF");
    const waiting = dataSource.query(insert("later"));
    await until(() => dataSource.driver.lender.pool.writerStats.waiting === 1);
    expect(await isPending(waiting)).toBe(true);
    await runner.query(insert("mine"));
    await runner.release();
    await waiting;
    expect(await texts()).toEqual(["mine", "later"]);
  });

  test("in a transaction leaves no trace for the next one", async () => {
    await dataSource.transaction(async (manager) => {
      await manager.query("PRAGMA recursive_triggers = ON");
      await manager.query("CREATE TEMP TABLE mine (n)");
    });
    const runner = dataSource.createQueryRunner();
    await runner.startTransaction();
    expect(await runner.query("PRAGMA recursive_triggers")).toEqual([{ recursive_triggers: 0 }]);
    await expect(runner.query("SELECT * FROM mine")).rejects.toThrow("no such table");
    await runner.release();
  });

  test("two at the same time take the writer once", async () => {
    const runner = dataSource.createQueryRunner();
    await Promise.all([
      runner.query("PRAGMA foreign_keys = OFF"),
      runner.query("PRAGMA recursive_triggers = ON"),
      runner.query("CREATE TEMP TABLE mine (n)"),
    ]);
    expect(await runner.query("PRAGMA foreign_keys")).toEqual([{ foreign_keys: 0 }]);
    expect(await runner.query("PRAGMA recursive_triggers")).toEqual([{ recursive_triggers: 1 }]);
    await runner.release();
    await expectWriterFree();
  });

  test("clearDatabase() of TypeORM empties the file and leaves foreign keys on", async () => {
    await dataSource.query("CREATE TABLE child (id INTEGER REFERENCES note)");
    await dataSource.query(insert("one"));
    await dataSource.query("INSERT INTO child VALUES (1)");
    const runner = dataSource.createQueryRunner();
    await runner.clearDatabase();
    await runner.release();
    expect(await rawRead(path(), "SELECT name FROM sqlite_schema WHERE name IN ('note', 'child')")).toEqual(
      [],
    );
    expect(await dataSource.query("PRAGMA foreign_keys")).toEqual([{ foreign_keys: 1 }]);
    await dataSource.synchronize();
    const next = dataSource.createQueryRunner();
    await next.startTransaction();
    expect(await next.query("PRAGMA foreign_keys")).toEqual([{ foreign_keys: 1 }]);
    await next.release();
  });
});

describe("the schema that another connection has changed", () => {
  test("shows in pragmas and in what TypeORM reads of it", async () => {
    // Every reader and the writer have the old schema in memory.
    await Promise.all(Array.from({ length: 4 }, () => dataSource.query("SELECT * FROM note")));
    await dataSource.query(insert("one"));
    await rawExec(path(), "ALTER TABLE note ADD COLUMN added TEXT; CREATE TABLE later (id INTEGER UNIQUE)");
    const columns = await dataSource.query("PRAGMA table_info(note)");
    expect(columns.map(({ name }: { name: string }) => name)).toEqual(["id", "text", "added"]);
    expect(await dataSource.query("PRAGMA index_list(later)")).toHaveLength(1);
    const runner = dataSource.createQueryRunner();
    expect(await runner.hasColumn("note", "added")).toBe(true);
    expect((await runner.getTable("later"))?.columns).toHaveLength(1);
    await runner.release();
  });

  test("shows in query plans", async () => {
    const plan = "EXPLAIN QUERY PLAN SELECT * FROM note WHERE text = 'x'";
    expect(await dataSource.query(plan)).toMatchObject([{ detail: expect.stringContaining("SCAN") }]);
    await rawExec(path(), "CREATE INDEX note_text ON note (text)");
    expect(await dataSource.query(plan)).toMatchObject([{ detail: expect.stringContaining("note_text") }]);
  });

  test("shows in table-valued pragmas", async () => {
    const names = "SELECT name FROM pragma_table_info('note')";
    expect(await dataSource.query(names)).toHaveLength(2);
    await rawExec(path(), "ALTER TABLE note ADD COLUMN added TEXT");
    expect(await dataSource.query(names)).toHaveLength(3);
  });

  test("shows in rows", async () => {
    await dataSource.query(insert("one"));
    expect(await dataSource.query("SELECT * FROM note")).toEqual([{ id: 1, text: "one" }]);
    await rawExec(path(), "ALTER TABLE note ADD COLUMN added DEFAULT 'new'");
    expect(await dataSource.query("SELECT * FROM note")).toEqual([{ id: 1, text: "one", added: "new" }]);
  });
});
