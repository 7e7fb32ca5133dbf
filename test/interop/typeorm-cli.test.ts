import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { plainEnvironment } from "../support/plain-environment";
import { rawRead } from "../support/raw-database";
import { temporaryFolder } from "../support/temporary-folder";

const folder = temporaryFolder();

/** Runs the real CLI on `data-source.ts`. */
function cli(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [
      "-r",
      join(__dirname, "../support/register-typescript.cjs"),
      require.resolve("typeorm/cli.js"),
      ...args,
      "-d",
      join(__dirname, "data-source.ts"),
    ],
    {
      encoding: "utf8",
      env: {
        ...plainEnvironment,
        DATABASE: folder.file("app.db"),
        MIGRATIONS: folder.file("migrations/*.js"),
      },
    },
  );
  if (status !== 0) throw new Error(`${stdout}\n${stderr}`);
  return stdout;
}

const tables = async () =>
  (
    await rawRead(folder.file("app.db"), "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
  ).map(({ name }) => name);

test("the TypeORM CLI shows, generates, runs and reverts on the data source of a database", async () => {
  expect(cli("schema:log")).toMatch(/CREATE TABLE "books"/);

  cli("migration:generate", folder.file("migrations/AddBooks"), "--outputJs");
  expect(readdirSync(folder.file("migrations"))).toEqual([expect.stringMatching(/^\d+-AddBooks\.js$/)]);
  expect(await tables()).toEqual([]);

  expect(cli("migration:run")).toMatch(/AddBooks\d+ has been\s+executed successfully/);
  expect(await tables()).toEqual(["books", "migrations", "sqlite_sequence"]);
  expect(cli("migration:show")).toMatch(/\[X\] 1 AddBooks/);
  expect(cli("schema:log")).toMatch(/up to date/);

  expect(cli("migration:revert")).toMatch(/AddBooks\d+ has been\s+reverted successfully/);
  expect(await tables()).toEqual(["migrations", "sqlite_sequence"]);

  cli("schema:sync");
  expect(cli("query", "SELECT count(*) AS books FROM books")).toMatch(/books/);
  cli("schema:drop");
  expect(await tables()).toEqual(["sqlite_sequence"]);
  expect(readdirSync(folder.path).sort()).toEqual(["app.db", "migrations"]);
});
