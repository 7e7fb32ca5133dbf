import { readdirSync } from "node:fs";
import {
  Controller,
  Get,
  type INestApplication,
  Injectable,
  type OnApplicationShutdown,
  Post,
} from "@nestjs/common";
import { Test } from "@nestjs/testing";
import { InjectRepository } from "@nestjs/typeorm";
import type { Repository } from "typeorm";
import { DatabaseClosedError, SqliteDatabase } from "../../src";
import { SqliteDatabaseModule, type SqliteDatabaseModuleOptions, Transactional } from "../../src/nestjs";
import { type Deferred, deferred, isPending, settleNative } from "../support/deferred";
import { openFiles } from "../support/open-files";
import { rawRead } from "../support/raw-database";
import { NOTES, Note } from "../support/small-entities";
import { testApplications } from "./applications";

const applications = testApplications();
const root = (options?: SqliteDatabaseModuleOptions) =>
  SqliteDatabaseModule.forRoot(applications.path, { entities: [Note], ...options });
const feature = SqliteDatabaseModule.forFeature([Note]);

let arrived: Deferred<void>;
let goOn: Deferred<void>;
beforeEach(() => {
  arrived = deferred();
  goOn = deferred();
});

@Controller()
class SlowController {
  constructor(@InjectRepository(Note) readonly notes: Repository<Note>) {}

  @Post("between")
  async between(): Promise<string> {
    arrived.resolve();
    await goOn.promise;
    await this.notes.insert({ text: "after the shutdown began" });
    return "written";
  }

  @Post("inside")
  @Transactional()
  async inside(): Promise<string> {
    await this.notes.insert({ text: "before the shutdown began" });
    arrived.resolve();
    await goOn.promise;
    await this.notes.insert({ text: "after the shutdown began" });
    return "written";
  }

  @Get()
  async hello(): Promise<string> {
    return "hello";
  }
}

async function serve(options?: { forceCloseConnections?: boolean }): Promise<INestApplication> {
  const compiled = await Test.createTestingModule({
    imports: [root({ closeTimeout: 5 }), feature],
    controllers: [SlowController],
  }).compile();
  const server: INestApplication = compiled.createNestApplication({ logger: false, ...options });
  await server.listen(0);
  return server;
}

const post = (url: string, path: string) =>
  fetch(`${url}/${path}`, { method: "POST", headers: { connection: "close" } });

test.each(["between", "inside"])(
  "a request in flight (%s) finishes, and what it writes is on disk",
  async (path) => {
    const server = await serve();
    const answer = post(await server.getUrl(), path);
    await arrived.promise;
    const closed = server.close();
    expect(await isPending(closed)).toBe(true);
    goOn.resolve();
    expect(await (await answer).text()).toBe("written");
    await closed;
    expect(await rawRead(applications.path, NOTES)).toContainEqual({ text: "after the shutdown began" });
    expect(readdirSync(applications.folder.path)).toEqual(["test.db"]);
  },
);

test("a session in flight finishes where its connection was cut", async () => {
  const server = await serve({ forceCloseConnections: true });
  const answer = post(await server.getUrl(), "inside");
  await arrived.promise;
  const closed = server.close();
  await expect(answer).rejects.toThrow("fetch failed");
  expect(await isPending(closed)).toBe(true);
  goOn.resolve();
  await closed;
  expect(await rawRead(applications.path, NOTES)).toHaveLength(2);
});

test("a session that never ends is interrupted after closeTimeout, and rolled back", async () => {
  const application = await applications.start({ imports: [root({ closeTimeout: 0.1 })] });
  const database = application.get(SqliteDatabase);
  const session = database.session(async ({ manager }) => {
    await manager.insert(Note, { text: "never committed" });
    arrived.resolve();
    await goOn.promise;
  });
  const outcome = session.catch((error) => error);
  await arrived.promise;
  await application.close();
  goOn.resolve();
  expect(await outcome).toBeInstanceOf(DatabaseClosedError);
  expect(await rawRead(applications.path, NOTES)).toEqual([]);
});

test("close is awaited: afterwards no file is open, and no work is taken", async () => {
  const application = await applications.start({ imports: [root()] });
  const database = application.get(SqliteDatabase);
  await database.exec("SELECT 1");
  expect(openFiles(applications.folder.path)).not.toEqual([]);
  await application.close();
  expect(openFiles(applications.folder.path)).toEqual([]);
  await expect(database.exec("SELECT 1")).rejects.toThrow(DatabaseClosedError);
});

test("the shutdown hooks of the application's own providers still have the database", async () => {
  @Injectable()
  class LastWord implements OnApplicationShutdown {
    constructor(@InjectRepository(Note) readonly notes: Repository<Note>) {}

    #said = false;

    async onApplicationShutdown(): Promise<void> {
      // The application is closed once more after the test.
      if (this.#said) return;
      this.#said = true;
      await settleNative();
      await this.notes.insert({ text: "goodbye" });
    }
  }
  const application = await applications.start({ imports: [root(), feature], providers: [LastWord] });
  await application.close();
  expect(await rawRead(applications.path, NOTES)).toEqual([{ text: "goodbye" }]);
});

test("an application is closed twice, and at once, without harm", async () => {
  const application = await applications.start({ imports: [root()] });
  await Promise.all([application.close(), application.close()]);
  await application.close();
  expect(openFiles(applications.folder.path)).toEqual([]);
});

test("an application is closed before it was initialized", async () => {
  const compiled = await Test.createTestingModule({ imports: [root()] }).compile();
  const database = compiled.get(SqliteDatabase);
  await compiled.close();
  expect(database.isInitialized).toBe(false);
  expect(openFiles(applications.folder.path)).toEqual([]);
});

test("a database that was closed by hand is no problem for the shutdown", async () => {
  const application = await applications.start({ imports: [root()] });
  const database = application.get(SqliteDatabase);
  const closing = database.close();
  await application.close();
  await closing;
  expect(openFiles(applications.folder.path)).toEqual([]);
});

test("an application can be started again on the same file", async () => {
  for (const text of ["first", "second"]) {
    const application = await applications.start({ imports: [root()] });
    await application.get(SqliteDatabase).getRepository(Note).insert({ text });
    await application.close();
  }
  expect(await rawRead(applications.path, NOTES)).toEqual([{ text: "first" }, { text: "second" }]);
});
