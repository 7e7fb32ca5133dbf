import "reflect-metadata";
import { Body, Controller, Get, type ModuleMetadata, Post } from "@nestjs/common";
import { Test } from "@nestjs/testing";
import { InjectRepository, TypeOrmModule } from "@nestjs/typeorm";
import type { Repository } from "typeorm";
import { SqliteDatabase } from "../../src";
import { SqliteDatabaseModule } from "../../src/nestjs";
import { createTestDatabase, sandbox } from "../../src/testing";
import { rawRead } from "../support/raw-database";
import { NOTES, Note } from "../support/small-entities";
import { temporaryFolder } from "../support/temporary-folder";

const folder = temporaryFolder();

@Controller("notes")
class NotesController {
  constructor(@InjectRepository(Note) private readonly notes: Repository<Note>) {}

  @Post()
  write(@Body() note: Pick<Note, "text">): Promise<Note> {
    return this.notes.save(note);
  }

  @Get()
  read(): Promise<Note[]> {
    return this.notes.find();
  }
}

/** Posts to the application's handlers inside a sandbox of `database`, and looks at what is left. */
async function expectUndone(
  imports: NonNullable<ModuleMetadata["imports"]>,
  findDatabase: (get: (type: typeof SqliteDatabase) => SqliteDatabase) => SqliteDatabase,
): Promise<void> {
  const moduleRef = await Test.createTestingModule({ imports, controllers: [NotesController] }).compile();
  const app = moduleRef.createNestApplication();
  const database = findDatabase((type) => app.get(type));
  const { path } = database.dataSource.driver.settings.location;
  try {
    await app.listen(0, "127.0.0.1");
    const url = `${await app.getUrl()}/notes`;
    const texts = async () => ((await (await fetch(url)).json()) as Note[]).map(({ text }) => text);
    {
      await using _ = await sandbox(database);
      const body = JSON.stringify({ text: "over HTTP" });
      const headers = { "content-type": "application/json" };
      const responses = await Promise.all([fetch(url, { method: "POST", headers, body }), fetch(url)]);
      expect(responses.map(({ status }) => status)).toEqual([201, 200]);
      expect(await texts()).toEqual(["over HTTP"]);
      expect(await rawRead(path, NOTES)).toEqual([]);
    }
    expect(await texts()).toEqual([]);
  } finally {
    await app.close();
  }
  expect(database.isInitialized).toBe(false);
}

test("what a Nest application commits in its request handlers is undone", async () => {
  const imports = [
    SqliteDatabaseModule.forRoot(folder.file("app.db")),
    SqliteDatabaseModule.forFeature([Note]),
  ];
  await expectUndone(imports, (get) => get(SqliteDatabase));
});

test("a Nest application can be given a test database, and closes it", async () => {
  const database = await createTestDatabase({ entities: [Note] });
  const { dataSource } = database;
  const imports = [
    TypeOrmModule.forRootAsync({
      useFactory: () => ({ ...dataSource.options }),
      dataSourceFactory: async () => dataSource,
    }),
    TypeOrmModule.forFeature([Note]),
  ];
  await expectUndone(imports, () => database);
});
