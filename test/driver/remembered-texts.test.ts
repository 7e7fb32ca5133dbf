import { Column, Entity, EntitySchema, PrimaryGeneratedColumn, VirtualColumn } from "typeorm";
import { dataSources } from "../support/data-sources";
import { temporaryFolder } from "../support/temporary-folder";

// The parts of a query's text that TypeORM builds from an entity's metadata are built once for each shape.

const open = dataSources();
const folder = temporaryFolder();

const thing = (column: string) =>
  new EntitySchema<{ id: number; name: string }>({
    name: "Thing",
    tableName: "things",
    columns: {
      id: { type: Number, primary: true, generated: true },
      name: { type: String, name: column },
    },
  });

test("entities of one name in two data sources have columns of their own", async () => {
  for (const column of ["one", "two", "one"]) {
    const Thing = thing(column);
    const dataSource = await open({
      database: folder.file(`${column}.db`),
      entities: [Thing],
      synchronize: true,
    });
    const things = dataSource.getRepository(Thing);
    await things.insert({ name: column });
    await things.update({ name: column }, { name: `${column} changed` });
    expect(await things.findOneBy({ name: `${column} changed` })).toMatchObject({
      name: `${column} changed`,
    });
    expect(things.createQueryBuilder("t").where("t.name = :n", { n: 1 }).getQuery()).toContain(
      `"t"."${column}" = `,
    );
    await things.delete({ name: `${column} changed` });
    expect(await things.count()).toBe(0);
  }
});

test("an alias is that of its own query", async () => {
  const Thing = thing("title");
  const dataSource = await open({ database: folder.file("a.db"), entities: [Thing], synchronize: true });
  const things = dataSource.getRepository(Thing);
  // The same text, in which an alias is a word of its own or not.
  for (const [alias, text] of [
    ["a", '"a"."title" = b.name'],
    ["b", 'a.name = "b"."title"'],
    ["c", "a.name = b.name"],
  ] as const) {
    expect(things.createQueryBuilder(alias).where("a.name = b.name").getQuery()).toContain(text);
  }
});

test("what is selected is what was asked for, however often something else was", async () => {
  const Thing = thing("title");
  const dataSource = await open({ database: folder.file("s.db"), entities: [Thing], synchronize: true });
  const things = dataSource.getRepository(Thing);
  await things.insert({ name: "it" });
  for (const _ of [1, 2]) {
    expect(await things.find()).toEqual([{ id: 1, name: "it" }]);
    expect(await things.find({ select: { name: true } })).toEqual([{ name: "it" }]);
    expect(await things.createQueryBuilder("t").select("t.id").getMany()).toEqual([{ id: 1 }]);
    expect(await things.createQueryBuilder("t").select("t.id", "number").getRawMany()).toEqual([
      { number: 1 },
    ]);
    expect(await things.createQueryBuilder("t").addSelect("t.name", "again").getRawMany()).toEqual([
      { t_id: 1, again: "it" },
    ]);
    expect(await things.createQueryBuilder("t").select("COUNT(*)", "n").getRawOne()).toEqual({ n: 1 });
  }
});

let factor = 1;

@Entity("priced")
class Priced {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column("integer")
  price!: number;

  @VirtualColumn({ query: (alias) => `SELECT ${alias}.price * ${factor}` })
  total!: number;
}

test("the query of a virtual column is asked for each time", async () => {
  const dataSource = await open({ database: folder.file("v.db"), entities: [Priced], synchronize: true });
  const priced = dataSource.getRepository(Priced);
  await priced.insert({ price: 3 });
  for (factor of [1, 2, 5]) expect(await priced.findOneBy({ id: 1 })).toMatchObject({ total: 3 * factor });
});
