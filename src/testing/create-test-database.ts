import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { SqliteDatabase, type SqliteDatabaseOptions } from "..";
import { processTreeFolder } from "./process-tree-folder";
import { FILE, Template } from "./template";
import { TestDatabase } from "./test-database";

/**
 * A database of its own, open, in a temporary file with the schema that `options` ask for and no rows but those that
 * migrations insert. Closing it removes the file.
 *
 * The schema is made once, in a template: it is shared by the processes that have the same parent, as the workers of
 * a test runner have, and copied for every further database. Templates are told apart by what the entities, the
 * options and the migrations say, and by what functions of the entities give, as for a default; what a migration reads
 * from elsewhere is not seen. `synchronous` is `OFF` unless the
 * option `pragmas` says otherwise: a test database need not survive a power loss.
 *
 * @throws ConfigurationError for an option that cannot be used, and for a temporary folder that cannot be trusted
 * @throws whatever making the schema fails with
 * @example
 * await using database = await createTestDatabase({ entities: [User, Post] });
 * await database.getRepository(User).save({ username: "ada" });
 */
export async function createTestDatabase(options: SqliteDatabaseOptions = {}): Promise<TestDatabase> {
  assertValid(options);
  const quick = { ...options, pragmas: { synchronous: "OFF", ...options.pragmas } };
  const template = await Template.of(quick);
  const shared = processTreeFolder();
  const folder = mkdtempSync(join(shared, `database-${process.pid}-`));
  try {
    await template?.copyTo(folder, shared);
    return await new TestDatabase(
      join(folder, FILE),
      template ? { ...quick, ...Template.MADE } : quick,
    ).init();
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/** As every database checks them, before anything is added to them that would hide what is wrong. */
function assertValid(options: SqliteDatabaseOptions): void {
  new SqliteDatabase(":memory:", options);
}
