// Run by create-test-database.test.ts in processes of their own: creates a test database whose migration tells a witness.
import "reflect-metadata";
import { appendFileSync, chmodSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MigrationInterface, QueryRunner } from "typeorm";
import { createTestDatabase } from "../../src/testing";
import { NOTES, Note } from "../support/small-entities";

/** `temporary`: a folder in which someone else has been first. */
const [witness, temporary] = process.argv.slice(2);

class Witnessed1700000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    appendFileSync(witness!, "migrated\n");
    await runner.query("CREATE TABLE notes (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL)");
    await runner.query("INSERT INTO notes (text) VALUES ('seeded')");
  }

  async down(): Promise<void> {}
}

async function main(): Promise<void> {
  if (temporary) {
    process.env.TMPDIR = temporary;
    const place = join(tmpdir(), `typeorm-sqlite-database-testing-${process.getuid!()}`);
    mkdirSync(place);
    chmodSync(place, 0o777);
  }
  await using database = await createTestDatabase({
    entities: [Note],
    migrations: [Witnessed1700000000000],
    migrationsRun: true,
  });
  await database.getRepository(Note).insert({ text: "own" });
  console.log(`rows: ${(await database.exec(NOTES)).scalars().join(",")}`);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
