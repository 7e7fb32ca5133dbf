import { Column, Entity, PrimaryGeneratedColumn } from "typeorm";
import type { SqliteDataSource } from "../../src/driver/sqlite-data-source";
import { dataSources, rejection } from "../support/data-sources";
import { rawRead } from "../support/raw-database";
import { temporaryFolder } from "../support/temporary-folder";

@Entity()
class Sample {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ type: "integer", nullable: true })
  integer!: number | null;

  @Column({ type: "bigint", nullable: true })
  big!: string | bigint | null;

  @Column({ type: "real", nullable: true })
  real!: number | null;

  @Column({ type: "text", nullable: true })
  text!: string | null;

  @Column({ type: "boolean", nullable: true })
  flag!: boolean | null;

  @Column({ type: "datetime", nullable: true })
  date!: Date | null;

  @Column({ type: "blob", nullable: true })
  blob!: Buffer | null;

  @Column({ type: "simple-json", nullable: true })
  json!: unknown;
}

const open = dataSources();
const folder = temporaryFolder();
const path = () => folder.file("app.db");

let dataSource: SqliteDataSource;
beforeEach(async () => {
  dataSource = await open({ database: path(), entities: [Sample], synchronize: true });
});

const typeAndText = async (column: string) =>
  Object.values(
    (await rawRead(path(), `SELECT typeof(${column}) AS type, quote(${column}) AS text FROM sample`))[0]!,
  );

describe("in raw queries", () => {
  test.each<[string, unknown, string, string]>([
    ["a number beyond 32 bits", 2 ** 40, "integer", "1099511627776"],
    ["the largest exact number", Number.MAX_SAFE_INTEGER, "integer", "9007199254740991"],
    ["a bigint", 9223372036854775807n, "integer", "9223372036854775807"],
    ["a small bigint", -1n, "integer", "-1"],
    ["a fraction", 0.5, "real", "0.5"],
    ["true", true, "integer", "1"],
    ["a Date", new Date("2024-02-29T12:34:56.789Z"), "text", "'2024-02-29 12:34:56.789'"],
    ["a Buffer", Buffer.from("ab"), "blob", "X'6162'"],
    ["null", null, "null", "NULL"],
  ])("%s arrives as it is", async (_, value, type, text) => {
    for (const runner of [dataSource, dataSource.manager]) {
      const [row] = await runner.query("SELECT typeof(?1) AS type, quote(?1) AS text", [value]);
      expect(row).toEqual({ type, text });
    }
  });

  test("numbered parameters get their wide numbers, whatever their order", async () => {
    const sql = "SELECT typeof(?3) AS a, ?1 AS b, typeof(?2) AS c, typeof(?3) AS d, '?2' AS e";
    expect(await dataSource.query(sql, ["text", 2 ** 33, 5n])).toEqual([
      { a: "integer", b: "text", c: "integer", d: "integer", e: "?2" },
    ]);
  });

  test.each<[string, unknown, RegExp]>([
    ["undefined", undefined, /Parameter 2 is undefined\. Pass null/],
    ["NaN", Number.NaN, /Parameter 2 is NaN/],
    ["an object", { a: 1 }, /Parameter 2 is an object/],
    ["an array", [1], /Parameter 2 is an array/],
    ["a function", () => 1, /Parameter 2 is a function/],
    ["a symbol", Symbol("s"), /Parameter 2 is a symbol/],
    ["a promise", Promise.resolve(1), /Parameter 2 is a Promise/],
    ["an invalid date", new Date(Number.NaN), /Parameter 2 is an invalid Date/],
    ["a bigint beyond 64 bits", 2n ** 63n, /Parameter 2 is a bigint beyond/],
  ])("%s is refused, and nothing is written", async (_, value, message) => {
    const refused = await rejection(
      dataSource.query("INSERT INTO sample (integer, text) VALUES (?, ?)", [1, value]),
    );
    expect(refused).toMatchObject({ name: "ParameterError", code: "PARAMETER" });
    expect(refused.message).toMatch(message);
    expect(await rawRead(path(), "SELECT * FROM sample")).toEqual([]);
  });

  test("parameters that are missing are not those of an earlier call", async () => {
    const sql = "SELECT ? AS value";
    await dataSource.query(sql, ["a secret of someone else"]);
    const outcome = await dataSource.query(sql).catch((error: Error) => error);
    expect(JSON.stringify(outcome)).not.toContain("secret");
  });

  test("parameters that are too many are refused", async () => {
    await expect(dataSource.query("SELECT ? AS value", [1, 2])).rejects.toThrow();
  });

  test("named parameters are refused, since TypeORM has positional ones", async () => {
    const parameters = { id: 1 } as unknown as unknown[];
    await expect(dataSource.query("SELECT :id AS id", parameters)).rejects.toThrow(/[Nn]amed/);
  });
});

test.each(["", " ", "-- nothing", "/* nothing */ ;"])(
  "%j is no statement, to query() and to stream()",
  async (sql) => {
    const runner = dataSource.createQueryRunner();
    for (const refused of [dataSource.query(sql), runner.stream(sql)]) {
      expect(await rejection(refused)).toMatchObject({
        name: "ParameterError",
        message: expect.stringContaining("no statement"),
      });
    }
  },
);

test.each([
  "SELECT 1; SELECT 2",
  "DELETE FROM sample; DROP TABLE sample",
  "UPDATE sample SET real = 1; SELECT 'late",
])("%j is more than one statement, to query() and to stream(), and none is run", async (sql) => {
  await dataSource.manager.insert(Sample, { real: 2 });
  const runner = dataSource.createQueryRunner();
  for (const refused of [dataSource.query(sql), runner.stream(sql)]) {
    expect(await rejection(refused)).toMatchObject({
      name: "ParameterError",
      message: expect.stringContaining("One statement at a time"),
    });
  }
  expect(await rawRead(path(), "SELECT real FROM sample")).toEqual([{ real: 2 }]);
});

test("a semicolon at the end, and those in a trigger, begin no second statement", async () => {
  await dataSource.query(
    "CREATE TRIGGER twice AFTER INSERT ON sample BEGIN UPDATE sample SET real = 1; UPDATE sample SET real = real + 1; END; -- so",
  );
  await dataSource.query("INSERT INTO sample (real) VALUES (5);");
  expect(await dataSource.query("SELECT real FROM sample; ;")).toEqual([{ real: 2 }]);
});

describe("in entities", () => {
  const DATE = new Date("2024-02-29T12:34:56.789Z");

  test("everything comes back as it was saved", async () => {
    const saved = await dataSource.manager.save(Sample, {
      integer: 2 ** 40,
      big: "123456789012",
      real: 0.1 + 0.2,
      text: "it's ☃ \u{1F600} ?1 :name -- /* */",
      flag: true,
      date: DATE,
      blob: Buffer.from([0, 1, 255]),
      json: { nested: [1, "two", null] },
    });
    const [found] = await dataSource.manager.find(Sample);
    expect(found).toMatchObject({
      id: saved.id,
      integer: 2 ** 40,
      real: 0.1 + 0.2,
      text: "it's ☃ \u{1F600} ?1 :name -- /* */",
      flag: true,
      date: DATE,
      json: { nested: [1, "two", null] },
    });
    expect(String(found!.big)).toBe("123456789012");
    expect(Buffer.compare(found!.blob!, Buffer.from([0, 1, 255]))).toBe(0);
    expect(await typeAndText("integer")).toEqual(["integer", "1099511627776"]);
  });

  test("a number beyond 32 bits is stored and found as INTEGER by every kind of query", async () => {
    const wide = 2 ** 40 + 1;
    const { manager } = dataSource;
    await manager.insert(Sample, { integer: wide });
    expect(await typeAndText("integer")).toEqual(["integer", String(wide)]);
    expect(await manager.countBy(Sample, { integer: wide })).toBe(1);
    const found = manager.createQueryBuilder(Sample, "s").where("s.integer = :wide", { wide });
    expect(await found.getCount()).toBe(1);
    const among = manager.createQueryBuilder(Sample, "s").where("s.integer IN (:...all)", { all: [1, wide] });
    expect(await among.getCount()).toBe(1);
    await manager.update(Sample, { integer: wide }, { integer: wide + 1, real: wide });
    expect(await typeAndText("integer")).toEqual(["integer", String(wide + 1)]);
    expect((await manager.delete(Sample, { integer: wide + 1 })).affected).toBe(1);
  });

  test("a bigint column takes a bigint beyond 2^53 exactly", async () => {
    await dataSource.manager.insert(Sample, { big: 9007199254740993n });
    expect(await typeAndText("big")).toEqual(["integer", "9007199254740993"]);
    expect(await dataSource.manager.countBy(Sample, { big: 9007199254740993n })).toBe(1);
    expect(await dataSource.manager.countBy(Sample, { big: 9007199254740992n })).toBe(0);
  });

  test("a Date in a condition compares with what was stored", async () => {
    await dataSource.manager.insert(Sample, { date: DATE });
    expect(await dataSource.manager.countBy(Sample, { date: DATE })).toBe(1);
    const raw = await dataSource.query("SELECT id FROM sample WHERE date = ?", [DATE]);
    expect(raw).toHaveLength(1);
  });

  test("undefined leaves a column to its default, as TypeORM has it", async () => {
    await dataSource.manager.insert(Sample, { integer: undefined as never, text: "x" });
    expect(await typeAndText("integer")).toEqual(["null", "NULL"]);
  });

  test("a parameter in a string, an identifier or a comment of a query builder is none", async () => {
    await dataSource.manager.insert(Sample, { text: "it's :name" });
    const query = dataSource.manager
      .createQueryBuilder(Sample, "s")
      .where("s.text = 'it''s :name' /* :name */ AND s.text <> :name -- :name", { name: "Ann" });
    expect(await query.getCount()).toBe(1);
  });

  test("getQuery and getSql show numbers as TypeORM's drivers do, although they are bound", async () => {
    const query = dataSource.manager.createQueryBuilder(Sample, "s").where("s.id = :id", { id: 7 });
    expect(query.getQueryAndParameters()).toEqual([expect.stringContaining('"s"."id" = 7'), []]);
    expect(await query.getMany()).toEqual([]);
    expect(query.getQueryAndParameters()).toEqual([expect.stringContaining('"s"."id" = 7'), []]);
  });

  test("more parameters than SQLite takes are written into the text where they are numbers", async () => {
    await dataSource.manager.insert(Sample, { integer: 39_999 });
    const all = Array.from({ length: 40_000 }, (_, n) => n);
    const query = dataSource.manager.createQueryBuilder(Sample, "s").where("s.integer IN (:...all)", { all });
    expect(await query.getCount()).toBe(1);
  });
});
