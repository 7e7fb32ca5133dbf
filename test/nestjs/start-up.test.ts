import { mkdirSync, writeFileSync } from "node:fs";
import type { LoggerService } from "@nestjs/common";
import { ConfigurationError, CorruptDatabaseError, SqliteDatabase } from "../../src";
import { SqliteDatabaseModule, type SqliteDatabaseModuleOptions } from "../../src/nestjs";
import { openFiles } from "../support/open-files";
import { Note } from "../support/small-entities";
import { testApplications } from "./applications";

const applications = testApplications();
const start = (location: string, options?: SqliteDatabaseModuleOptions) =>
  applications.start({ imports: [SqliteDatabaseModule.forRoot(location, options)] });

/** A logger, and every line that it is given. */
function logging(): { lines: string[]; logger: LoggerService } {
  const lines: string[] = [];
  const write = (...parts: unknown[]) => void lines.push(parts.join(" "));
  return { lines, logger: { log: write, error: write, warn: write } };
}

test("a file that is no database fails the start at once, with SQLite's reason and the path", async () => {
  writeFileSync(applications.path, "this is no database, however long it is read".repeat(100));
  const { lines, logger } = logging();
  const imports = [SqliteDatabaseModule.forRoot(applications.path)];
  const started = applications.start({ imports }, (builder) => builder.setLogger(logger));
  const error = await started.catch((reason) => reason);
  expect(error).toBeInstanceOf(CorruptDatabaseError);
  expect(error.message).toMatch(/file is not a database/);
  expect(error.message).toContain(applications.path);
  // @nestjs/typeorm would say this ten times, with three seconds in between.
  expect(lines.join()).not.toContain("Retrying");
  expect(openFiles(applications.folder.path)).toEqual([]);
});

test("a folder in the place of the file is named", async () => {
  mkdirSync(applications.path);
  await expect(start(applications.path)).rejects.toThrow(applications.path);
});

test("a folder that cannot be made is named with the reason", async () => {
  writeFileSync(applications.folder.file("a file"), "");
  const started = start(applications.folder.file("a file/data/app.db"));
  await expect(started).rejects.toThrow(/a file\/data.*ENOTDIR|ENOTDIR.*a file\/data/);
});

test("a file that is missing, and must not be made, is named with SQLite's reason", async () => {
  await expect(start(`${applications.path}?mode=rw`)).rejects.toThrow(/test\.db/);
});

test("an option that does not exist fails the start with its remedy", async () => {
  const options = { poolsize: 5 } as SqliteDatabaseModuleOptions;
  await expect(start(applications.path, options)).rejects.toThrow(ConfigurationError);
  await expect(start(applications.path, options)).rejects.toThrow(/did you mean poolSize\?/);
});

test("a database that a test put in the place of another one fails at once, too", async () => {
  writeFileSync(applications.path, "this is no database, however long it is read".repeat(100));
  const { lines, logger } = logging();
  const started = applications.start({ imports: [SqliteDatabaseModule.forRoot(":memory:")] }, (builder) =>
    builder
      .setLogger(logger)
      .overrideProvider(SqliteDatabase)
      .useValue(new SqliteDatabase(applications.path, { entities: [Note] })),
  );
  await expect(started).rejects.toThrow(CorruptDatabaseError);
  expect(lines.join()).not.toContain("Retrying");
});
