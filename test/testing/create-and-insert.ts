// Run by create-test-database.test.ts in processes of their own: creates a test database whose migration tells a witness.
import "reflect-metadata";
import { appendFileSync, chmodSync, existsSync, mkdirSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MigrationInterface, QueryRunner } from "typeorm";
import { createTestDatabase } from "../../src/testing";
import { NOTES, Note } from "../support/small-entities";

/** `trap`: someone else has made the folder of the test databases. */
const [temporary, processes, trap] = process.argv.slice(2);
process.env.TMPDIR = temporary;
const witness = join(tmpdir(), "witness");
const place = join(tmpdir(), `typeorm-sqlite-database-testing-${process.getuid!()}`);

class Witnessed1700000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const isFirst = !existsSync(witness);
    appendFileSync(witness, "migrated\n");
    if (isFirst) await othersHaveFoundNoTemplate();
    await runner.query("CREATE TABLE notes (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL)");
    await runner.query("INSERT INTO notes (text) VALUES ('seeded')");
  }

  async down(): Promise<void> {}
}

/** Each makes the folder of its database before it looks for the template. */
async function othersHaveFoundNoTemplate(): Promise<void> {
  const shared = join(place, String(process.ppid));
  while (readdirSync(shared).filter((name) => name.startsWith("database-")).length < Number(processes)) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function main(): Promise<void> {
  if (trap) {
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
