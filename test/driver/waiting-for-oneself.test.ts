import {
  AfterInsert,
  Column,
  Entity,
  type EntitySubscriberInterface,
  EventSubscriber,
  type InsertEvent,
  type MigrationInterface,
  PrimaryGeneratedColumn,
  type QueryRunner,
} from "typeorm";
import type { SqliteDataSource } from "../../src/driver/sqlite-data-source";
import { dataSources, rejection } from "../support/data-sources";
import { testDatabases } from "../support/databases";
import { rawRead } from "../support/raw-database";
import { temporaryFolder } from "../support/temporary-folder";

// Code that TypeORM waits for inside of a transaction which nobody has opened by a callback.

let heard: (event?: InsertEvent<Entry>) => unknown = () => {};
let listened: () => unknown = () => {};

@Entity()
class Entry {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  text!: string;
}

@Entity()
class Page {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  text!: string;

  @AfterInsert()
  inserted(): unknown {
    return listened();
  }
}

@EventSubscriber()
class Subscriber implements EntitySubscriberInterface<Entry> {
  listenTo() {
    return Entry;
  }

  async afterInsert(event: InsertEvent<Entry>): Promise<void> {
    await heard(event);
  }
}

const databases = testDatabases();
const open = dataSources();
const folder = temporaryFolder();
const path = () => folder.file("app.db");
const openApp = (options: Partial<Parameters<typeof open>[0]> = {}) =>
  open({
    database: path(),
    entities: [Entry, Page],
    subscribers: [Subscriber],
    synchronize: true,
    poolTimeout: 3600,
    ...options,
  });
const texts = async () =>
  (await rawRead(path(), "SELECT text FROM entry ORDER BY id")).map(({ text }) => text);
const outside = (dataSource: SqliteDataSource, text: string) => dataSource.manager.insert(Page, { text });

const STUCK = { name: "PoolTimeoutError", message: expect.stringContaining("would wait for ever") };

afterEach(() => {
  heard = () => {};
  listened = () => {};
});

test("a subscriber of save() that writes beside its transaction fails at once", async () => {
  const dataSource = await openApp();
  heard = async () => outside(dataSource, "outside");
  expect(await rejection(dataSource.manager.save(Entry, { text: "lost" }))).toMatchObject(STUCK);
  heard = async (event) => event!.manager.insert(Page, { text: "inside" });
  await dataSource.manager.save(Entry, { text: "kept" });
  expect(await texts()).toEqual(["kept"]);
});

test("so does one that begins a transaction, after other work of its own, and in a transaction of a runner", async () => {
  const dataSource = await openApp();
  heard = async () => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    await dataSource.manager.count(Page);
    await dataSource.transaction(async () => {});
  };
  const runner = dataSource.createQueryRunner();
  await runner.startTransaction();
  expect(await rejection(runner.manager.save(Entry, { text: "one" }))).toMatchObject(STUCK);
  await runner.rollbackTransaction();
  await runner.release();
});

test("so does a listener of an entity, also on a single connection that it only reads from", async () => {
  const dataSource = await openApp({ database: ":memory:", subscribers: [] });
  listened = () => dataSource.manager.count(Entry);
  const pages = dataSource.manager.create(Page, [{ text: "one" }, { text: "two" }]);
  expect(await rejection(dataSource.manager.save(pages))).toMatchObject(STUCK);
});

test.each(["all", "each", "none"] as const)("so does a migration, with transactions: %s", async (mode) => {
  class Fill1700000000000 implements MigrationInterface {
    async up(runner: QueryRunner): Promise<void> {
      await runner.query("SELECT 1");
      await runner.dataSource.getRepository(Entry).insert({ text: "outside" });
    }
    async down(): Promise<void> {}
  }
  const dataSource = await openApp({ migrations: [Fill1700000000000], migrationsTransactionMode: mode });
  expect(await rejection(dataSource.runMigrations())).toMatchObject(STUCK);
  await dataSource.manager.save(Entry, { text: "next" });
  expect(await texts()).toEqual(["next"]);
});

test("a migration that is undone is told too, and knows itself", async () => {
  class Undo1700000000001 implements MigrationInterface {
    readonly #text = "own";
    async up(runner: QueryRunner): Promise<void> {
      await runner.manager.insert(Entry, { text: this.#text });
    }
    async down({ dataSource }: QueryRunner): Promise<void> {
      await dataSource.query("DELETE FROM entry");
    }
  }
  const dataSource = await openApp({ migrations: [Undo1700000000001] });
  await dataSource.runMigrations();
  expect(await rejection(dataSource.undoLastMigration())).toMatchObject(STUCK);
  expect(await texts()).toEqual(["own"]);
});

test("so does a subscriber of save() that calls what waits for all transactions", async () => {
  const database = await databases.open({ entities: [Entry, Page], subscribers: [Subscriber] });
  heard = () => database.vacuum();
  const failure = await rejection(database.getRepository(Entry).save({ text: "lost" }));
  expect(failure).toMatchObject({ code: "INSIDE_SESSION" });
});

test("so does a subscriber of save() in a session under manual control", async () => {
  const database = await databases.open({ entities: [Entry, Page], subscribers: [Subscriber] });
  heard = async () => database.getRepository(Page).insert({ text: "outside" });
  await using session = await database.openSession();
  expect(await rejection(session.manager.save(Entry, { text: "lost" }))).toMatchObject(STUCK);
});

test.each([
  ["gives nothing", (work: () => Promise<unknown>) => void work()],
  ["is async", async (work: () => Promise<unknown>) => void work()],
])("what a listener that %s does not wait for comes after the transaction", async (_, run) => {
  const dataSource = await openApp({ subscribers: [] });
  let later: Promise<unknown> | undefined;
  listened = () =>
    run(() => {
      later = dataSource.query("INSERT INTO entry (text) VALUES ('later')");
      return later;
    });
  await dataSource.manager.save(dataSource.manager.create(Page, { text: "kept" }));
  await later;
  expect(await texts()).toEqual(["later"]);
});

test("what a subscriber has begun goes on to write once its transaction has ended", async () => {
  const dataSource = await openApp();
  let later: Promise<unknown> | undefined;
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  heard = async () => {
    later = ended.then(() => outside(dataSource, "later"));
  };
  await dataSource.manager.save(Entry, { text: "kept" });
  const runner = dataSource.createQueryRunner();
  await runner.startTransaction();
  end();
  await runner.commitTransaction();
  await runner.release();
  await later;
  expect(await dataSource.manager.count(Page)).toBe(1);
});
