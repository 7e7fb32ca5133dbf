import { monitorEventLoopDelay } from "node:perf_hooks";
import { IsEmail } from "class-validator";
import {
  Column,
  CreateDateColumn,
  Entity,
  JoinColumn,
  ManyToOne,
  OneToMany,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  type Relation,
  UpdateDateColumn,
  VersionColumn,
} from "typeorm";
import { ConstraintError, EntityValidationError, ParameterError, ReadonlyError } from "../../src/errors";
import { rejection } from "../support/data-sources";
import { testDatabases } from "../support/databases";
import { deferred } from "../support/deferred";
import { rawExec, rawRead } from "../support/raw-database";
import { NOTES, Note } from "../support/small-entities";

const databases = testDatabases();
const boom = new Error("boom");

class Size {
  @Column("real", { default: 1.5 })
  width!: number;

  @Column("integer", { name: "tall", nullable: true })
  height!: number | null;
}

@Entity("makers")
class Maker {
  @PrimaryColumn("text")
  code!: string;

  @OneToMany(
    () => Part,
    (part) => part.maker,
  )
  parts!: Relation<Part>[];
}

@Entity("parts")
class Part {
  @PrimaryGeneratedColumn("uuid")
  id!: string;

  @Column({
    name: "part_name",
    transformer: { to: (name?: string) => name?.toUpperCase(), from: (name) => name },
  })
  name!: string;

  @Column({ default: "it's new".replace("'", "''") })
  state!: string;

  @Column("boolean", { default: true })
  sold!: boolean;

  @Column("simple-json", { nullable: true })
  tags!: string[] | null;

  @Column("datetime", { nullable: true })
  madeAt!: Date | null;

  @Column(() => Size)
  size!: Size;

  @ManyToOne(
    () => Maker,
    (maker) => maker.parts,
    { nullable: true },
  )
  maker!: Relation<Maker> | null;

  @ManyToOne(() => Part, { nullable: true })
  @JoinColumn({ name: "parent" })
  partOf!: Relation<Part> | null;

  @CreateDateColumn()
  createdAt!: Date;

  @UpdateDateColumn()
  updatedAt!: Date;

  @VersionColumn()
  version!: number;
}

@Entity("samples")
class Sample {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column("text", { nullable: true })
  text!: string | null;

  @Column("real", { nullable: true })
  real!: number | null;

  @Column("bigint", { nullable: true })
  big!: bigint | number | null;

  @Column("blob", { nullable: true })
  bytes!: Uint8Array | null;
}

@Entity("guests")
class Guest {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  @IsEmail()
  email!: string;
}

const numbered = (count: number) => Array.from({ length: count }, (_, index) => ({ text: `note ${index}` }));

describe("insertMany", () => {
  test("inserts what an iterable or an async iterable gives, in its order, and tells how many", async () => {
    const database = await databases.open({ entities: [Note] });
    expect(await database.insertMany(Note, numbered(5000))).toBe(5000);
    async function* more() {
      for (let index = 5000; index < 8000; index++) yield { text: `note ${index}` };
    }
    expect(await database.insertMany(Note, more())).toBe(3000);
    expect(await database.insertMany(Note, new Set([{ id: 9000, text: "note 8000" }]))).toBe(1);
    expect(await database.insertMany(Note, [])).toBe(0);
    expect(await rawRead(databases.path, NOTES)).toEqual(numbered(8001));
  });

  test("stores what repository.insert() stores", async () => {
    const database = await databases.open({ entities: [Part, Maker] });
    await database.insertMany(Maker, [{ code: "acme" }]);
    const full = {
      id: "5c0b1f6e-5d6e-4c3b-9b0a-1f2e3d4c5b6a",
      name: "wheel",
      state: "used",
      sold: false,
      tags: ["a", "é😀'"],
      madeAt: new Date("2024-02-29T12:34:56.789Z"),
      size: { width: 0.1 + 0.2, height: 7 },
      maker: { code: "acme" },
      createdAt: new Date("2020-01-01T00:00:00Z"),
      version: 4,
    };
    const rows = [full, { name: "bare" }, { name: "nulls", tags: null, size: { height: null }, maker: null }];
    const stored = async () => await rawRead(databases.path, "SELECT * FROM parts ORDER BY part_name DESC");
    await database.insertMany(Part, rows);
    const bulk = await stored();
    await database.exec("DELETE FROM parts");
    await database.getRepository(Part).insert(rows.map((row) => ({ ...row })));
    const one = await stored();
    const withoutGenerated = (all: Record<string, unknown>[]) =>
      all.map(({ id, createdAt, updatedAt, ...rest }) => ({ ...rest, id: typeof id }));
    expect(withoutGenerated(bulk)).toEqual(withoutGenerated(one));
    expect(bulk[0]).toMatchObject({
      id: full.id,
      part_name: "WHEEL",
      sizeWidth: 0.1 + 0.2,
      sizeTall: 7,
      makerCode: "acme",
      madeAt: "2024-02-29 12:34:56.789",
      createdAt: "2020-01-01 00:00:00.000",
      version: 4,
    });
    expect(bulk[2]).toMatchObject({
      state: "it's new",
      sold: 1,
      sizeWidth: 1.5,
      version: 1,
      makerCode: null,
    });
    expect(bulk[2]!.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(Math.abs(Date.parse(`${bulk[2]!.createdAt}Z`) - Date.now())).toBeLessThan(60_000);
    // The rows are as they were.
    expect(rows[1]).toEqual({ name: "bare" });
  });

  test("gives a default only to the rows that say nothing about the column, also to none of many", async () => {
    const database = await databases.open({ entities: [Part, Maker] });
    await database.insertMany(Part, [
      { name: "a", tags: null },
      { name: "b", state: "{}", tags: [] },
      { name: "c", sold: false, size: { width: 2 } },
    ]);
    await database.insertMany(Part, [
      { name: "d", state: "new", sold: true, size: { width: 3, height: 4 }, tags: ["x"] },
    ]);
    const sql = "SELECT state, sold, sizeWidth, sizeTall, tags FROM parts ORDER BY part_name";
    expect(await rawRead(databases.path, sql)).toEqual([
      { state: "it's new", sold: 1, sizeWidth: 1.5, sizeTall: null, tags: null },
      { state: "{}", sold: 1, sizeWidth: 1.5, sizeTall: null, tags: "[]" },
      { state: "it's new", sold: 0, sizeWidth: 2, sizeTall: null, tags: null },
      { state: "new", sold: 1, sizeWidth: 3, sizeTall: 4, tags: '["x"]' },
    ]);
  });

  test("takes a relation as the value of its join column, or as an object with it", async () => {
    const database = await databases.open({ entities: [Part, Maker] });
    await database.insertMany(Maker, [{ code: "acme" }]);
    const [id, child] = ["6a3f1b9e-1c2d-4e5f-8a9b-0c1d2e3f4a5b", "7b4f1b9e-1c2d-4e5f-8a9b-0c1d2e3f4a5b"];
    await database.insertMany(Part, [
      { id, name: "a", maker: "acme" },
      { name: "b", maker: { code: "acme" }, partOf: id },
      { name: "c", makerCode: "acme", parent: id },
      { id: child, name: "d", partOf: { id } },
    ]);
    expect(await rawRead(databases.path, "SELECT makerCode, parent FROM parts ORDER BY part_name")).toEqual([
      { makerCode: "acme", parent: null },
      { makerCode: "acme", parent: id },
      { makerCode: "acme", parent: id },
      { makerCode: null, parent: id },
    ]);
    const unknown = await rejection(database.insertMany(Part, [{ name: "e", maker: "nobody" }]));
    expect(unknown).toMatchObject({ kind: "foreignKey" });
  });

  test("stores every value as it is, whichever way it takes", async () => {
    const database = await databases.open({ entities: [Sample] });
    const texts = [
      "",
      "a\0b",
      "\0",
      "\ud800",
      "é😀",
      "{}",
      '["x"]',
      "'; --",
      '\n\t\\"',
      "1",
      "null",
      "\u2028",
      "\u0001\x7f",
      "a\udc00",
      "\\u0000",
      "\\ud83d",
    ];
    const reals = [
      0.1 + 0.2,
      -2932.5036834,
      5e-324,
      1.7976931348623157e308,
      Number.POSITIVE_INFINITY,
      -0.5,
      4,
      1e21,
    ];
    const integers = [
      2 ** 31,
      -(2 ** 31) - 1,
      2 ** 40,
      Number.MAX_SAFE_INTEGER,
      9_007_199_254_740_993n,
      -(2n ** 63n),
    ];
    const rows = [
      ...texts.map((text) => ({ text })),
      ...reals.map((real) => ({ real })),
      ...integers.map((big) => ({ big })),
      { bytes: Buffer.from([0, 1, 255]) },
      { bytes: new Uint8Array(0) },
      { text: null, real: null, big: null, bytes: null },
    ];
    for (const part of [rows, ...rows.map((row) => [row])]) {
      await database.exec("DELETE FROM samples");
      expect(await database.insertMany(Sample, part)).toBe(part.length);
      const stored = await rawRead(
        databases.path,
        `SELECT hex(text) AS text, typeof(text) AS textType, real, typeof(real) AS realType,
          CAST(big AS TEXT) AS big, typeof(big) AS bigType, bytes FROM samples ORDER BY id`,
      );
      expect(stored).toEqual(
        part.map((row: Partial<Sample>) => ({
          text: row.text == null ? "" : Buffer.from(row.text).toString("hex").toUpperCase(),
          textType: row.text == null ? "null" : "text",
          real: row.real ?? null,
          realType: row.real == null ? "null" : "real",
          big: row.big == null ? null : String(row.big),
          bigType: row.big == null ? "null" : "integer",
          bytes: row.bytes == null ? null : Buffer.from(row.bytes),
        })),
      );
    }
  });

  test("refuses a property that is no column, a row that is no object, and a value that cannot be stored", async () => {
    const database = await databases.open({ entities: [Part, Maker, Note, Sample] });
    const refused = async (target: new () => object, row: unknown) => {
      const rows = [...numbered(3000), row] as object[];
      const error = await rejection(database.insertMany(target, target === Note ? rows : rows.slice(3000)));
      expect(error).toBeInstanceOf(ParameterError);
      return error.message;
    };
    expect(await refused(Note, { text: "x", txet: 1 })).toMatch(/Row 3000 for Note has the property "txet"/);
    expect(await refused(Note, null)).toMatch(/Row 3000 for Note is null/);
    expect(await refused(Note, ["x"])).toMatch(/Row 3000 for Note is an array/);
    expect(await refused(Note, "x")).toMatch(/Row 3000 for Note is string/);
    expect(await refused(Note, Promise.resolve({ text: "x" }))).toMatch(/Row 3000 for Note is a Promise/);
    expect(await refused(Note, { text: ["x"] })).toMatch(/text is an array, and not a single value/);
    expect(await refused(Note, { text: () => "x" })).toMatch(/text is a function/);
    expect(await refused(Part, { name: "x", size: { depth: 1 } })).toMatch(/"size\.depth"/);
    expect(await refused(Maker, { code: "x", parts: [] })).toMatch(/"parts"/);
    expect(await refused(Sample, { real: Number.NaN })).toMatch(/real is NaN/);
    expect(await refused(Sample, { big: 2n ** 64n })).toMatch(/big is a bigint/);
    expect(await refused(Sample, { text: { a: 1 } })).toMatch(/text is an object/);
    const noRows = database.insertMany(Note, 5 as never);
    expect((await rejection(noRows)).message).toMatch(/must be an array/);
    for (const table of ["notes", "parts", "makers", "samples"]) {
      expect(await rawRead(databases.path, `SELECT * FROM ${table}`)).toEqual([]);
    }
  });

  test("is all or nothing: a failure in a late chunk undoes the chunks before", async () => {
    const database = await databases.open({ entities: [Note] });
    await database.insertMany(Note, [{ text: "before" }]);
    async function* failing() {
      yield* numbered(9000);
      throw boom;
    }
    await expect(database.insertMany(Note, failing())).rejects.toBe(boom);
    const duplicate = database.insertMany(Note, [...numbered(9000), { text: "before" }]);
    expect(await rejection(duplicate)).toBeInstanceOf(ConstraintError);
    expect(await rejection(database.insertMany(Note, [{}]))).toMatchObject({ kind: "notNull" });
    expect(await rawRead(databases.path, NOTES)).toEqual([{ text: "before" }]);
    expect(database.stats().writer.busy).toBe(false);
  });

  test("validates every row as save() does, and inserts none if one is not valid", async () => {
    const database = await databases.open({ entities: [Guest] });
    const guests = Array.from({ length: 3000 }, (_, index) => ({ email: `guest${index}@example.org` }));
    const invalid = database.insertMany(Guest, [...guests, { email: "nobody" }]);
    const error = await rejection(invalid);
    expect(error).toBeInstanceOf(EntityValidationError);
    expect((error as EntityValidationError).errors).toMatchObject([{ property: "email" }]);
    expect(await rawRead(databases.path, "SELECT * FROM guests")).toEqual([]);
    expect(await database.insertMany(Guest, guests)).toBe(3000);
  });

  test("inside a session is part of it, and its failure undoes only its own part", async () => {
    const database = await databases.open({ entities: [Note] });
    await database.session(async (session) => {
      await session.insertMany(Note, [{ text: "a" }]);
      await rejection(session.insertMany(Note, [{ text: "b" }, { text: "a" }]));
      await database.insertMany(Note, [{ text: "c" }]);
      expect(await session.manager.count(Note)).toBe(2);
      expect(await rawRead(databases.path, NOTES)).toEqual([]);
    });
    expect(await rawRead(databases.path, NOTES)).toEqual([{ text: "a" }, { text: "c" }]);
    const undone = database.session(async (session) => {
      await session.insertMany(Note, [{ text: "d" }]);
      throw boom;
    });
    await expect(undone).rejects.toBe(boom);
    const readonly = database.session((session) => session.insertMany(Note, [{ text: "e" }]), {
      readonly: true,
    });
    expect(await rejection(readonly)).toBeInstanceOf(ReadonlyError);
    expect(await rawRead(databases.path, NOTES)).toHaveLength(2);
  });

  test("takes the rows of a stream, of its own session too", async () => {
    await rawExec(databases.path, "CREATE TABLE source (line text)");
    const database = await databases.open({ entities: [Note] });
    const fill =
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000) INSERT INTO source SELECT i FROM n";
    await database.exec(fill);
    const read = "SELECT 'own ' || line AS text FROM source";
    await database.session((session) => session.insertMany(Note, session.stream<{ text: string }>(read)));
    const outside = database.stream<{ text: string }>("SELECT 'other ' || line AS text FROM source");
    await database.insertMany(Note, outside);
    await using session = await database.openSession();
    expect(
      await session.insertMany(Note, session.stream<{ text: string }>("SELECT line AS text FROM source")),
    ).toBe(4000);
    await session.commit();
    expect(await rawRead(databases.path, "SELECT count(*) AS count FROM notes")).toEqual([{ count: 12_000 }]);
  });

  test("leaves the event loop free between its chunks, and other readers see nothing of it until its end", async () => {
    const database = await databases.open({ entities: [Note] });
    const seen = new Set<unknown>();
    function* rows() {
      for (let index = 0; index < 100_000; index++) yield { text: `note ${index}` };
    }
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    let done = false;
    const inserting = database.insertMany(Note, rows()).finally(() => {
      done = true;
    });
    while (!done)
      seen.add((await database.detach(() => database.exec("SELECT count(*) FROM notes"))).scalar());
    delay.disable();
    expect(await inserting).toBe(100_000);
    expect([...seen].filter((count) => count !== 0 && count !== 100_000)).toEqual([]);
    expect(seen.has(0)).toBe(true);
    // Nanoseconds; a machine that is busy otherwise is why this is not the 15 ms that are aimed at.
    expect(delay.percentile(90)).toBeLessThan(100e6);
  });

  test("a signal ends it, and nothing is left of it", async () => {
    const database = await databases.open({ entities: [Note] });
    const controller = new AbortController();
    async function* endless() {
      for (let index = 0; ; index++) {
        if (index === 5000) controller.abort(boom);
        if (index % 100 === 0) await new Promise(setImmediate);
        yield { text: `note ${index}` };
      }
    }
    await expect(database.insertMany(Note, endless(), { signal: controller.signal })).rejects.toBe(boom);
    expect(await rawRead(databases.path, NOTES)).toEqual([]);
    expect(await database.insertMany(Note, [{ text: "after" }])).toBe(1);
  });

  test("takes no row more from its source once a signal has ended it, and closes the source", async () => {
    const database = await databases.open({ entities: [Note] });
    const controller = new AbortController();
    const hasEnded = deferred();
    const isClosed = deferred();
    let given = 0;
    async function* slow() {
      try {
        for (; given < 100; given++) {
          if (given === 3) {
            controller.abort(boom);
            await hasEnded.promise;
          }
          yield { text: `note ${given}` };
        }
      } finally {
        isClosed.resolve();
      }
    }
    const inserted = database.insertMany(Note, slow(), { signal: controller.signal });
    await expect(inserted).rejects.toBe(boom);
    hasEnded.resolve();
    await isClosed.promise;
    expect(given).toBeLessThanOrEqual(3);
  });
});
