import { Column, Entity, PrimaryGeneratedColumn, QueryFailedError } from "typeorm";
import type { SqliteDataSource } from "../../src/driver/sqlite-data-source";
import { BusyError, ConstraintError, DiskFullError, QueryError } from "../../src/errors";
import { dataSources, rejection } from "../support/data-sources";
import { RawDatabase, rawExec } from "../support/raw-database";
import { temporaryFolder } from "../support/temporary-folder";

@Entity()
class Note {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ unique: true })
  text!: string;
}

const open = dataSources();
const folder = temporaryFolder();
const path = () => folder.file("app.db");

let dataSource: SqliteDataSource;
beforeEach(async () => {
  await rawExec(
    path(),
    `CREATE TABLE parent (id INTEGER PRIMARY KEY);
     CREATE TABLE t (
       id INTEGER PRIMARY KEY, name TEXT NOT NULL, code TEXT, part INTEGER,
       age INTEGER CONSTRAINT grown CHECK (age >= 18), parentId INTEGER REFERENCES parent,
       UNIQUE (code, part)
     );
     CREATE TABLE pair (a, b, PRIMARY KEY (b, a)) WITHOUT ROWID;
     CREATE TABLE "odd name" ("a.b" TEXT PRIMARY KEY NOT NULL, "c d" UNIQUE);
     CREATE UNIQUE INDEX lower_name ON t (lower(name));
     CREATE TRIGGER picky BEFORE INSERT ON t WHEN new.name = 'UNIQUE constraint failed: a.b'
       BEGIN SELECT RAISE(ABORT, 'not that name'); END;
     CREATE TABLE spans ("from" INTEGER, "to" INTEGER, label TEXT CHECK ("label" <> ''),
       CHECK ( "from" <= "to" AND 'label' <> '' ));
     CREATE TABLE log (entry INTEGER CONSTRAINT logged CHECK (entry <> 7));
     CREATE TRIGGER logging AFTER INSERT ON pair BEGIN INSERT INTO log VALUES (new.a); END;
     CREATE TABLE child (a, b, parentId REFERENCES parent, FOREIGN KEY (a, b) REFERENCES pair (b, a));
     CREATE TABLE twig (id INTEGER PRIMARY KEY, a REFERENCES twig, b REFERENCES parent);
     INSERT INTO twig VALUES (1, 1, NULL);
     CREATE TABLE exact (number INTEGER) STRICT;
     CREATE TABLE listed ("a, b", "c, d.e" NOT NULL, f, UNIQUE ("a, b", "c, d.e", f));
     CREATE TRIGGER listing AFTER INSERT ON log BEGIN INSERT INTO listed VALUES (1, 2, new.entry); END;
     INSERT INTO t (id, name, code, part) VALUES (1, 'Ann', 'x', 1);
     INSERT INTO parent VALUES (5);
     INSERT INTO listed VALUES (1, 2, 3);
     INSERT INTO child (parentId) VALUES (5);
     INSERT INTO pair VALUES (1, 2);
     INSERT INTO "odd name" VALUES ('k', 'l');`,
  );
  dataSource = await open({ database: path(), entities: [Note] });
});

describe("a violated constraint names its kind, table and columns:", () => {
  test.each<[string, string, Partial<ConstraintError>]>([
    [
      "primary key",
      "INSERT INTO t (id, name) VALUES (1, 'Bob')",
      { kind: "primaryKey", table: "t", columns: ["id"] },
    ],
    [
      "primary key of two columns",
      "INSERT INTO pair VALUES (1, 2)",
      { kind: "primaryKey", table: "pair", columns: expect.arrayContaining(["a", "b"]) as never },
    ],
    [
      "unique",
      "INSERT INTO t (name, code, part) VALUES ('Bob', 'x', 1)",
      { kind: "unique", table: "t", columns: ["code", "part"] },
    ],
    [
      "unique index of an expression",
      "INSERT INTO t (name) VALUES ('ANN')",
      { kind: "unique", table: "t", columns: ["name"] },
    ],
    ["not null", "INSERT INTO t (name) VALUES (NULL)", { kind: "notNull", table: "t", columns: ["name"] }],
    ["check", "INSERT INTO t (name, age) VALUES ('Bob', 5)", { kind: "check", table: "t", columns: ["age"] }],
    [
      "check of an update",
      "WITH x AS (SELECT 5 AS age) UPDATE OR ABORT main.T SET age = (SELECT age FROM x)",
      { kind: "check", table: "t", columns: ["age"] },
    ],
    [
      "check without a name",
      "REPLACE INTO spans VALUES (3, 2, 'x')",
      { kind: "check", table: "spans", columns: ["from", "to"] },
    ],
    [
      "check whose expression begins with a quoted name",
      "INSERT INTO spans VALUES (1, 2, '')",
      { kind: "check", table: "spans", columns: ["label"] },
    ],
    [
      "check of a table that a trigger writes to",
      "INSERT INTO pair VALUES (7, 7)",
      { kind: "check", table: "log", columns: ["entry"] },
    ],
    [
      "foreign key",
      "INSERT INTO t (name, parentId) VALUES ('Bob', 9)",
      { kind: "foreignKey", table: "t", columns: ["parentId"] },
    ],
    [
      "foreign key of an update",
      "UPDATE t SET parentId = 9",
      { kind: "foreignKey", table: "t", columns: ["parentId"] },
    ],
    [
      "foreign key of two columns",
      "INSERT INTO child VALUES (8, 9, NULL)",
      { kind: "foreignKey", table: "child", columns: ["a", "b"] },
    ],
    [
      "one of two foreign keys",
      "INSERT INTO child VALUES (8, 9, 10)",
      { kind: "foreignKey", table: "child", columns: [] },
    ],
    [
      "foreign keys of an INSERT that selects",
      "INSERT INTO child SELECT 2, 1, 9",
      { kind: "foreignKey", table: "child", columns: [] },
    ],
    [
      "the one foreign key whose columns were listed",
      "INSERT INTO child (b, a) VALUES (9, 8)",
      { kind: "foreignKey", table: "child", columns: ["a", "b"] },
    ],
    [
      "the one foreign key whose values refer to nothing",
      "INSERT INTO child VALUES (2, 1, 9)",
      { kind: "foreignKey", table: "child", columns: ["parentId"] },
    ],
    [
      "the one foreign key that an update sets",
      "UPDATE child SET rowid = 3, parentId = 5 + 4 WHERE 1",
      { kind: "foreignKey", table: "child", columns: ["parentId"] },
    ],
    [
      "foreign key of an update that changes what others refer to",
      "UPDATE parent SET id = 6",
      { kind: "foreignKey", table: "parent", columns: [] },
    ],
    [
      "foreign key of those who refer to what is replaced",
      "INSERT INTO twig VALUES (1, 1, 1) ON CONFLICT (id) DO UPDATE SET id = 2",
      { kind: "foreignKey", table: "twig", columns: [] },
    ],
    [
      "foreign key of those who refer to what is deleted",
      "DELETE FROM parent",
      { kind: "foreignKey", table: "parent", columns: [] },
    ],
    [
      "the type of a STRICT table",
      "INSERT INTO exact VALUES ('x')",
      { kind: undefined, table: "exact", columns: ["number"] },
    ],
    [
      "a trigger's own message",
      "INSERT INTO t (name) VALUES ('UNIQUE constraint failed: a.b')",
      { kind: undefined, columns: [] },
    ],
    [
      "unique, with names that need quotes",
      `INSERT INTO "odd name" VALUES ('m', 'l')`,
      { kind: "unique", table: "odd name", columns: ["c d"] },
    ],
    [
      "primary key, with a point in its name",
      `INSERT INTO "odd name" VALUES ('k', 'm')`,
      { kind: "primaryKey", table: "odd name", columns: ["a.b"] },
    ],
    [
      "unique, with commas in the names",
      "INSERT INTO LISTED VALUES (1, 2, 3)",
      { kind: "unique", table: "listed", columns: ["a, b", "c, d.e", "f"] },
    ],
    [
      "not null, with a comma in the name",
      "INSERT INTO listed VALUES (1, NULL, 3)",
      { kind: "notNull", table: "listed", columns: ["c, d.e"] },
    ],
    [
      "unique of a table that a trigger writes to, with commas in the names",
      "INSERT INTO log VALUES (3)",
      { kind: "unique", table: "listed", columns: ["a, b", "c, d.e", "f"] },
    ],
  ])("%s", async (_, sql, expected) => {
    const error = await rejection(dataSource.query(sql));
    expect(error).toBeInstanceOf(ConstraintError);
    expect(error).toMatchObject({ code: "SQLITE_CONSTRAINT", ...expected });
  });

  test("foreign key, by the values of the parameters", async () => {
    const sql = "INSERT INTO child (parentId, a, b) VALUES (?2, ?1, ?3), (NULL, NULL, NULL)";
    for (const [values, columns] of [
      [[2, 9, 1], ["parentId"]],
      [
        [2, 5, 7],
        ["a", "b"],
      ],
      [[2, 2 ** 40, 1], ["parentId"]],
      [[null, 9, null], ["parentId"]],
      [[3, 9, 3], []],
    ]) {
      const error = await rejection(dataSource.query(sql, values));
      expect(error).toMatchObject({ kind: "foreignKey", table: "child", columns });
    }
  });

  test("inside a transaction too, which goes on", async () => {
    await dataSource.transaction(async (manager) => {
      const error = await rejection(manager.query("INSERT INTO t (id, name) VALUES (1, 'Bob')"));
      expect(error).toMatchObject({ kind: "primaryKey", table: "t", columns: ["id"] });
      await manager.query("INSERT INTO t (id, name) VALUES (2, 'Bob')");
    });
    expect(await dataSource.query("SELECT count(*) AS n FROM t")).toEqual([{ n: 2 }]);
  });
});

describe("an error of SQLite", () => {
  test("is TypeORM's QueryFailedError, with the query, its parameters and the native error", async () => {
    const error = await rejection(dataSource.query("SELECT nonsense + ?", [7]));
    expect(error).toBeInstanceOf(QueryError);
    expect(error).toBeInstanceOf(QueryFailedError);
    expect(error).toMatchObject({
      name: "QueryError",
      code: "SQLITE_ERROR",
      query: "SELECT nonsense + ?",
      parameters: [7],
      driverError: { code: "SQLITE_ERROR", errno: 1 },
      message: expect.stringContaining("no such column: nonsense"),
    });
    expect(error.cause).toBe((error as QueryError).driverError);
  });

  test.each<[string, (source: SqliteDataSource) => Promise<unknown>]>([
    ["a query", (source) => source.query("SELECT nonsense")],
    [
      "a query of a transaction",
      (source) => source.transaction((manager) => manager.query("SELECT nonsense")),
    ],
    ["a repository's find", (source) => source.getRepository(Note).find()],
    ["an insert", (source) => source.manager.insert(Note, { text: "x" })],
    ["a query builder", (source) => source.manager.createQueryBuilder(Note, "n").getMany()],
    ["a COMMIT", commitThatFails],
  ])("of %s has the caller's line in its stack", async (_, query) => {
    async function theCaller(): Promise<unknown> {
      return await query(dataSource);
    }
    const error = await rejection(theCaller());
    expect(error).toBeInstanceOf(QueryError);
    expect(error.stack).toContain(__filename);
    expect(error.stack).toContain("theCaller");
  });

  async function commitThatFails(source: SqliteDataSource): Promise<void> {
    await source.query("CREATE TABLE late (id REFERENCES parent DEFERRABLE INITIALLY DEFERRED)");
    await source.transaction((manager) => manager.query("INSERT INTO late VALUES (9)"));
  }

  test("names the caller right after the few frames of the library and of TypeORM", async () => {
    let error = new Error();
    try {
      await dataSource.query("SELECT nonsense");
    } catch (caught) {
      error = caught as Error;
    }
    const frames = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
    // Node keeps ten frames, and those of the library would push the caller's own ones off.
    expect(frames.findIndex((frame) => frame.includes(__filename))).toBeLessThan(4);
  });

  test("has the class of what is wrong: disk full", async () => {
    const small = await open({ database: folder.file("small.db"), pragmas: { max_page_count: 10 } });
    await small.query("CREATE TABLE t (text)");
    const full = await rejection(small.query("INSERT INTO t VALUES (?)", ["x".repeat(100_000)]));
    expect(full).toBeInstanceOf(DiskFullError);
    expect(full).toMatchObject({ code: "SQLITE_FULL", message: expect.stringContaining("max_page_count") });
    await small.query("INSERT INTO t VALUES ('short')");
  });

  test("has the class of what is wrong: busy", async () => {
    const hasty = await open({ database: path(), busyTimeout: 0 });
    const raw = await RawDatabase.open(path());
    await raw.exec("BEGIN IMMEDIATE");
    expect(await rejection(hasty.query("DELETE FROM t"))).toBeInstanceOf(BusyError);
    await raw.close();
  });
});
