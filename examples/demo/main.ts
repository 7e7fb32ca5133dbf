import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { SqliteDatabase } from "typeorm-sqlite-database";
import { entities } from "../../entities";
import { bookConcurrently } from "./concurrency";
import { credits } from "./data";
import { load } from "./load";
import { rawSql } from "./raw-sql";
import { CheckFailed, duration, step } from "./report";
import { commit, rollBack } from "./sessions";
import { closeAndReopen, health, shrink } from "./upkeep";

async function demo(file: string): Promise<void> {
  const start = performance.now();
  console.log(`Database: ${file}\nData: ${credits}`);

  await using database = await new SqliteDatabase(file, { entities }).init();
  await step("1. Load the cities of the world through the entities", () => load(database));
  const ada = await step("2. A session that commits, a session that fails", async () => {
    const traveller = await commit(database);
    await rollBack(database, traveller);
    return traveller;
  });
  await step("3. Concurrent sessions, and snapshots beside them", () => bookConcurrently(database, ada));
  await step("4. SQL with named parameters", () => rawSql(database));
  await step("5. Health", () => health(database));
  await step("6. Vacuum", () => shrink(database, file));
  await step("7. Close", () => closeAndReopen(database, file));

  console.log(`\nAll checks passed in ${duration(performance.now() - start)}.`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { keep: { type: "boolean", default: false } } });
  const folder = mkdtempSync(join(tmpdir(), "typeorm-sqlite-database-"));
  try {
    await demo(join(folder, "world.db"));
  } finally {
    if (!values.keep) rmSync(folder, { recursive: true, force: true });
  }
}

// Until the end is reached: a demo that stops half-way, even silently, has failed.
process.exitCode = 1;
main().then(
  () => {
    process.exitCode = 0;
  },
  (error: unknown) => {
    console.error(
      `\nThe demo failed. ${error instanceof Error && !(error instanceof CheckFailed) ? error.stack : error}`,
    );
  },
);
