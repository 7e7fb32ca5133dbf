import { existsSync, statSync } from "node:fs";
import { LessThan } from "typeorm";
import { SqliteDatabase } from "typeorm-sqlite-database";
import { City, entities, Traveller } from "../../entities";
import { check, count, line, megabytes } from "./report";

/** Is it alive, and how busy is it? */
export async function health(database: SqliteDatabase): Promise<void> {
  check(await database.ping(), "ping answers");
  const { readers, writer } = database.stats();
  line(`readers: ${readers.total} open, ${readers.active} active, at most ${readers.limit}`);
  line(`writer: ${writer.busy ? "busy" : "free"}, ${writer.waiting} waiting`);
  check(readers.active === 0 && !writer.busy && writer.waiting === 0, "every connection was given back");
}

/** Deletes most of the rows and gives the space back to the file system. */
export async function shrink(database: SqliteDatabase, file: string): Promise<void> {
  const deleted = await database.session((session) =>
    session.manager.delete(City, { population: LessThan(10_000) }),
  );
  const before = statSync(file).size;
  await database.vacuum();
  const after = statSync(file).size;
  line(`${count(deleted.affected ?? 0)} small cities deleted`);
  check(after < before, `vacuum: ${megabytes(before)} before, ${megabytes(after)} after`);
}

/** Closes the file, looks at what is left beside it, and opens it once more. */
export async function closeAndReopen(database: SqliteDatabase, file: string): Promise<void> {
  await database.close();
  check(!existsSync(`${file}-wal`), "closed: no -wal file is left");
  check(!(await database.ping()), "and ping says so");

  await using reopened = await new SqliteDatabase(file, { entities }).init();
  check((await reopened.getRepository(Traveller).count()) === 1, "opened again: the data is there");
}
