import type { SqliteDatabaseOptions } from "../../src/options/sqlite-database-options";
import { SqliteDatabase } from "../../src/sqlite-database";
import { type TemporaryFolder, temporaryFolder } from "./temporary-folder";

export interface TestDatabases {
  readonly folder: TemporaryFolder;
  /** The file of a database that was made without a location. */
  readonly path: string;
  /** A database that is not open yet. */
  make(options?: SqliteDatabaseOptions, location?: string): SqliteDatabase;
  /** An open one. */
  open(options?: SqliteDatabaseOptions, location?: string): Promise<SqliteDatabase>;
}

/** Databases in a temporary folder, for the tests of the file that calls this; they are closed after the test. */
export function testDatabases(): TestDatabases {
  const made: SqliteDatabase[] = [];
  afterEach(async () => {
    await Promise.all(made.splice(0).map((database) => database.close()));
  });
  const folder = temporaryFolder();
  const databases: TestDatabases = {
    folder,
    get path() {
      return folder.file("test.db");
    },
    make(options, location = databases.path) {
      // A test that fails with a session open should not wait for the default of ten seconds.
      const database = new SqliteDatabase(location, { closeTimeout: 5, poolTimeout: 20, ...options });
      made.push(database);
      return database;
    },
    open: (options, location) => databases.make(options, location).init(),
  };
  return databases;
}
