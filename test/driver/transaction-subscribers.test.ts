import {
  type EntityManager,
  type EntitySubscriberInterface,
  EventSubscriber,
  type TransactionCommitEvent,
  type TransactionStartEvent,
} from "typeorm";
import { dataSources } from "../support/data-sources";
import { rawRead } from "../support/raw-database";
import { NOTES, Note } from "../support/small-entities";
import { temporaryFolder } from "../support/temporary-folder";

type Event =
  | "beforeTransactionStart"
  | "afterTransactionStart"
  | "beforeTransactionCommit"
  | "beforeTransactionRollback";

/** What is to fail the next time. */
let failing: Event | "BEGIN" | undefined;
const boom = new Error("subscriber");

function heard(event: typeof failing): void {
  if (event !== failing) return;
  failing = undefined;
  throw boom;
}

@EventSubscriber()
class Failing implements EntitySubscriberInterface {
  beforeTransactionStart = () => heard("beforeTransactionStart");
  afterTransactionStart = () => heard("afterTransactionStart");
  beforeTransactionCommit = () => heard("beforeTransactionCommit");
  beforeTransactionRollback = () => heard("beforeTransactionRollback");
  async afterQuery({ query }: { query: string }): Promise<void> {
    if (query === "BEGIN TRANSACTION") heard("BEGIN");
  }
}

@EventSubscriber()
class Saving implements EntitySubscriberInterface {
  #count = 0;
  beforeTransactionStart = async ({ manager }: TransactionStartEvent) => {
    await manager.save(Note, { text: `before ${++this.#count}` });
  };
}

/** Writes at every event of a transaction that is open. */
@EventSubscriber()
class Writing implements EntitySubscriberInterface {
  #count = 0;
  afterTransactionStart = (event: { manager: EntityManager }) => this.#write(event, "started");
  beforeTransactionCommit = (event: { manager: EntityManager }) => this.#write(event, "to be kept");
  beforeTransactionRollback = (event: { manager: EntityManager }) => this.#write(event, "to be undone");
  async afterTransactionCommit({ manager, queryRunner }: TransactionCommitEvent): Promise<void> {
    if (queryRunner.isTransactionActive) await this.#write({ manager }, "kept");
  }

  async #write({ manager }: { manager: EntityManager }, event: string): Promise<void> {
    await manager.insert(Note, { text: `${++this.#count} ${event}` });
  }
}

const openDataSource = dataSources();
const folder = temporaryFolder();
const path = () => folder.file("app.db");
const open = () =>
  openDataSource({
    database: path(),
    entities: [Note],
    synchronize: true,
    subscribers: [Failing],
    poolTimeout: 1,
  });
const notes = async () => (await rawRead(path(), NOTES)).map(({ text }) => text);

const EVENTS = ["beforeTransactionStart", "BEGIN", "afterTransactionStart"] as const;

describe.each(EVENTS)("a subscriber that fails at %s", (event) => {
  test("leaves no transaction open, and the runner as it was", async () => {
    const dataSource = await open();
    const runner = dataSource.createQueryRunner();
    for (const begin of [
      () => runner.startTransaction(),
      () => runner.manager.transaction((manager) => manager.insert(Note, { text: "never" })),
      () => runner.startTransaction("READ UNCOMMITTED"),
    ]) {
      failing = event;
      await expect(begin()).rejects.toBe(boom);
      expect(runner.isTransactionActive).toBe(false);
      await dataSource.query("UPDATE notes SET text = 'by another'");
    }
    await runner.manager.transaction((manager) => manager.insert(Note, { text: "afterwards" }));
    await runner.release();
    expect(await notes()).toEqual(["afterwards"]);
  });

  test("leaves none open of several that were started together on one runner", async () => {
    const dataSource = await open();
    const runner = dataSource.createQueryRunner();
    failing = event;
    const outcomes = await Promise.allSettled(
      ["one", "two", "three"].map((text) =>
        runner.manager.transaction((manager) => manager.insert(Note, { text })),
      ),
    );
    expect(outcomes).toContainEqual({ status: "rejected", reason: boom });
    expect(runner.isTransactionActive).toBe(false);
    await dataSource.manager.insert(Note, { text: "by another" });
    expect(await notes()).toContain("by another");
    await runner.release();
  });
});

test("a subscriber that fails when a nested transaction has begun undoes only that", async () => {
  const dataSource = await open();
  await dataSource.transaction(async (manager) => {
    await manager.insert(Note, { text: "outer" });
    failing = "afterTransactionStart";
    const nested = manager.transaction((inner) => inner.insert(Note, { text: "never" }));
    await expect(nested).rejects.toBe(boom);
    await manager.insert(Note, { text: "outer again" });
  });
  expect(await notes()).toEqual(["outer", "outer again"]);
});

test("a subscriber that fails before a rollback does not keep it from being done", async () => {
  const dataSource = await open();
  const runner = dataSource.createQueryRunner();
  await runner.startTransaction();
  await runner.manager.insert(Note, { text: "undone" });
  failing = "beforeTransactionRollback";
  await expect(runner.rollbackTransaction()).rejects.toBe(boom);
  expect(runner.isTransactionActive).toBe(false);
  await dataSource.manager.insert(Note, { text: "by another" });
  await runner.release();
  expect(await notes()).toEqual(["by another"]);
});

test("what a subscriber saves before a transaction begins no other one, and is kept by itself", async () => {
  await (await open()).destroy();
  const dataSource = await openDataSource({ database: path(), entities: [Note], subscribers: [Saving] });
  await dataSource.transaction((manager) => manager.insert(Note, { text: "saved" }));
  const runner = dataSource.createQueryRunner();
  await runner.startTransaction();
  await runner.manager.save(Note, { text: "undone" });
  await runner.rollbackTransaction();
  expect(runner.isTransactionActive).toBe(false);
  await runner.release();
  expect(await notes()).toEqual(["before 1", "saved", "before 2"]);
});

test("what a subscriber writes at the start and the end of a nested transaction belongs to that", async () => {
  await (await open()).destroy();
  const dataSource = await openDataSource({
    database: path(),
    entities: [Note],
    subscribers: [Writing],
    poolTimeout: 1,
  });
  await dataSource.transaction(async (manager) => {
    await manager.transaction((nested) => nested.insert(Note, { text: "nested" }));
    const undone = manager.transaction(async (nested) => {
      await nested.insert(Note, { text: "undone" });
      throw boom;
    });
    await expect(undone).rejects.toBe(boom);
  });
  expect(await notes()).toEqual([
    "1 started",
    "2 started",
    "nested",
    "3 to be kept",
    "4 kept",
    "7 to be kept",
  ]);
});
