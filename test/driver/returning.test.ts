import {
  Column,
  CreateDateColumn,
  DeleteDateColumn,
  Entity,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  Unique,
  UpdateDateColumn,
  VersionColumn,
} from "typeorm";
import type { SqliteDataSource } from "../../src/driver/sqlite-data-source";
import { UnsafeIntegerError } from "../../src/errors";
import { dataSources, rejection } from "../support/data-sources";
import { until } from "../support/deferred";
import { type Random, randomTest } from "../support/random";
import { rawExec, rawRead } from "../support/raw-database";
import { temporaryFolder } from "../support/temporary-folder";

// TypeORM matches the rows of RETURNING to entities by position. The database decides whether it was right.

@Entity()
@Unique(["text"])
class Item {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  text!: string;

  @Column({ default: 7 })
  stock!: number;

  @Column({ default: () => "'made of ' || hex(1)" })
  computed!: string;

  @CreateDateColumn()
  createdAt!: Date;

  @UpdateDateColumn()
  updatedAt!: Date;

  @VersionColumn()
  version!: number;

  @DeleteDateColumn()
  deletedAt!: Date | null;
}

@Entity()
class Defaulted {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ default: 1 })
  amount!: number;
}

@Entity()
class Keyed {
  @PrimaryColumn()
  code!: string;

  @PrimaryColumn()
  part!: number;

  @Column({ default: 1 })
  amount!: number;
}

@Entity()
class Named {
  @PrimaryGeneratedColumn("uuid")
  id!: string;

  @Column({ name: "the_text" })
  text!: string;

  @Column({ name: "stored_default", default: 3 })
  stored!: number;
}

const open = dataSources();
const folder = temporaryFolder();
const path = () => folder.file("app.db");

let dataSource: SqliteDataSource;
beforeEach(async () => {
  dataSource = await open({ database: path(), entities: [Item, Defaulted, Keyed, Named], synchronize: true });
});

afterEach(() => jest.restoreAllMocks());

const idByText = async () =>
  new Map(
    (await rawRead(path(), "SELECT id, text FROM item ORDER BY id")).map(({ id, text }) => [
      text as string,
      id as number,
    ]),
  );

function textsOf(count: number): string[] {
  return Array.from({ length: count }, (_, number) => `text ${number}`);
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const result = [...items];
  for (let index = result.length - 1; index > 0; index--) {
    const other = random.below(index + 1);
    [result[index], result[other]] = [result[other]!, result[index]!];
  }
  return result;
}

describe("insert()", () => {
  randomTest("of 2500 rows tells each its own id, in order", async (random) => {
    // An index in another order than the rows, which could tempt SQLite to return them in that one.
    await rawExec(path(), "CREATE INDEX item_backwards ON item (text DESC)");
    const rows = shuffled(textsOf(2500), random).map((text) => ({ text }));
    const { identifiers, generatedMaps } = await dataSource.manager.insert(Item, rows);
    const ids = await idByText();
    expect(identifiers.map(({ id }) => id)).toEqual(rows.map(({ text }) => ids.get(text)));
    expect(generatedMaps.map(({ id }) => id)).toEqual(rows.map(({ text }) => ids.get(text)));
    expect(generatedMaps[0]).toMatchObject({ stock: 7, computed: "made of 31", version: 1 });
  });

  test("is all or nothing, also where it takes several statements", async () => {
    const rows = [...textsOf(2200), "text 0"].map((text) => ({ text }));
    expect(await rejection(dataSource.manager.insert(Item, rows))).toMatchObject({ kind: "unique" });
    expect((await idByText()).size).toBe(0);
    await dataSource.transaction(async (manager) => {
      await manager.insert(Item, { text: "before" });
      await expect(manager.insert(Item, rows)).rejects.toThrow("UNIQUE");
      await manager.insert(Item, { text: "after" });
    });
    expect([...(await idByText()).keys()]).toEqual(["before", "after"]);
  });

  test.each([
    ["both", ["fulfilled", "fulfilled"]],
    ["all but the one that fails", ["fulfilled", "rejected"]],
  ])("of which two overlap in one transaction insert %s", async (which, expected) => {
    const queries = jest.spyOn(dataSource.logger, "logQuery");
    const others = textsOf(1200).map((text) => `other ${text}`);
    const [first, second] = await dataSource.transaction(async (manager) => {
      const begun = manager.insert(
        Item,
        textsOf(1200).map((text) => ({ text })),
      );
      // The second begins while the first runs the last of its statements.
      await until(() => queries.mock.calls.filter(([query]) => query.startsWith("INSERT")).length === 2);
      const rows = which === "both" ? others : [...others, others[0]!];
      return await Promise.allSettled([
        begun,
        manager.insert(
          Item,
          rows.map((text) => ({ text })),
        ),
      ]);
    });
    expect([first.status, second.status]).toEqual(expected);
    const inserted = which === "both" ? [...textsOf(1200), ...others] : textsOf(1200);
    expect([...(await idByText()).keys()].sort()).toEqual(inserted.sort());
    if (second.status === "rejected") expect(second.reason).toMatchObject({ kind: "unique" });
  });

  test("fills the entities it was given", async () => {
    const items = textsOf(3).map((text) => dataSource.manager.create(Item, { text }));
    await dataSource.manager.insert(Item, items);
    const ids = await idByText();
    for (const item of items) {
      expect(item).toMatchObject({ id: ids.get(item.text), stock: 7, computed: "made of 31" });
      expect(item.createdAt).toBeInstanceOf(Date);
    }
  });

  test("with orIgnore gives those that were skipped no id, and the others their own", async () => {
    await dataSource.manager.insert(Item, [{ text: "text 1" }, { text: "text 4" }]);
    const before = await idByText();
    const items = textsOf(6).map((text) => dataSource.manager.create(Item, { text }));
    await dataSource.manager.createQueryBuilder().insert().into(Item).values(items).orIgnore().execute();
    const ids = await idByText();
    expect(ids.size).toBe(6);
    for (const item of items) {
      const skipped = before.has(item.text);
      expect([item.text, item.id]).toEqual([item.text, skipped ? undefined : ids.get(item.text)]);
    }
  });

  test("with orIgnore in which all are skipped gives no ids", async () => {
    await dataSource.manager.insert(
      Item,
      textsOf(3).map((text) => ({ text })),
    );
    const items = textsOf(3).map((text) => dataSource.manager.create(Item, { text }));
    await dataSource.manager.createQueryBuilder().insert().into(Item).values(items).orIgnore().execute();
    expect(items.map(({ id }) => id)).toEqual([undefined, undefined, undefined]);
  });

  test("of keys made by TypeORM, and of columns with other names", async () => {
    const items = ["a", "b"].map((text) => dataSource.manager.create(Named, { text }));
    await dataSource.manager.insert(Named, items);
    const stored = await rawRead(
      path(),
      'SELECT id, "the_text" AS text, "stored_default" AS stored FROM named',
    );
    expect(stored).toEqual(expect.arrayContaining(items.map(({ id, text }) => ({ id, text, stored: 3 }))));
    expect(items.map(({ stored: value }) => value)).toEqual([3, 3]);
  });

  test("of one row among failing ones does not take the id of another", async () => {
    const [first] = (await dataSource.manager.insert(Item, { text: "first" })).identifiers;
    await expect(dataSource.manager.insert(Item, { text: "first" })).rejects.toThrow("UNIQUE");
    const [second] = (await dataSource.manager.insert(Item, { text: "second" })).identifiers;
    const ids = await idByText();
    expect([first!.id, second!.id]).toEqual([ids.get("first"), ids.get("second")]);
  });
});

describe("upsert()", () => {
  randomTest("of new and existing rows tells each its own id, in order", async (random) => {
    const existing = textsOf(300).filter(() => random.chance(0.5));
    await dataSource.manager.insert(
      Item,
      existing.map((text) => ({ text })),
    );
    const rows = shuffled(textsOf(300), random).map((text) => ({ text, stock: 9 }));
    const { identifiers } = await dataSource.manager.upsert(Item, rows, ["text"]);
    const ids = await idByText();
    expect(identifiers.map(({ id }) => id)).toEqual(rows.map(({ text }) => ids.get(text)));
    expect(await dataSource.manager.countBy(Item, { stock: 9 })).toBe(300);
  });

  test("with skipUpdateIfNoValuesChanged gives no wrong ids", async () => {
    await dataSource.manager.insert(Item, [{ text: "text 1", stock: 9 }]);
    const items = textsOf(3).map((text) => dataSource.manager.create(Item, { text, stock: 9 }));
    await dataSource.manager.upsert(Item, items, {
      conflictPaths: ["text"],
      skipUpdateIfNoValuesChanged: true,
    });
    const ids = await idByText();
    for (const item of items) {
      expect([undefined, ids.get(item.text)]).toContain(item.id);
    }
    expect(items[2]!.id).toBe(ids.get("text 2"));
  });
});

describe("save()", () => {
  test("of 5000 new entities, then of the same ones changed", async () => {
    const items = textsOf(5000).map((text) => dataSource.manager.create(Item, { text }));
    await dataSource.manager.save(items);
    const ids = await idByText();
    expect(items.every(({ id, text }) => ids.get(text) === id)).toBe(true);

    for (const item of items) item.stock = item.id * 2;
    await dataSource.manager.save(items.slice(0, 500));
    expect(
      await rawRead(path(), "SELECT count(*) AS n FROM item WHERE stock = id * 2 AND version = 2"),
    ).toEqual([{ n: 500 }]);
    expect(items[0]).toMatchObject({ version: 2 });
    expect(items[600]).toMatchObject({ version: 1 });
  });

  test("of entities some of which have no values inserts them in their order", async () => {
    const rows = await dataSource.manager.save(Defaulted, [{ amount: 5 }, {}, { amount: 7 }, {}, {}]);
    expect(rows.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5]);
    expect(await rawRead(path(), "SELECT id, amount FROM defaulted ORDER BY id")).toEqual([
      { id: 1, amount: 5 },
      { id: 2, amount: 1 },
      { id: 3, amount: 7 },
      { id: 4, amount: 1 },
      { id: 5, amount: 1 },
    ]);
  });

  test("of an entity sets what the database has made: defaults, version and dates", async () => {
    const item = await dataSource.manager.save(dataSource.manager.create(Item, { text: "one" }));
    expect(item).toMatchObject({ id: 1, stock: 7, computed: "made of 31", version: 1, deletedAt: null });
    item.stock = 8;
    await dataSource.manager.save(item);
    expect(item.version).toBe(2);
    await dataSource.manager.softRemove(item);
    expect(item.deletedAt).toBeInstanceOf(Date);
    expect(await dataSource.manager.count(Item)).toBe(0);
    await dataSource.manager.recover(item);
    expect(item.deletedAt).toBeNull();
    expect(await dataSource.manager.findOneByOrFail(Item, { id: 1 })).toEqual(item);
  });
});

describe("update and soft delete of several entities with whereEntity()", () => {
  async function threeItems(): Promise<Item[]> {
    await dataSource.manager.save(textsOf(5).map((text) => dataSource.manager.create(Item, { text })));
    const items = await dataSource.manager.find(Item, { order: { id: "DESC" } });
    return items.filter(({ id }) => id !== 3);
  }

  test("give each entity its own values", async () => {
    const items = await threeItems();
    await rawExec(path(), "UPDATE item SET version = id * 10");
    const result = await dataSource.manager
      .createQueryBuilder()
      .update(Item)
      .set({ stock: () => "id + 100" })
      .whereEntity(items)
      .updateEntity(true)
      .execute();
    expect(result.affected).toBe(4);
    for (const item of items) expect(item.version).toBe(item.id * 10 + 1);
    const stocks = await rawRead(path(), "SELECT id, stock FROM item ORDER BY id");
    expect(stocks).toEqual([1, 2, 3, 4, 5].map((id) => ({ id, stock: id === 3 ? 7 : id + 100 })));
  });

  test("are all or nothing", async () => {
    const items = await threeItems();
    await rawExec(
      path(),
      "CREATE TRIGGER forbid BEFORE UPDATE ON item WHEN new.id = 1 BEGIN SELECT RAISE(ABORT, 'not this'); END",
    );
    const update = dataSource.manager.createQueryBuilder().update(Item).set({ stock: 1 }).whereEntity(items);
    await expect(update.execute()).rejects.toThrow("not this");
    expect(await rawRead(path(), "SELECT DISTINCT stock FROM item")).toEqual([{ stock: 7 }]);
  });

  test("softDelete() touches these and no others", async () => {
    const items = await threeItems();
    await dataSource.manager.createQueryBuilder().softDelete().from(Item).whereEntity(items).execute();
    expect(await dataSource.manager.find(Item)).toMatchObject([{ id: 3 }]);
    for (const item of items) expect(item.deletedAt).toBeInstanceOf(Date);
  });
});

describe("a number beyond 2^53 in a column with a default", () => {
  const save = (amount: unknown) =>
    dataSource.getRepository(Keyed).save({ code: "a", part: 1, amount: amount as number });

  test.each([2 ** 53, 9.5e15, -(2 ** 60)])("is saved where it is exact: %d", async (amount) => {
    expect(await save(amount)).toEqual({ code: "a", part: 1, amount });
    await dataSource.getRepository(Keyed).insert({ code: "b", part: 1, amount });
    expect(await dataSource.getRepository(Keyed).findBy({})).toEqual([
      { code: "a", part: 1, amount },
      { code: "b", part: 1, amount },
    ]);
  });

  test.each(["9007199254740993", 2n ** 53n + 1n])(
    "is refused where a number cannot hold it, and not kept",
    async (amount) => {
      await expect(save(amount)).rejects.toThrow(UnsafeIntegerError);
      const insert = dataSource.getRepository(Keyed).insert({ code: "b", part: 1, amount: amount as never });
      await expect(insert).rejects.toThrow(UnsafeIntegerError);
      expect(await rawRead(path(), "SELECT * FROM keyed")).toEqual([]);
    },
  );
});

test("an entity that cannot be given its id is not kept", async () => {
  await expect(dataSource.getRepository(Item).save(Object.freeze({ text: "a" }))).rejects.toThrow(TypeError);
  expect(await rawRead(path(), "SELECT * FROM item")).toEqual([]);
});

describe("an explicit RETURNING", () => {
  test("gives rows to raw queries and builders, for insert, update and delete", async () => {
    expect(
      await dataSource.query("INSERT INTO item (text, version) VALUES ('a', 1), ('b', 1) RETURNING id, text"),
    ).toEqual([
      { id: 1, text: "a" },
      { id: 2, text: "b" },
    ]);
    const updated = await dataSource.manager
      .createQueryBuilder()
      .update(Item)
      .set({ stock: 9 })
      .where("id = 2")
      .returning(["id", "stock"])
      .execute();
    expect(updated.raw).toMatchObject([{ id: 2, stock: 9 }]);
    expect(updated.affected).toBe(1);
    expect(await dataSource.query("DELETE FROM item RETURNING id")).toEqual([{ id: 1 }, { id: 2 }]);
  });
});

test("affected counts rows, whether or not they are returned", async () => {
  await dataSource.manager.insert(
    Item,
    textsOf(5).map((text) => ({ text })),
  );
  expect((await dataSource.manager.updateAll(Item, { stock: 1 })).affected).toBe(5);
  expect((await dataSource.manager.update(Item, { id: 99 }, { stock: 1 })).affected).toBe(0);
  expect((await dataSource.manager.delete(Item, [1, 2])).affected).toBe(2);
  expect((await dataSource.manager.softDelete(Item, [3])).affected).toBe(1);
  expect((await dataSource.manager.increment(Item, { id: 4 }, "stock", 3)).affected).toBe(1);
  expect(await dataSource.manager.findOneBy(Item, { id: 4 })).toMatchObject({ stock: 4 });
});

test("composite keys are kept as given", async () => {
  const rows = Array.from({ length: 1500 }, (_, part) => ({ code: `c${part % 7}`, part }));
  const { identifiers } = await dataSource.manager.insert(Keyed, rows);
  expect(identifiers).toEqual(rows.map(({ code, part }) => ({ code, part })));
  await dataSource.manager.save(
    Keyed,
    rows.slice(0, 300).map((row) => ({ ...row, amount: row.part + 5 })),
  );
  expect(await rawRead(path(), "SELECT count(*) AS n FROM keyed WHERE amount = part + 5")).toEqual([
    { n: 300 },
  ]);
});
