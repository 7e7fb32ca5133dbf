import { Column, DeleteDateColumn, Entity, PrimaryGeneratedColumn, VersionColumn } from "typeorm";
import type { SqliteDatabase } from "../../src/sqlite-database";
import { testDatabases } from "../support/databases";

// An entity whose row was changed meanwhile gets what is in the row, also where nothing is left to be written.

const databases = testDatabases();

@Entity("items")
class Item {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column("text")
  text!: string;

  @DeleteDateColumn()
  deletedAt!: Date | null;

  @VersionColumn()
  version!: number;
}

let database: SqliteDatabase;
beforeEach(async () => {
  database = await databases.open({ entities: [Item] });
});

const items = () => database.getRepository(Item);
const stored = (id: number) => items().findOneOrFail({ where: { id }, withDeleted: true });

test("softRemove() of what is removed already gives the date and version of the row", async () => {
  const item = await items().save({ text: "a" });
  await items().softDelete(item.id);
  expect(await items().softRemove(item)).toEqual(await stored(item.id));
  expect(item).toMatchObject({ deletedAt: expect.any(Date), version: 2 });
});

test("recover() of what is there already gives what is in the row", async () => {
  const { id } = await items().save({ text: "a" });
  await items().softDelete(id);
  const item = await stored(id);
  await items().restore(id);
  expect(await items().recover(item)).toEqual(await stored(id));
  expect(item).toMatchObject({ deletedAt: null, version: 3 });
});

test("of several each gets its own, whether something was written or not", async () => {
  const [first, second, third] = await items().save(["a", "b", "c"].map((text) => ({ text })));
  await items().softDelete(second!.id);
  await items().softRemove([first!, second!, third!]);
  for (const item of [first!, second!, third!]) expect(item).toEqual(await stored(item.id));
});

test("what is not there at all stays as it is", async () => {
  const item = await items().save({ text: "a" });
  await items().delete(item.id);
  const builder = database.manager.createQueryBuilder().softDelete().from(Item).whereEntity(item);
  expect(await builder.execute()).toMatchObject({ affected: 0, generatedMaps: [] });
  expect(item).toMatchObject({ deletedAt: null, version: 1 });
});

test("two entities of one row both have what is in it in the end", async () => {
  const { id } = await items().save({ text: "a" });
  const other = await items().save({ text: "other" });
  const create = (text: string) => Object.assign(new Item(), { id, text });
  const [first, changed, second] = [create("b"), Object.assign(other, { text: "changed" }), create("c")];
  await items().save([first, changed, second]);
  expect([first, changed, second]).toMatchObject([{ version: 3 }, { version: 2 }, { version: 3 }]);
  expect(await stored(id)).toMatchObject({ text: "c", version: 3 });
});
