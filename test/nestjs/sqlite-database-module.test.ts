import { existsSync } from "node:fs";
import { Inject, Injectable, Module } from "@nestjs/common";
import {
  getDataSourceToken,
  getRepositoryToken,
  InjectDataSource,
  InjectEntityManager,
  InjectRepository,
  TypeOrmModule,
} from "@nestjs/typeorm";
import {
  Column,
  DataSource,
  Entity,
  EntityManager,
  EntitySchema,
  PrimaryColumn,
  type Repository,
} from "typeorm";
import { ConfigurationError, SqliteDatabase } from "../../src";
import {
  getDatabaseToken,
  InjectDatabase,
  SqliteDatabaseModule,
  type SqliteDatabaseOptionsFactory,
} from "../../src/nestjs";
import { rawRead } from "../support/raw-database";
import { Account, NOTES, Note } from "../support/small-entities";
import { testApplications } from "./applications";

const applications = testApplications();
const tables = (path: string) =>
  rawRead(path, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'");

@Injectable()
class Notebook {
  constructor(
    @InjectRepository(Note) readonly notes: Repository<Note>,
    @InjectDataSource() readonly dataSource: DataSource,
    @InjectEntityManager() readonly manager: EntityManager,
    readonly database: SqliteDatabase,
  ) {}
}

const notebook = { providers: [Notebook], exports: [Notebook] };

@Module({ imports: [SqliteDatabaseModule.forFeature([Note])], ...notebook })
class NotebookModule {}

/** Writes through the repository, and reads what is in the file. */
async function expectNotes({ notes }: Notebook, path: string): Promise<void> {
  await notes.insert({ text: "written" });
  expect(await rawRead(path, NOTES)).toEqual([{ text: "written" }]);
}

describe("forRoot", () => {
  test("opens the database, and its parts can be injected everywhere", async () => {
    const application = await applications.start({
      imports: [SqliteDatabaseModule.forRoot(applications.path, { poolSize: 3 }), NotebookModule],
    });
    const found = application.get(Notebook);
    await expectNotes(found, applications.path);
    expect(found.database).toBeInstanceOf(SqliteDatabase);
    expect(found.dataSource).toBe(found.database.dataSource);
    expect(found.manager).toBe(found.database.manager);
    expect(found.database.stats().readers.limit).toBe(13);
  });

  test("takes a URL, and no options at all", async () => {
    const { pathToFileURL } = await import("node:url");
    const application = await applications.start({
      imports: [SqliteDatabaseModule.forRoot(pathToFileURL(applications.path)), NotebookModule],
    });
    await expectNotes(application.get(Notebook), applications.path);
  });

  test("has the database open before a factory uses it", async () => {
    const application = await applications.start({
      imports: [SqliteDatabaseModule.forRoot(applications.path, { entities: [Note] })],
      providers: [
        {
          provide: "count",
          inject: [SqliteDatabase],
          useFactory: (database: SqliteDatabase) => database.getRepository(Note).count(),
        },
      ],
    });
    expect(application.get("count")).toBe(0);
  });
});

describe("forRootAsync", () => {
  @Injectable()
  class Config implements SqliteDatabaseOptionsFactory {
    static asked: (string | undefined)[] = [];

    createSqliteDatabaseOptions(name?: string) {
      Config.asked.push(name);
      return { location: applications.path, poolSize: 3, maxOverflow: 0 };
    }
  }

  @Module({ providers: [Config], exports: [Config] })
  class ConfigModule {}

  beforeEach(() => {
    Config.asked = [];
  });

  test.each([
    [
      "useFactory",
      () => ({
        imports: [ConfigModule],
        inject: [Config],
        useFactory: async (config: Config) => config.createSqliteDatabaseOptions("by the factory"),
      }),
      "by the factory",
    ],
    ["useClass", () => ({ useClass: Config }), undefined],
    ["useExisting", () => ({ imports: [ConfigModule], useExisting: Config }), undefined],
  ])("takes the settings from %s", async (_, options, asked) => {
    const application = await applications.start({
      imports: [SqliteDatabaseModule.forRootAsync(options()), NotebookModule],
    });
    const found = application.get(Notebook);
    await expectNotes(found, applications.path);
    expect(found.database.stats().readers.limit).toBe(3);
    expect(Config.asked).toEqual([asked]);
  });

  test("tells a class the name of the database that is asked for", async () => {
    await applications.start({
      imports: [SqliteDatabaseModule.forRootAsync({ name: "audit", useClass: Config })],
    });
    expect(Config.asked).toEqual(["audit"]);
  });

  test.each([
    ["none", {}],
    ["two", { useClass: Config, useFactory: () => ({ location: ":memory:" }) }],
  ])("refuses %s of its three forms", (_, options) => {
    expect(() => SqliteDatabaseModule.forRootAsync(options)).toThrow(ConfigurationError);
    expect(() => SqliteDatabaseModule.forRootAsync(options)).toThrow(
      /one of useFactory, useClass and useExisting/,
    );
  });

  test.each([
    ["no settings", undefined, /must be an object with its location/],
    ["no location", { poolSize: 5 }, /must be an object with its location/],
    [
      "a name among the settings",
      { location: ":memory:", name: "audit" },
      /name of a database belongs beside useFactory/,
    ],
  ])("refuses %s", async (_, settings, message) => {
    const options = { useFactory: () => settings as { location: string } };
    await expect(
      applications.start({ imports: [SqliteDatabaseModule.forRootAsync(options)] }),
    ).rejects.toThrow(message);
  });
});

describe("forFeature", () => {
  test("adds entities to those of the options, each once", async () => {
    await applications.start({
      imports: [
        SqliteDatabaseModule.forRoot(applications.path, { entities: { Account } }),
        SqliteDatabaseModule.forFeature([Note, Account]),
        SqliteDatabaseModule.forFeature([Note]),
      ],
    });
    expect(await tables(applications.path)).toEqual([{ name: "accounts" }, { name: "notes" }]);
  });

  test("takes EntitySchemas", async () => {
    const Label = new EntitySchema<{ id: number }>({
      name: "label",
      columns: { id: { type: Number, primary: true } },
    });
    const application = await applications.start({
      imports: [SqliteDatabaseModule.forRoot(applications.path), SqliteDatabaseModule.forFeature([Label])],
    });
    const labels = application.get<Repository<{ id: number }>>(getRepositoryToken(Label));
    await labels.insert({ id: 1 });
    expect(await rawRead(applications.path, "SELECT id FROM label")).toEqual([{ id: 1 }]);
  });

  test("adds nothing with autoLoadEntities off", async () => {
    await applications.start({
      imports: [
        SqliteDatabaseModule.forRoot(applications.path, { autoLoadEntities: false, entities: [Account] }),
        SqliteDatabaseModule.forFeature([Note]),
      ],
    });
    expect(await tables(applications.path)).toEqual([{ name: "accounts" }]);
  });

  test("adds nothing to the database of another application", async () => {
    const first = applications.folder.file("first.db");
    const second = applications.folder.file("second.db");
    const start = (path: string, entity: typeof Note | typeof Account) =>
      applications.start({
        imports: [SqliteDatabaseModule.forRoot(path), SqliteDatabaseModule.forFeature([entity])],
      });
    await start(first, Note);
    await start(second, Account);
    expect(await tables(first)).toEqual([{ name: "notes" }]);
    expect(await tables(second)).toEqual([{ name: "accounts" }]);
  });

  test("goes together with TypeOrmModule.forFeature of entities that are listed", async () => {
    @Module({ imports: [TypeOrmModule.forFeature([Note])], ...notebook })
    class Plain {}
    const application = await applications.start({
      imports: [SqliteDatabaseModule.forRoot(applications.path, { entities: [Note] }), Plain],
    });
    await expectNotes(application.get(Notebook), applications.path);
  });

  test("leaves a wrong list of entities to be refused", async () => {
    const root = SqliteDatabaseModule.forRoot(applications.path, { entities: "entities/*.js" as never });
    await expect(applications.start({ imports: [root] })).rejects.toThrow(/entities/);
  });
});

describe("several databases", () => {
  @Entity("events")
  class Event {
    @PrimaryColumn()
    id!: number;

    @Column()
    text!: string;
  }

  @Injectable()
  class Both {
    @InjectRepository(Note) readonly notes!: Repository<Note>;
    @InjectRepository(Event, "audit") readonly events!: Repository<Event>;
    @InjectDataSource("audit") readonly dataSource!: DataSource;
    @InjectEntityManager("audit") readonly manager!: EntityManager;
    @InjectDatabase("audit") readonly audit!: SqliteDatabase;
    @InjectDatabase() readonly byDefault!: SqliteDatabase;
    @Inject(getDatabaseToken("default")) readonly byName!: SqliteDatabase;
    constructor(readonly database: SqliteDatabase) {}
  }

  test("are told apart by name", async () => {
    const auditPath = applications.folder.file("audit.db");
    const application = await applications.start({
      imports: [
        SqliteDatabaseModule.forRoot(applications.path),
        SqliteDatabaseModule.forRootAsync({ name: "audit", useFactory: () => ({ location: auditPath }) }),
        SqliteDatabaseModule.forFeature([Note]),
        SqliteDatabaseModule.forFeature([Event], "audit"),
      ],
      providers: [Both],
    });
    const both = application.get(Both);
    await both.notes.insert({ text: "a note" });
    await both.events.insert({ id: 1, text: "an event" });

    expect(await rawRead(applications.path, NOTES)).toEqual([{ text: "a note" }]);
    expect(await rawRead(auditPath, "SELECT text FROM events")).toEqual([{ text: "an event" }]);
    expect(await tables(applications.path)).toEqual([{ name: "notes" }]);
    expect(await tables(auditPath)).toEqual([{ name: "events" }]);
    expect(both.database).not.toBe(both.audit);
    expect(both.byDefault).toBe(both.database);
    expect(both.byName).toBe(both.database);
    expect(both.dataSource).toBe(both.audit.dataSource);
    expect(both.manager).toBe(both.audit.manager);
  });

  test("are all closed with the application", async () => {
    const application = await applications.start({
      imports: [
        SqliteDatabaseModule.forRoot(applications.path),
        SqliteDatabaseModule.forRoot(applications.folder.file("audit.db"), { name: "audit" }),
      ],
    });
    const opened = [
      application.get(SqliteDatabase),
      application.get<SqliteDatabase>(getDatabaseToken("audit")),
    ];
    await application.close();
    expect(opened.map(({ isInitialized }) => isInitialized)).toEqual([false, false]);
  });
});

describe("in tests", () => {
  const root = () => SqliteDatabaseModule.forRoot(applications.folder.file("never.db"));

  test("a database put in the place of the application's is the one everything comes from, opened and closed", async () => {
    const own = new SqliteDatabase(applications.path, { entities: [Note] });
    const application = await applications.start({ imports: [root(), NotebookModule] }, (builder) =>
      builder.overrideProvider(SqliteDatabase).useValue(own),
    );
    const found = application.get(Notebook);
    expect(found.database).toBe(own);
    expect(found.dataSource).toBe(own.dataSource);
    await expectNotes(found, applications.path);
    await application.close();
    expect(own.isInitialized).toBe(false);
    expect(existsSync(applications.folder.file("never.db"))).toBe(false);
  });

  test("a data source put in the place of the application's is what repositories use, and both are closed", async () => {
    const own = await new SqliteDatabase(applications.path, { entities: [Note] }).init();
    const application = await applications.start({ imports: [root(), NotebookModule] }, (builder) =>
      builder.overrideProvider(getDataSourceToken()).useValue(own.dataSource),
    );
    const found = application.get(Notebook);
    await expectNotes(found, applications.path);
    await application.close();
    expect(own.isInitialized).toBe(false);
    expect(found.database.isInitialized).toBe(false);
  });

  test("a database in memory serves an application", async () => {
    const application = await applications.start({
      imports: [SqliteDatabaseModule.forRoot(":memory:"), NotebookModule],
    });
    const { notes } = application.get(Notebook);
    await notes.insert({ text: "in memory" });
    expect(await notes.count()).toBe(1);
  });
});
