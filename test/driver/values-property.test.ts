import fc from "fast-check";
import { Column, Entity, IsNull, PrimaryGeneratedColumn } from "typeorm";
import type { SqliteDatabase } from "../../src/sqlite-database";
import { testDatabases } from "../support/databases";
import { rawRead } from "../support/raw-database";

// What goes in comes out, is equal to what is in the file, and is found by itself; through `exec` and through TypeORM.

@Entity("values")
class Value {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column("integer", { nullable: true })
  integer!: number | null;

  @Column("bigint", { nullable: true })
  big!: bigint | number | null;

  @Column("real", { nullable: true })
  real!: number | null;

  @Column("text", { nullable: true })
  text!: string | null;

  @Column("boolean", { nullable: true })
  flag!: boolean | null;

  @Column("datetime", { nullable: true })
  date!: Date | null;

  @Column("blob", { nullable: true })
  blob!: Buffer | null;

  @Column("simple-json", { nullable: true })
  json!: unknown;
}

/** Numbers on both sides of the edges of 8 to 64 bits. */
const edges = [7, 8, 15, 16, 31, 32, 53, 62, 63].flatMap((bits) =>
  [-2n, -1n, 0n, 1n, 2n].flatMap((near) => [2n ** BigInt(bits) + near, -(2n ** BigInt(bits)) + near]),
);
const LEAST = -(2n ** 63n);
const MOST = 2n ** 63n - 1n;

const big = fc.oneof(
  fc.constantFrom(...edges.filter((edge) => edge >= LEAST && edge <= MOST)),
  fc.bigInt({ min: LEAST, max: MOST }),
);
const safe = fc.oneof(
  big.filter((value) => Number.isSafeInteger(Number(value))).map(Number),
  fc.maxSafeInteger(),
);
// SQLite keeps no sign of zero.
const real = fc
  .oneof(
    fc.double({ noNaN: true }),
    fc.constantFrom(2 ** 53, 2 ** 63, 5e-324, 1.7976931348623157e308, 0.1 + 0.2),
  )
  .map((value) => value + 0);
const text = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.string({ unit: "binary" }),
  fc.constantFrom("", "\0", "a\0b", "\u{10FFFF}", "\uFEFF", "it's", ":name ?1", "1", "1e3", "0x10", "NULL"),
);
const blob = fc.uint8Array().map((bytes) => Buffer.from(bytes));
const date = fc.date({
  min: new Date("0001-01-01T00:00:00Z"),
  max: new Date("9999-12-31T23:59:59.999Z"),
  noInvalidDate: true,
});

// TypeORM's save() copies what is in a JSON column, without the keys that every object inherits.
const INHERITED = Object.getOwnPropertyNames(Object.prototype).map((name) => JSON.stringify(name));
const json = fc
  .jsonValue()
  .filter((value) => value !== null && !INHERITED.some((name) => JSON.stringify(value).includes(name)));

const databases = testDatabases();
let database: SqliteDatabase;
beforeEach(async () => {
  database = await databases.open({ entities: [Value] });
});

const asText = (value: Date) => value.toISOString().replace("T", " ").replace("Z", "");

describe("through exec", () => {
  const kinds: [
    string,
    fc.Arbitrary<null | boolean | number | bigint | string | Buffer | Date>,
    string,
    (value: never) => unknown,
  ][] = [
    ["an integer", safe, "integer", (value) => value],
    ["a bigint", big, "integer", (value) => value],
    ["a real", real.filter((value) => !Number.isInteger(value)), "real", (value) => value],
    ["a text", text, "text", (value) => value],
    ["a blob", blob, "blob", (value) => value],
    ["a date", date, "text", asText],
    ["a boolean", fc.boolean(), "integer", Number],
    ["null", fc.constant(null), "null", (value) => value],
  ];

  test.each(kinds)("%s comes out of the file as it went in", async (_, arbitrary, type, stored) => {
    await database.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, v, again)");
    await fc.assert(
      fc.asyncProperty(arbitrary, async (value) => {
        await database.exec("DELETE FROM t");
        await database.exec("INSERT INTO t VALUES (1, :value, :value)", { value });
        const expected = stored(value as never);
        const wide = typeof expected === "bigint";
        const v = wide ? "CAST(v AS TEXT)" : "v";
        const query = `SELECT ${v} AS v, typeof(v) AS type FROM t WHERE v IS :value AND again IS :value`;
        const { v: found, type: typed } = (
          await database.exec<{ v: unknown; type: string }>(query, { value })
        ).one();
        expect(typed).toBe(type);
        expect(found).toEqual(wide ? String(expected) : expected);
        const [witness] = await rawRead(databases.path, `SELECT ${v} AS v FROM t`);
        expect(witness!.v).toEqual(wide ? String(expected) : expected);
        if (value === null) return;
        const { rows } = await database.exec("SELECT id FROM t WHERE v IN (:list)", { list: [value] });
        expect(rows).toEqual([{ id: 1 }]);
      }),
      { numRuns: 60 },
    );
  });

  test("a real without a fraction stays a real where the column does not make it an integer", async () => {
    await fc.assert(
      fc.asyncProperty(real, async (value) => {
        expect((await database.exec("SELECT CAST(:value AS REAL) AS v", { value })).scalar()).toBe(value);
      }),
    );
  });
});

describe("through TypeORM", () => {
  const columns: [keyof Value, fc.Arbitrary<unknown>][] = [
    ["integer", safe],
    ["big", safe],
    ["real", real],
    ["text", text],
    ["flag", fc.boolean()],
    ["date", date],
    ["blob", blob],
    ["json", json],
  ];

  test.each(columns)(
    "%s: what is saved is loaded, found by itself, and updated",
    async (column, arbitrary) => {
      const values = database.getRepository(Value);
      await fc.assert(
        fc.asyncProperty(arbitrary, arbitrary, async (first, second) => {
          const { id } = await values.save({ [column]: first });
          const expected = (value: unknown) =>
            column === "json" ? JSON.parse(JSON.stringify(value)) : value;
          expect((await values.findOneByOrFail({ id }))[column]).toEqual(expected(first));
          await values.update(id, { [column]: second } as never);
          expect((await values.findOneByOrFail({ id }))[column]).toEqual(expected(second));
          if (column !== "json") expect(await values.existsBy({ id, [column]: second })).toBe(true);
          await values.save({ id, [column]: null });
          expect(await values.existsBy({ id, [column]: IsNull() })).toBe(true);
          await values.clear();
        }),
        { numRuns: 30 },
      );
    },
  );

  test("a bigint is stored and found exactly, and is never loaded rounded", async () => {
    const values = database.getRepository(Value);
    await fc.assert(
      fc.asyncProperty(big, async (value) => {
        await values.clear();
        await values.insert({ big: value });
        expect(await rawRead(databases.path, 'SELECT CAST(big AS TEXT) AS big FROM "values"')).toEqual([
          { big: String(value) },
        ]);
        expect(await values.countBy({ big: value })).toBe(1);
        expect(await values.countBy({ big: value === MOST ? value - 1n : value + 1n })).toBe(0);
        const loaded = await values.findOneByOrFail({}).catch((error: Error) => error);
        if (loaded instanceof Error) {
          expect(loaded).toMatchObject({ code: "UNSAFE_INTEGER", column: "Value_big" });
          expect(BigInt(Number(value))).not.toBe(value);
        } else {
          expect(BigInt(loaded.big!)).toBe(value);
        }
      }),
    );
  });

  test("what exec writes TypeORM reads, and the other way round", async () => {
    const values = database.getRepository(Value);
    await fc.assert(
      fc.asyncProperty(safe, real, text, date, blob, async (integer, real, text, date, blob) => {
        await values.clear();
        const row = { integer, real, text, date, blob };
        await database.exec(
          'INSERT INTO "values" (integer, real, text, date, blob) VALUES (:integer, :real, :text, :date, :blob)',
          row,
        );
        expect(await values.findOneByOrFail({})).toMatchObject(row);
        await values.insert({ ...row });
        const same = 'SELECT DISTINCT integer, real, text, date, blob FROM "values"';
        expect((await database.exec(same)).rows).toEqual([{ ...row, date: asText(date) }]);
      }),
    );
  });

  test("insertMany stores what save stores", async () => {
    const values = database.getRepository(Value);
    await fc.assert(
      fc.asyncProperty(
        safe,
        real,
        text,
        fc.boolean(),
        date,
        blob,
        async (integer, real, text, flag, date, blob) => {
          await values.clear();
          const row = { integer, real, text, flag, date, blob, json: { text } };
          await values.save({ ...row });
          await database.insertMany(Value, [row]);
          const same =
            'SELECT DISTINCT integer, real, text, flag, date, blob, json, typeof(real) FROM "values"';
          expect((await database.exec(same)).rows).toHaveLength(1);
        },
      ),
    );
  });
});
