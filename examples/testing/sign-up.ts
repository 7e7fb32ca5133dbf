import type { SqliteDatabase } from "typeorm-sqlite-database";
import { User } from "./user";

/** The code under test: it commits what it does. */
export function signUp(database: SqliteDatabase, username: string): Promise<User> {
  return database.session(({ manager }) => manager.save(User, { username }));
}
