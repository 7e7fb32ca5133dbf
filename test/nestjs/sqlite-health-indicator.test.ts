import { renameSync, rmSync } from "node:fs";
import { Controller, Get, type INestApplication, Inject } from "@nestjs/common";
import { HealthCheck, HealthCheckService, TerminusModule } from "@nestjs/terminus";
import { ConfigurationError, SqliteDatabase } from "../../src";
import { getDatabaseToken, SqliteDatabaseModule, SqliteHealthIndicator } from "../../src/nestjs";
import { deferred, settleNative } from "../support/deferred";
import { rawExec } from "../support/raw-database";
import { within } from "../support/within";
import { testApplications } from "./applications";

const ENDLESS = "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";

const applications = testApplications();
const start = async (...more: Parameters<typeof SqliteDatabaseModule.forRoot>[1][]) =>
  await applications.start({
    imports: [
      SqliteDatabaseModule.forRoot(applications.path, { poolSize: 1, maxOverflow: 0 }),
      ...more.map((options) => SqliteDatabaseModule.forRoot(applications.folder.file("audit.db"), options)),
    ],
  });

test("a database that answers is up, with the time it took and the figures of the pool", async () => {
  const application = await start();
  const result = await application.get(SqliteHealthIndicator).pingCheck("database");
  expect(result).toEqual({
    database: {
      status: "up",
      duration: expect.any(Number),
      readers: { total: 1, idle: 1, active: 0, waiting: 0, limit: 1 },
      writer: { busy: false, waiting: 0 },
    },
  });
  expect(result.database.duration).toBeGreaterThan(0);
});

test("a database whose connections are all held is down after the timeout, and says who holds them", async () => {
  const application = await start();
  const database = application.get(SqliteDatabase);
  const [held, end] = [deferred(), deferred()];
  const session = database.session(
    async () => {
      await database.exec("SELECT 1");
      held.resolve();
      await end.promise;
    },
    { readonly: true, label: "a long report" },
  );
  await held.promise;
  const { db } = await application.get(SqliteHealthIndicator).pingCheck("db", { timeout: 0.05 });
  expect(db).toMatchObject({ status: "down", readers: { active: 1, limit: 1 } });
  expect(db.message).toMatch(/0\.05 s/);
  end.resolve();
  await session;
  expect(await application.get(SqliteHealthIndicator).pingCheck("db")).toMatchObject({
    db: { status: "up" },
  });
});

test("a database that is busy with long reads is down after the timeout", async () => {
  const application = await applications.start({
    imports: [SqliteDatabaseModule.forRoot(applications.path, { poolSize: 4, maxOverflow: 0 })],
  });
  const database = application.get(SqliteDatabase);
  const end = new AbortController();
  const reads = [1, 2, 3].map(() => database.exec(ENDLESS, {}, { readonly: true, signal: end.signal }));
  try {
    const check = application.get(SqliteHealthIndicator).pingCheck("db", { timeout: 0.2 });
    expect(await within(10, check)).toMatchObject({
      db: { status: "down", message: "no answer came within 0.2 s" },
    });
  } finally {
    end.abort();
    await Promise.allSettled(reads);
  }
});

test("a database whose file is gone is down", async () => {
  const application = await start();
  rmSync(applications.path);
  const { db } = await application.get(SqliteHealthIndicator).pingCheck("db");
  expect(db.status).toBe("down");
  expect(db.message).not.toBe("");
});

test("a database whose file was replaced is down", async () => {
  const application = await start();
  const other = applications.folder.file("other.db");
  await rawExec(other, "CREATE TABLE others (id INTEGER)");
  renameSync(other, applications.path);
  const { db } = await application.get(SqliteHealthIndicator).pingCheck("db");
  expect(db).toMatchObject({ status: "down", message: expect.stringContaining("not the one that is open") });
});

test("a database that is closed is down, and the indicator does not reject", async () => {
  const application = await start();
  await application.get(SqliteDatabase).close();
  expect(await application.get(SqliteHealthIndicator).pingCheck("db")).toMatchObject({
    db: { status: "down", message: expect.stringContaining("closed") },
  });
});

test("the database of a name is checked on its own", async () => {
  const application = await start({ name: "audit" });
  await application.get<SqliteDatabase>(getDatabaseToken("audit")).close();
  const indicator = application.get(SqliteHealthIndicator);
  expect(await indicator.pingCheck("db", { database: "audit" })).toMatchObject({ db: { status: "down" } });
  expect(await indicator.pingCheck("db")).toMatchObject({ db: { status: "up" } });
});

test.each([
  [1500, /in seconds.*did you mean 1\.5\?/],
  [0, /above 0/],
  [-1, /above 0/],
  [Number.NaN, /above 0/],
  ["5", /a number in seconds.*got '5'/],
  [1n, /a number in seconds.*got 1n/],
  [Symbol("soon"), /a number in seconds/],
] as [never, RegExp][])("a timeout of %p is refused, as a slip", async (timeout, message) => {
  const application = await start();
  const check = application.get(SqliteHealthIndicator).pingCheck("db", { timeout });
  await expect(check).rejects.toThrow(ConfigurationError);
  await expect(check).rejects.toThrow(message);
});

test("@nestjs/terminus answers 200 while it is up, and 503 with the reason when it is down", async () => {
  @Controller("health")
  class HealthController {
    constructor(
      @Inject(HealthCheckService) readonly health: HealthCheckService,
      readonly sqlite: SqliteHealthIndicator,
    ) {}

    @Get()
    @HealthCheck()
    check() {
      return this.health.check([() => this.sqlite.pingCheck("database", { timeout: 5 })]);
    }
  }
  const application = await applications.start({
    imports: [SqliteDatabaseModule.forRoot(applications.path), TerminusModule.forRoot({ logger: false })],
    controllers: [HealthController],
  });
  const server: INestApplication = application.createNestApplication({ logger: false });
  await server.listen(0);
  const check = async () => {
    const answer = await fetch(`${await server.getUrl()}/health`, { headers: { connection: "close" } });
    return { code: answer.status, ...((await answer.json()) as object) };
  };
  try {
    expect(await check()).toMatchObject({
      code: 200,
      status: "ok",
      info: { database: { status: "up", writer: { busy: false } } },
    });
    await application.get(SqliteDatabase).close();
    await settleNative();
    expect(await check()).toMatchObject({
      code: 503,
      status: "error",
      error: { database: { status: "down", message: expect.stringContaining("closed") } },
    });
  } finally {
    await server.close();
  }
});
