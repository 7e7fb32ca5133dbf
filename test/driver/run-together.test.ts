import sqlite3 from "sqlite3";
import {
  AdvancedConsoleLogger,
  type AfterQueryEvent,
  type BeforeQueryEvent,
  Check,
  Column,
  Entity,
  EntitySchema,
  type EntitySubscriberInterface,
  EventSubscriber,
  Index,
  PrimaryGeneratedColumn,
  ViewColumn,
  ViewEntity,
} from "typeorm";
import { BusyError, DiskFullError, QueryError } from "../../src";
import { beforeCreation } from "../support/before-creation";
import { rejection } from "../support/data-sources";
import { testDatabases } from "../support/databases";
import { deferred, isPending } from "../support/deferred";
import { rawExec, rawRead, withRaw } from "../support/raw-database";
import { schemaOf } from "../support/schema-of";
import { Note } from "../support/small-entities";
import { StatementLog } from "../support/statement-log";

const databases = testDatabases();

afterEach(() => jest.restoreAllMocks());

@Entity("alpha")
class Alpha {
  @PrimaryGeneratedColumn()
  id!: number;

  @Index("alpha_name")
  @Column()
  name!: string;
}

@Entity("broken")
@Check("no_such_function", `no_such_function("id") > 0`)
class Broken {
  @PrimaryGeneratedColumn()
  id!: number;
}

@ViewEntity({ name: "a_comment", expression: "SELECT 1 AS x -- a comment" })
class EndsInComment {
  @ViewColumn()
  x!: number;
}

@ViewEntity({ name: "an_open_comment", expression: "SELECT 2 AS x /* open" })
class EndsInOpenComment {
  @ViewColumn()
  x!: number;
}

@ViewEntity({ name: "last", expression: "SELECT 3 AS x" })
class Last {
  @ViewColumn()
  x!: number;
}

const tables = (count: number) =>
  Array.from(
    { length: count },
    (_, index) =>
      new EntitySchema<{ id: number; name: string }>({
        name: `Table${index}`,
        tableName: `table_${index}`,
        columns: {
          id: { type: "integer", primary: true, generated: true },
          name: { type: "text", unique: true },
        },
      }),
  );

describe("of the statements that create tables", () => {
  test("the one that SQLite refuses is named, and nothing is left behind", async () => {
    const [heard, unheard] = [new StatementLog(), false as const];
    const errors: unknown[] = [];
    for (const echo of [heard, unheard]) {
      const database = databases.make({ entities: [Note, Alpha, Broken, ...tables(5)], echo });
      errors.push(await database.init().catch((error) => error));
      expect(await schemaOf(databases.path)).toEqual({});
    }
    const [one, other] = errors as [QueryError, QueryError];
    expect(other).toBeInstanceOf(QueryError);
    expect(other.query).toMatch(/^CREATE TABLE "broken" \(.*\)$/);
    expect(other.message).toContain("no_such_function");
    expect([other.message, other.query, other.parameters]).toEqual([one.message, one.query, one.parameters]);
  });

  test("one that fails in a session leaves what the session did before", async () => {
    const database = await databases.open({ entities: [Note, Broken, ...tables(3)], createAll: false });
    await database.session(async (session) => {
      await session.exec("CREATE TABLE mine (x)");
      await expect(database.createAll()).rejects.toThrow(QueryError);
      await session.exec("INSERT INTO mine VALUES (1)");
    });
    expect(Object.keys(await schemaOf(databases.path))).toEqual(["table mine"]);
  });

  test("none is blamed for a full disk, which undoes them all and is logged", async () => {
    const entities = tables(20);
    const database = databases.make({ entities, pragmas: { max_page_count: 10 } });
    const logger = new AdvancedConsoleLogger(["error"]);
    const logged = jest.spyOn(logger, "logQueryError").mockImplementation(() => {});
    database.dataSource.logger = logger;
    await expect(database.init()).rejects.toThrow(DiskFullError);
    expect(logged.mock.calls.map(([error, sql]) => [String(error), sql])).toEqual([
      [expect.stringContaining("SQLITE_FULL"), expect.stringContaining("table_19")],
    ]);
    expect(await schemaOf(databases.path)).toEqual({});
    await databases.open({ entities });
    expect(Object.keys(await schemaOf(databases.path))).toHaveLength(20);
  });

  test.each([
    ["first", [EndsInComment, Last]],
    ["first, and open", [EndsInOpenComment, Last]],
    ["last", [Last, EndsInComment]],
    ["last, and open", [Last, EndsInOpenComment]],
  ])("none takes in the next by a comment at its end: %s", async (where, views) => {
    const entities = [Note, Alpha, ...views];
    await databases.open({ entities });
    const oneByOne = databases.folder.file(`${where}.db`);
    await databases.open({ entities, echo: new StatementLog() }, oneByOne);
    expect(await schemaOf(databases.path)).toEqual(await schemaOf(oneByOne));
  });

  test("all go in one call in a new file, with what begins and ends their transaction", async () => {
    const scripts = jest.spyOn(sqlite3.Database.prototype, "exec");
    await databases.open({ entities: tables(3) });
    const sent = scripts.mock.calls.map(([sql]) => sql).filter((sql) => sql.includes("CREATE TABLE"));
    expect(sent.map((sql) => sql.split(/;\s/))).toEqual([
      [
        "PRAGMA wal_autocheckpoint = 0",
        "PRAGMA synchronous = OFF",
        "BEGIN IMMEDIATE",
        ...tables(3).map(() => expect.stringMatching(/^CREATE TABLE/)),
        "COMMIT",
        "PRAGMA wal_autocheckpoint = 1000",
        "PRAGMA synchronous = 'NORMAL'",
      ],
    ]);
  });

  test("those are left out that somebody else ran after the file was found empty", async () => {
    beforeCreation(() => rawExec(databases.path, "CREATE TABLE table_1 (theirs)"));
    await databases.open({ entities: tables(3) });
    const created = await rawRead(databases.path, "SELECT name FROM sqlite_schema WHERE name LIKE 'table%'");
    expect(created.map(({ name }) => name).sort()).toEqual(["table_0", "table_1", "table_2"]);
    expect(await rawRead(databases.path, "SELECT theirs FROM table_1")).toEqual([]);
  });

  test("all wait for a lock that somebody else has", async () => {
    await withRaw(databases.path, async (other) => {
      const locked = deferred();
      beforeCreation(() => other.exec("BEGIN IMMEDIATE").then(locked.resolve));
      const opened = databases.open({ entities: tables(3), busyTimeout: 60 });
      await locked.promise;
      expect(await isPending(opened)).toBe(true);
      await other.exec("ROLLBACK");
      await opened;
    });
    expect(Object.keys(await schemaOf(databases.path))).toHaveLength(3);
  });

  test("a lock that somebody else keeps is told", async () => {
    await withRaw(databases.path, async (other) => {
      beforeCreation(() => other.exec("BEGIN IMMEDIATE"));
      const refused = await rejection(databases.open({ entities: tables(3), busyTimeout: 0.1 }));
      expect(refused).toBeInstanceOf(BusyError);
    });
    expect(await schemaOf(databases.path)).toEqual({});
  });

  test("loggers are told of each as it runs", async () => {
    const log = new StatementLog();
    await databases.open({ entities: [Alpha, ...tables(2)], echo: log });
    expect(log.take().filter((sql) => /^(BEGIN|CREATE|COMMIT)/.test(sql))).toEqual([
      "BEGIN TRANSACTION",
      expect.stringMatching(/^CREATE TABLE "alpha"/),
      expect.stringMatching(/^CREATE INDEX "alpha_name"/),
      expect.stringMatching(/^CREATE TABLE "table_0"/),
      expect.stringMatching(/^CREATE TABLE "table_1"/),
      "COMMIT",
    ]);
  });

  test("subscribers see each before and after it ran", async () => {
    const events: string[] = [];
    @EventSubscriber()
    class Subscriber implements EntitySubscriberInterface {
      beforeQuery({ query }: BeforeQueryEvent): void {
        events.push(`before ${query.slice(0, 22)}`);
      }
      afterQuery({ query, success }: AfterQueryEvent): void {
        events.push(`after ${query.slice(0, 22)} ${success}`);
      }
    }
    await databases.open({ entities: tables(2), subscribers: [Subscriber] });
    expect(events.filter((event) => event.includes("CREATE"))).toEqual([
      'before CREATE TABLE "table_0"',
      'after CREATE TABLE "table_0" true',
      'before CREATE TABLE "table_1"',
      'after CREATE TABLE "table_1" true',
    ]);
  });

  test("forty take as many calls to SQLite as two", async () => {
    const prepared = jest.spyOn(sqlite3.Statement.prototype, "run");
    const callsFor = async (count: number): Promise<number> => {
      const before = prepared.mock.calls.length;
      await databases.open({ entities: tables(count) }, databases.folder.file(`${count}.db`));
      return prepared.mock.calls.length - before;
    };
    expect(await callsFor(40)).toBe(await callsFor(2));
  });
});
