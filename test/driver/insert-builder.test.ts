import fc from "fast-check";
import {
  Column,
  CreateDateColumn,
  Entity,
  type EntityTarget,
  JoinColumn,
  ManyToOne,
  type ObjectLiteral,
  PrimaryGeneratedColumn,
  VersionColumn,
} from "typeorm";
import { toBindValues } from "../../src/driver/bind-parameters";
import { bindNumbers } from "../../src/driver/escape-parameters";
import type { SqliteDataSource } from "../../src/driver/sqlite-data-source";
import { analyzeStatement } from "../../src/sql/statement";
import { Animal, Dog } from "../support/animals";
import { dataSources, rejection } from "../support/data-sources";
import { rawRead } from "../support/raw-database";
import { SilentLogger } from "../support/silent-logger";
import { temporaryFolder } from "../support/temporary-folder";

// The text and the values of an INSERT are those that TypeORM's names give when each is looked for in the whole text.

class Place {
  @Column({ nullable: true })
  street!: string;

  @Column("integer", { default: 7 })
  floor!: number;
}

@Entity()
class Owner {
  @PrimaryGeneratedColumn()
  id!: number;
}

@Entity()
class Thing {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ name: "the_name", nullable: true })
  name!: string;

  @Column("integer", { default: 3 })
  stock!: number;

  @Column("varchar", { default: "it's ?".replace("'", "''") })
  label!: string;

  @Column("varchar", { default: () => "upper('made :stock')" })
  computed!: string;

  @Column("boolean", { nullable: true })
  flag!: boolean;

  @Column("bigint", { nullable: true })
  big!: string;

  @Column("real", { nullable: true })
  real!: number;

  @Column("datetime", { nullable: true })
  date!: Date;

  @Column("date", { nullable: true })
  day!: string;

  @Column("blob", { nullable: true })
  blob!: Buffer;

  @Column("simple-json", { nullable: true })
  json!: unknown;

  @Column("jsonb", { nullable: true })
  jsonb!: unknown;

  @Column("simple-array", { nullable: true })
  list!: string[];

  @Column("varchar", {
    nullable: true,
    transformer: {
      to: (value?: string) => value && `<${value}>`,
      from: (value?: string) => value?.slice(1, -1),
    },
  })
  wrapped!: string;

  @Column(() => Place)
  place!: Place;

  @ManyToOne(() => Owner, { nullable: true, createForeignKeyConstraints: false })
  @JoinColumn({ name: "owner_id" })
  owner!: Owner;

  @Column({ type: "varchar", nullable: true, insert: false })
  never!: string;

  @CreateDateColumn()
  createdAt!: Date;

  @VersionColumn()
  version!: number;
}

@Entity()
class Tagged {
  @PrimaryGeneratedColumn("uuid")
  id!: string;

  @Column()
  tag!: string;
}

@Entity()
class Single {
  @PrimaryGeneratedColumn()
  id!: number;
}

/** Keeps the statements with their values. */
class ValueLog extends SilentLogger {
  readonly inserts: [string, unknown[]][] = [];

  override logQuery(query: string, parameters: unknown[] = []): void {
    if (query.includes("INSERT")) this.inserts.push([query, parameters]);
  }
}

const open = dataSources();
const folder = temporaryFolder();
const path = () => folder.file("app.db");

let dataSource: SqliteDataSource;
let log: ValueLog;
beforeEach(async () => {
  log = new ValueLog();
  dataSource = await open({
    database: path(),
    entities: [Owner, Thing, Tagged, Animal, Dog, Single],
    synchronize: true,
    logging: true,
    logger: log,
  });
});

/** The statement by TypeORM's names, which are looked for in the whole of it; RETURNING is put there when it is run. */
function named(target: EntityTarget<ObjectLiteral>, rows: ObjectLiteral[]): [string, unknown[]] {
  const builder = dataSource.createQueryBuilder().insert().into(target).values(rows);
  const { expressionMap } = builder;
  expressionMap.extraReturningColumns = expressionMap.mainAlias!.metadata.getInsertionReturningColumns();
  return bindNumbers(builder.getQuery(), builder.getParameters());
}

const text = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.constantFrom("", "it's", ":orm_param_0", ":name ?1", "Thing.name", "VALUES (NULL, ?)", "?", "\0"),
);
const sql = fc.constantFrom(
  "1 + 1",
  "'Thing.name ? :stock ; --'",
  "(SELECT count(*) FROM owner)",
  "last_insert_rowid()",
  "coalesce((SELECT max(thing.name) FROM thing), '')",
);
const orSql = <T>(value: fc.Arbitrary<T>) =>
  fc.oneof(
    { weight: 9, arbitrary: value },
    sql.map((one) => () => one),
  );
const maybe = <T>(value: fc.Arbitrary<T>) => fc.oneof(fc.constantFrom(undefined, null), value);

const thing = fc.record(
  {
    name: orSql(maybe(text)),
    stock: fc.oneof(fc.constant(undefined), orSql(fc.integer())),
    label: fc.oneof(fc.constant(undefined), text),
    computed: fc.oneof(fc.constant(undefined), text),
    flag: maybe(fc.boolean()),
    big: maybe(fc.oneof(fc.maxSafeInteger(), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }))),
    real: orSql(maybe(fc.double({ noNaN: true }))),
    date: maybe(fc.date({ min: new Date("1000-01-01"), max: new Date("9999-01-01"), noInvalidDate: true })),
    day: maybe(fc.constantFrom("2024-02-29", "1999-12-31")),
    blob: maybe(fc.uint8Array().map((bytes) => Buffer.from(bytes))),
    json: maybe(fc.oneof(fc.array(text), fc.dictionary(fc.string(), text))),
    jsonb: maybe(fc.array(text.filter((one) => !one.includes("\0")))),
    list: maybe(fc.array(fc.constantFrom("a", "b", "c"))),
    wrapped: maybe(text),
    place: fc.oneof(
      fc.constant(undefined),
      fc.record({ street: maybe(text), floor: fc.integer() }, { requiredKeys: [] }),
    ),
    owner: fc.oneof(fc.constant(undefined), fc.record({ id: fc.integer({ min: 1 }) })),
    never: text,
    version: fc.oneof(fc.constant(undefined), fc.integer()),
  },
  { requiredKeys: [] },
);

test("what is sent is the statement that TypeORM's names stand for, whatever the values are", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(thing, { minLength: 1, maxLength: 6 }), fc.boolean(), async (kinds, repeat) => {
      const rows = repeat ? [...kinds, ...kinds.toReversed(), ...kinds] : kinds;
      const [expected, parameters] = named(Thing, rows);
      const values = toBindValues(expected, analyzeStatement(expected), parameters, true);
      log.inserts.length = 0;
      const copies = rows.map((row) => ({ ...row, ...(row.place && { place: { ...row.place } }) }));
      const { raw } = await dataSource.manager.insert(Thing, copies as ObjectLiteral[]);
      expect(log.inserts).toEqual([[expected, values]]);
      expect(raw).toHaveLength(rows.length);
    }),
    { numRuns: 300 },
  );
});

test("what is inserted is what the statement by TypeORM's names inserts", async () => {
  const other = await open({
    database: folder.file("other.db"),
    entities: [Owner, Thing, Tagged, Animal, Dog, Single],
    synchronize: true,
  });
  await fc.assert(
    fc.asyncProperty(fc.array(thing, { minLength: 1, maxLength: 20 }), async (rows) => {
      for (const one of [dataSource, other]) await one.query("DELETE FROM thing");
      const [expected, parameters] = named(Thing, rows);
      const raw = await other.query(expected, parameters as unknown[]);
      const result = await dataSource.manager.insert(
        Thing,
        rows.map((row) => ({ ...row })) as ObjectLiteral[],
      );
      const withoutTime = (found: ObjectLiteral[]) => found.map(({ createdAt: _, ...row }) => row);
      expect(withoutTime(result.raw)).toEqual(withoutTime(raw));
      const all = "SELECT *, typeof(big), typeof(real), typeof(the_name) FROM thing ORDER BY id";
      expect(withoutTime(await rawRead(path(), all))).toEqual(
        withoutTime(await rawRead(folder.file("other.db"), all)),
      );
    }),
    { numRuns: 60 },
  );
});

test("the entities of many rows get what was generated for each, in order", async () => {
  const rows = Array.from({ length: 1500 }, (_, number) => ({
    name: `name ${number}`,
    ...(number % 3 === 0 && { stock: number }),
    ...(number % 5 === 0 && { name: () => `'name ' || ${number}` }),
  }));
  const { identifiers } = await dataSource.manager.insert(Thing, rows);
  const stored = await rawRead(path(), "SELECT id, the_name AS name, stock FROM thing ORDER BY id");
  expect(stored.map(({ name }) => name)).toEqual(rows.map((_, number) => `name ${number}`));
  expect(stored.map(({ stock }) => stock)).toEqual(rows.map((_, number) => (number % 3 === 0 ? number : 3)));
  expect(identifiers.map(({ id }) => id)).toEqual(stored.map(({ id }) => id));
});

test("an expression may have parameters of the builder", async () => {
  let calls = 0;
  const rows = ["a", "b"].map((tag) => ({
    tag: () => {
      calls++;
      return `upper(:prefix) || '${tag}'`;
    },
  }));
  await dataSource
    .createQueryBuilder()
    .insert()
    .into(Tagged)
    .values([...rows, { tag: "c" }])
    .setParameter("prefix", "x")
    .execute();
  const tags = await rawRead(path(), "SELECT tag FROM tagged ORDER BY tag");
  expect(tags.map(({ tag }) => tag)).toEqual(["Xa", "Xb", "c"]);
  expect(calls).toBe(2);
});

test("a builder that was shown, and one that was run, can be run again", async () => {
  const builder = dataSource
    .createQueryBuilder()
    .insert()
    .into(Tagged)
    .values([{ tag: "a" }, { tag: "b" }]);
  expect(builder.getQuery()).toContain("(:orm_param_0, :orm_param_1), (:orm_param_2, :orm_param_3)");
  expect(Object.keys(builder.getParameters())).toHaveLength(4);
  await builder.execute();
  const again = dataSource
    .createQueryBuilder()
    .insert()
    .into(Tagged)
    .values([{ tag: "c" }, { tag: "d" }]);
  await again.execute();
  await again
    .clone()
    .values([{ tag: "e" }])
    .execute();
  expect(again.getQueryAndParameters()[1]).toEqual([expect.any(String), "c", expect.any(String), "d"]);
  const tags = await rawRead(path(), "SELECT tag FROM tagged ORDER BY tag");
  expect(tags.map(({ tag }) => tag)).toEqual(["a", "b", "c", "d", "e"]);
});

test("rows of a child entity have their discriminator", async () => {
  await dataSource.manager.insert(Dog, [{ name: "Rex" }, { name: "Ada", age: 3 }]);
  await dataSource.manager.insert(Dog, { name: () => "'one of ' || (SELECT count(*) FROM animal)" });
  expect(await rawRead(path(), "SELECT name, kind, age FROM animal ORDER BY id")).toEqual([
    { name: "Rex", kind: "Dog", age: 1 },
    { name: "Ada", kind: "Dog", age: 3 },
    { name: "one of 2", kind: "Dog", age: 1 },
  ]);
});

test("an entity of the class that others derive from gets nothing of theirs", async () => {
  const create = (name: string) => Object.assign(new Animal(), { name });
  expect(await dataSource.manager.save(create("Ada"))).toEqual({ id: 1, name: "Ada" });
  const [animal, dog] = await dataSource.manager.save([
    create("Bob"),
    Object.assign(new Dog(), { name: "Rex" }),
  ]);
  expect(animal).not.toHaveProperty("age");
  expect(dog).toMatchObject({ name: "Rex", age: 1 });
  expect((await dataSource.manager.insert(Animal, { name: "Eve" })).generatedMaps).toEqual([{ id: 4 }]);
});

test.each(["?", "?9", ":unknown", "$x"])(
  "an expression with the parameter %s is refused",
  async (expression) => {
    const rows = [{ tag: "a" }, { tag: () => expression }, { tag: "b" }];
    expect((await rejection(dataSource.manager.insert(Tagged, rows))).message).toMatch(
      /parameters?, but|is undefined/,
    );
    expect(await rawRead(path(), "SELECT * FROM tagged")).toEqual([]);
  },
);

test("rows without any value, and of some columns only", async () => {
  await dataSource.manager.insert(Single, [{}, {}]);
  await dataSource
    .createQueryBuilder()
    .insert()
    .into(Thing, ["name", "stock", "version"])
    .values([
      { name: "a", flag: true },
      { name: "b", stock: 5 },
    ])
    .execute();
  expect(await rawRead(path(), "SELECT * FROM single")).toEqual([{ id: 1 }, { id: 2 }]);
  expect(await rawRead(path(), "SELECT the_name AS name, stock, flag FROM thing")).toEqual([
    { name: "a", stock: 3, flag: null },
    { name: "b", stock: 5, flag: null },
  ]);
});

test("rows that are there already are updated", async () => {
  const rows = [1, 2, 3].map((id) => ({ id, name: `name ${id}`, stock: id }));
  await dataSource.manager.insert(Thing, rows);
  const changed = rows.map(({ id }) => ({ id, name: "new", stock: 10 + id }));
  await dataSource.manager.upsert(
    Thing,
    changed.map((row) => ({ ...row })),
    ["id"],
  );
  expect(await rawRead(path(), "SELECT id, the_name AS name, stock FROM thing")).toEqual(changed);
});

test("a comment may look like the rows", async () => {
  const builder = dataSource
    .createQueryBuilder()
    .insert()
    .into(Tagged)
    .comment("(?, ?) or Tagged.tag = :tag");
  await builder.values([{ tag: "a" }, { tag: "b" }]).execute();
  expect(log.inserts[0]?.[0]).toContain("/* (?, ?) or");
  const tags = await rawRead(path(), "SELECT tag FROM tagged ORDER BY tag");
  expect(tags.map(({ tag }) => tag)).toEqual(["a", "b"]);
});

test("a name in an expression becomes that of the column", async () => {
  const set = { name: () => "(SELECT max(thing.name) || '!' FROM thing)", stock: 1 };
  await dataSource.manager.insert(Thing, [{ name: "a" }, { name: "b" }]);
  await dataSource.manager.insert(Thing, [set, { ...set }]);
  expect(await rawRead(path(), "SELECT the_name AS name FROM thing WHERE id > 2")).toEqual([
    { name: "b!" },
    { name: "b!" },
  ]);
});
