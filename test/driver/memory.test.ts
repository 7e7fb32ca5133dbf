import { Column, Entity, JoinColumn, ManyToOne, PrimaryGeneratedColumn } from "typeorm";
import type { SqliteDataSource } from "../../src/driver/sqlite-data-source";
import { dataSources, rejection } from "../support/data-sources";
import { deferred, isPending, settleNative } from "../support/deferred";
import { randomTest } from "../support/random";

@Entity()
class Owner {
  @PrimaryGeneratedColumn()
  id!: number;
}

@Entity()
class Pet {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ default: 0 })
  age!: number;

  @ManyToOne(() => Owner, { nullable: true })
  @JoinColumn()
  owner!: Owner | null;
}

const open = dataSources();

let dataSource: SqliteDataSource;
beforeEach(async () => {
  dataSource = await open({
    database: ":memory:",
    entities: [Owner, Pet],
    synchronize: true,
    poolTimeout: 20,
    closeTimeout: 1,
  });
});

randomTest(":memory: takes concurrent transactions, single writes and reads in turns", async (random) => {
  await dataSource.manager.insert(Pet, { id: 1 });
  let expected = 0;
  await Promise.all(
    Array.from({ length: 100 }, async () => {
      const amount = random.below(100);
      const fails = random.chance(0.3);
      if (!fails) expected += amount;
      if (random.chance(0.5)) void dataSource.manager.count(Pet);
      if (random.chance(0.2)) await dataSource.manager.insert(Pet, {});
      await dataSource
        .transaction(async (manager) => {
          const pet = await manager.findOneByOrFail(Pet, { id: 1 });
          await manager.update(Pet, 1, { age: pet.age + amount });
          if (fails) throw new Error("deliberate");
        })
        .catch((error: Error) => expect(error.message).toBe("deliberate"));
    }),
  );
  expect(await dataSource.manager.findOneBy(Pet, { id: 1 })).toMatchObject({ age: expected });
});

test("a read beside a transaction waits for its end, and sees nothing uncommitted", async () => {
  const entered = deferred();
  const leave = deferred();
  const work = dataSource.transaction(async (manager) => {
    await manager.insert(Pet, {});
    entered.resolve();
    await leave.promise;
    throw new Error("deliberate");
  });
  await entered.promise;
  const count = dataSource.manager.count(Pet);
  expect(await isPending(count)).toBe(true);
  leave.resolve();
  await expect(work).rejects.toThrow("deliberate");
  expect(await count).toBe(0);
});

test("a read inside one's own transaction, but not through it, fails at once, however many wait outside", async () => {
  const entered = deferred();
  const leave = deferred();
  const work = dataSource.transaction(async () => {
    entered.resolve();
    await leave.promise;
    const stuck = await rejection(dataSource.manager.count(Pet));
    expect(stuck).toMatchObject({ code: "POOL_TIMEOUT", message: expect.stringContaining("for ever") });
  });
  await entered.promise;
  const outside = Array.from({ length: 5 }, () => dataSource.manager.count(Pet));
  await settleNative();
  leave.resolve();
  await work;
  expect(await Promise.all(outside)).toEqual([0, 0, 0, 0, 0]);
});

test("each data source has a memory of its own, which ends with it", async () => {
  await dataSource.manager.insert(Pet, {});
  const other = await open({ database: ":memory:", entities: [Owner, Pet], synchronize: true });
  expect(await other.manager.count(Pet)).toBe(0);
  await dataSource.destroy();
  await dataSource.initialize();
  expect(await dataSource.manager.count(Pet)).toBe(0);
});

test("the database survives what replaces a connection elsewhere: pragmas, TEMP tables, a failed transaction", async () => {
  await dataSource.manager.insert(Pet, {});
  const runner = dataSource.createQueryRunner();
  await runner.query("PRAGMA foreign_keys = OFF");
  await runner.query("CREATE TEMP TABLE mine (n)");
  await runner.release();
  await dataSource.transaction("READ UNCOMMITTED", async () => {});
  await dataSource.transaction((manager) => manager.query("NONSENSE")).catch(() => {});
  expect(await dataSource.manager.count(Pet)).toBe(1);
});

test.each([
  ["PRAGMA foreign_keys = OFF", "PRAGMA foreign_keys"],
  ["PRAGMA read_uncommitted = ON", "PRAGMA read_uncommitted"],
  ["PRAGMA recursive_triggers = ON", "PRAGMA recursive_triggers"],
  ["PRAGMA query_only = ON", "PRAGMA query_only"],
])("%s is put back when its runner is released", async (set, get) => {
  const before = await dataSource.query(get);
  const runner = dataSource.createQueryRunner();
  await runner.query(set);
  expect(await runner.query(get)).not.toEqual(before);
  await runner.release();
  expect(await dataSource.query(get)).toEqual(before);
  await dataSource.manager.insert(Pet, {});
});

test("a SAVEPOINT that a runner leaves open is rolled back", async () => {
  const runner = dataSource.createQueryRunner();
  await runner.query("SAVEPOINT mine");
  await runner.query("INSERT INTO pet (age) VALUES (1)");
  await runner.release();
  expect(await dataSource.manager.count(Pet)).toBe(0);
  await dataSource.transaction((manager) => manager.insert(Pet, {}));
  expect(await dataSource.manager.count(Pet)).toBe(1);
});

test("foreign keys are enforced after synchronize() too", async () => {
  await dataSource.synchronize();
  await expect(dataSource.manager.insert(Pet, { owner: { id: 99 } })).rejects.toMatchObject({
    kind: "foreignKey",
  });
});
