import {
  Body,
  Controller,
  Get,
  Header,
  type INestApplication,
  Inject,
  Injectable,
  Post,
  Scope,
  SetMetadata,
} from "@nestjs/common";
import { ContextIdFactory } from "@nestjs/core";
import { ApiOperation, DocumentBuilder, SwaggerModule } from "@nestjs/swagger";
import {
  getDataSourceToken,
  getRepositoryToken,
  InjectEntityManager,
  InjectRepository,
} from "@nestjs/typeorm";
import { EntityManager, type Repository } from "typeorm";
import { ConfigurationError, ReadonlyError, SessionTimeoutError, SqliteDatabase } from "../../src";
import { SqliteDatabaseModule, Transactional } from "../../src/nestjs";
import { barrier, deferred, isPending } from "../support/deferred";
import { rawRead } from "../support/raw-database";
import { LONG_READ, NOTES, Note } from "../support/small-entities";
import { testApplications } from "./applications";

const applications = testApplications();
const imports = (path = applications.path) => [
  SqliteDatabaseModule.forRoot(path, { closeTimeout: 5, poolTimeout: 20 }),
  SqliteDatabaseModule.forFeature([Note]),
];
const texts = async (path = applications.path) => (await rawRead(path, NOTES)).map(({ text }) => text);

/** Another provider, which knows nothing of transactions. */
@Injectable()
class Log {
  constructor(@InjectEntityManager() readonly manager: EntityManager) {}

  async write(text: string): Promise<void> {
    await this.manager.insert(Note, { text });
  }
}

@Injectable()
class Notebook {
  constructor(
    @InjectRepository(Note) readonly notes: Repository<Note>,
    readonly database: SqliteDatabase,
    readonly log: Log,
  ) {}

  @Transactional()
  async write(text: string, then: () => unknown = () => {}): Promise<string> {
    await this.notes.insert({ text });
    await this.log.write(`${text}, logged`);
    await this.database.exec("INSERT INTO notes (text) VALUES (:text)", { text: `${text}, raw` });
    await then();
    return text;
  }

  @Transactional()
  async writeBoth(first: string, second: () => Promise<unknown>): Promise<void> {
    await this.notes.insert({ text: first });
    await second();
  }

  @Transactional({ readonly: true })
  async read(then: () => Promise<unknown> = async () => {}): Promise<number> {
    const count = await this.notes.count();
    await then();
    return count;
  }

  @Transactional({ timeout: 0.05 })
  async slow(): Promise<void> {
    await this.notes.insert({ text: "slow" });
    await this.database.exec(LONG_READ);
  }

  @Transactional()
  async hold(until: Promise<void>): Promise<void> {
    await this.notes.insert({ text: "held" });
    await until;
  }

  @Transactional({ label: "holding" })
  async holdAs(until: Promise<void>): Promise<void> {
    await this.hold(until);
  }
}

const start = async () =>
  (await applications.start({ imports: imports(), providers: [Notebook, Log] })).get(Notebook);

test("a method's work is committed before its promise resolves with its value", async () => {
  const notebook = await start();
  const seen = notebook.write("one", async () => expect(await texts()).toEqual([]));
  expect(await seen).toBe("one");
  expect(await texts()).toEqual(["one", "one, logged", "one, raw"]);
});

test("a method that fails has written nothing, and rejects with the very same error", async () => {
  const notebook = await start();
  const error = new Error("on purpose");
  const failed = notebook.write("one", () => {
    throw error;
  });
  expect(await failed.catch((reason) => reason)).toBe(error);
  expect(await texts()).toEqual([]);
});

test("a nested call is a savepoint, whose failure undoes only its own part", async () => {
  const notebook = await start();
  await notebook.writeBoth("outer", async () => {
    const inner = notebook.write("inner", () => Promise.reject(new Error("on purpose")));
    await expect(inner).rejects.toThrow("on purpose");
  });
  expect(await texts()).toEqual(["outer"]);
});

test("a nested call that succeeded is undone with the outer one", async () => {
  const notebook = await start();
  const outer = notebook.writeBoth("outer", async () => {
    await notebook.write("inner");
    throw new Error("on purpose");
  });
  await expect(outer).rejects.toThrow("on purpose");
  expect(await texts()).toEqual([]);
});

test("concurrent calls are isolated: one that fails takes nothing of the others along", async () => {
  const notebook = await start();
  const started = barrier(10);
  const calls = Array.from({ length: 10 }, async (_, index) => {
    await started();
    await notebook.write(`${index}`, () => {
      if (index % 2) throw new Error("on purpose");
    });
  });
  const outcomes = await Promise.allSettled(calls);
  expect(outcomes.map(({ status }) => status)).toEqual(
    outcomes.map((_, index) => (index % 2 ? "rejected" : "fulfilled")),
  );
  expect((await texts()).filter((text) => !String(text).includes(","))).toEqual(["0", "2", "4", "6", "8"]);
});

test("a read-only method sees one snapshot while others write", async () => {
  const notebook = await start();
  await notebook.read(async () => {
    await notebook.database.detach(() => notebook.write("meanwhile"));
    expect(await notebook.notes.count()).toBe(0);
  });
  expect(await notebook.read()).toBe(3);
});

test("a write in a read-only method is refused", async () => {
  const notebook = await start();
  await expect(notebook.read(() => notebook.notes.insert({ text: "refused" }))).rejects.toThrow(
    ReadonlyError,
  );
  await expect(notebook.read(() => notebook.write("refused"))).rejects.toThrow(ReadonlyError);
  expect(await texts()).toEqual([]);
});

test("a timeout rolls the method back, and names it", async () => {
  const notebook = await start();
  const error = await notebook.slow().catch((reason) => reason);
  expect(error).toBeInstanceOf(SessionTimeoutError);
  expect(error.message).toContain('"Notebook.slow"');
  expect(await texts()).toEqual([]);
});

test.each([
  ["hold", "Notebook.hold"],
  ["holdAs", "holding"],
] as const)("the label of %s is %s", async (method, label) => {
  const application = await applications.start({
    imports: [
      SqliteDatabaseModule.forRoot(applications.path, { poolTimeout: 0.3 }),
      SqliteDatabaseModule.forFeature([Note]),
    ],
    providers: [Notebook, Log],
  });
  const notebook = application.get(Notebook);
  const end = deferred();
  const held = notebook[method](end.promise);
  await isPending(held);
  await expect(notebook.write("waits")).rejects.toThrow(`"${label}"`);
  end.resolve();
  await held;
});

describe("the database is that of the application", () => {
  test("with two applications of the same classes at once", async () => {
    const paths = ["first.db", "second.db"].map((name) => applications.folder.file(name));
    const notebooks = await Promise.all(
      paths.map(async (path) => {
        const application = await applications.start({ imports: imports(path), providers: [Notebook, Log] });
        return application.get(Notebook);
      }),
    );
    const both = barrier(2);
    await Promise.all(notebooks.map((notebook, index) => notebook.write(`${index}`, both)));
    expect(await texts(paths[0])).toEqual(["0", "0, logged", "0, raw"]);
    expect(await texts(paths[1])).toEqual(["1", "1, logged", "1, raw"]);
  });

  test.each([Scope.REQUEST, Scope.TRANSIENT])(
    "for a provider that is made anew (scope %s)",
    async (scope) => {
      @Injectable({ scope })
      class Scoped {
        constructor(@InjectRepository(Note) readonly notes: Repository<Note>) {}

        @Transactional()
        async write(text: string, then: () => unknown): Promise<void> {
          await this.notes.insert({ text });
          await then();
        }
      }
      const paths = ["first.db", "second.db"].map((name) => applications.folder.file(name));
      const scoped: Scoped[] = [];
      for (const path of paths) {
        const application = await applications.start({ imports: imports(path), providers: [Scoped] });
        for (let request = 0; request < 2; request++) {
          scoped.push(await application.resolve(Scoped, ContextIdFactory.create()));
        }
      }
      expect(new Set(scoped).size).toBe(4);
      const all = barrier(4);
      const calls = scoped.map((provider, index) =>
        provider.write(`${index}`, () => {
          // The two of one file take turns, so not all of them can be inside at once.
          void all();
          if (index % 2) throw new Error("on purpose");
        }),
      );
      await Promise.allSettled(calls);
      await all();
      expect(await texts(paths[0])).toEqual(["0"]);
      expect(await texts(paths[1])).toEqual(["2"]);
    },
  );

  test("of the name that is asked for", async () => {
    @Injectable()
    class Audited {
      constructor(
        @InjectRepository(Note) readonly notes: Repository<Note>,
        @InjectRepository(Note, "audit") readonly audit: Repository<Note>,
      ) {}

      @Transactional({ database: "audit" })
      async write(text: string): Promise<void> {
        await this.audit.insert({ text: `audit: ${text}` });
        await this.notes.insert({ text });
        throw new Error("on purpose");
      }

      @Transactional()
      async both(): Promise<void> {
        await this.notes.insert({ text: "undone" });
        await this.write("kept").catch(() => {});
        throw new Error("on purpose");
      }
    }
    const auditPath = applications.folder.file("audit.db");
    const application = await applications.start({
      imports: [
        ...imports(),
        SqliteDatabaseModule.forRoot(auditPath, { name: "audit" }),
        SqliteDatabaseModule.forFeature([Note], "audit"),
      ],
      providers: [Audited],
    });
    const audited = application.get(Audited);
    await expect(audited.write("one")).rejects.toThrow("on purpose");
    expect(await texts()).toEqual(["one"]);
    expect(await texts(auditPath)).toEqual([]);
    await expect(audited.both()).rejects.toThrow("on purpose");
    expect(await texts()).toEqual(["one"]);
  });

  test("that a test put in the place of the application's", async () => {
    const own = new SqliteDatabase(applications.path, { entities: [Note] });
    const application = await applications.start(
      { imports: imports(applications.folder.file("never.db")), providers: [Notebook, Log] },
      (builder) => builder.overrideProvider(SqliteDatabase).useValue(own),
    );
    const failed = application.get(Notebook).write("one", () => Promise.reject(new Error("on purpose")));
    await expect(failed).rejects.toThrow("on purpose");
    expect(await texts()).toEqual([]);
  });
});

describe("classes that extend others", () => {
  @Injectable()
  class Base {
    @InjectRepository(Note) readonly notes!: Repository<Note>;

    @Transactional()
    async write(text: string): Promise<void> {
      await this.notes.insert({ text });
      await this.more();
    }

    protected async more(): Promise<void> {}
  }

  test("inherit transactional methods, whatever they inject themselves", async () => {
    @Injectable()
    class Derived extends Base {
      @Inject(Log) readonly log!: Log;

      @Transactional()
      async other(text: string): Promise<void> {
        await this.write(text);
      }

      protected override async more(): Promise<void> {
        await this.log.write("more");
        throw new Error("on purpose");
      }
    }
    const application = await applications.start({ imports: imports(), providers: [Base, Derived, Log] });
    await expect(application.get(Derived).write("derived")).rejects.toThrow("on purpose");
    await expect(application.get(Derived).other("derived")).rejects.toThrow("on purpose");
    await application.get(Base).write("base");
    expect(await texts()).toEqual(["base"]);
  });

  test("may override one, and call it", async () => {
    @Injectable()
    class Derived extends Base {
      override async write(text: string): Promise<void> {
        await super.write(`${text}, by super`);
        throw new Error("on purpose");
      }
    }
    const application = await applications.start({ imports: imports(), providers: [Derived] });
    await expect(application.get(Derived).write("derived")).rejects.toThrow("on purpose");
    expect(await texts()).toEqual(["derived, by super"]);
  });
});

describe("what other decorators know of a method is kept", () => {
  const Role = (role: string) => SetMetadata("role", role);

  @Controller("notes")
  class NotesController {
    constructor(@InjectRepository(Note) readonly notes: Repository<Note>) {}

    @Transactional()
    @Post()
    @Header("x-above", "no")
    @Role("writer")
    @ApiOperation({ summary: "Writes a note" })
    async write(@Body("text") text: string): Promise<Note> {
      const note = await this.notes.save({ text });
      if (text === "undone") throw new Error("on purpose");
      return note;
    }

    @Get()
    @Role("reader")
    @Transactional({ readonly: true })
    async list(): Promise<Note[]> {
      return await this.notes.find();
    }
  }

  test("routes, parameters, headers and descriptions, above and below it", async () => {
    const application = await applications.start({ imports: imports(), controllers: [NotesController] });
    const server: INestApplication = application.createNestApplication({ logger: false });
    const document = SwaggerModule.createDocument(server, new DocumentBuilder().build());
    expect(document.paths["/notes"]?.post?.summary).toBe("Writes a note");

    await server.listen(0);
    const url = `${await server.getUrl()}/notes`;
    const post = (text: string) =>
      fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json", connection: "close" },
        body: JSON.stringify({ text }),
      });
    try {
      const written = await post("over HTTP");
      expect([written.status, written.headers.get("x-above")]).toEqual([201, "no"]);
      expect((await post("undone")).status).toBe(500);
      const listed = await fetch(url, { headers: { connection: "close" } });
      expect(await listed.json()).toEqual([{ id: 1, text: "over HTTP" }]);
    } finally {
      await server.close();
    }
    const { write, list } = NotesController.prototype;
    expect(Reflect.getMetadata("role", write)).toBe("writer");
    expect(Reflect.getMetadata("role", list)).toBe("reader");
    expect([write.name, write.length]).toEqual(["write", 1]);
  });
});

describe("is refused with the remedy", () => {
  test("where the object was not made by Nest", async () => {
    const notebook = new Notebook({} as Repository<Note>, {} as SqliteDatabase, {} as Log);
    await expect(notebook.write("one")).rejects.toThrow(ConfigurationError);
    await expect(notebook.write("one")).rejects.toThrow(
      /Notebook\.write is @Transactional\(\).*let Nest construct Notebook/s,
    );
    const { write } = notebook;
    await expect(write("one")).rejects.toThrow(ConfigurationError);
  });

  test("where the application has no database", async () => {
    const application = await applications.start({
      providers: [
        Notebook,
        { provide: getRepositoryToken(Note), useValue: {} },
        { provide: Log, useValue: {} },
        { provide: SqliteDatabase, useValue: undefined },
      ],
    });
    await expect(application.get(Notebook).write("one")).rejects.toThrow(
      /Import SqliteDatabaseModule\.forRoot\(location\)/,
    );
  });

  test("where a test has overridden the data source alone, whose repositories would not take part", async () => {
    const own = await new SqliteDatabase(applications.path, { entities: [Note] }).init();
    const application = await applications.start(
      { imports: imports(":memory:"), providers: [Notebook, Log] },
      (builder) => builder.overrideProvider(getDataSourceToken()).useValue(own.dataSource),
    );
    await expect(application.get(Notebook).write("one")).rejects.toThrow(
      /Override getDatabaseToken\(\) instead/,
    );
    expect(await own.getRepository(Note).count()).toBe(0);
  });

  test("where the application has no database of that name", async () => {
    @Injectable()
    class Misspelt {
      @Transactional({ database: "adit" })
      async write(): Promise<void> {}
    }
    const started = applications.start({ imports: imports(), providers: [Misspelt] });
    await expect(started).rejects.toThrow(/Misspelt .* "adit".*forRoot\(location, \{ name: "adit" \}\)/s);
  });

  test("where a method does not return a promise, after undoing what it did", async () => {
    @Injectable()
    class Eager {
      constructor(readonly database: SqliteDatabase) {}

      @Transactional()
      rows(): Promise<unknown> {
        void this.database.exec("INSERT INTO notes (text) VALUES ('escaped')").catch(() => {});
        return ["at once"] as never;
      }
    }
    const application = await applications.start({ imports: imports(), providers: [Eager] });
    await expect(application.get(Eager).rows()).rejects.toThrow(/Eager\.rows .*did not return a promise/);
    expect(await texts()).toEqual([]);
  });

  test("on what is no method of an object", () => {
    expect(() => {
      class Wrong {
        // @ts-expect-error the type refuses it already
        @Transactional()
        text = "";
      }
      return Wrong;
    }).toThrow(/is for methods of an object, and text is none/);
    expect(() => {
      class Wrong {
        @Transactional()
        static async write(): Promise<void> {}
      }
      return Wrong;
    }).toThrow(ConfigurationError);
  });
});
