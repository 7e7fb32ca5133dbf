import { QueryError, SessionTimeoutError } from "../../src/errors";
import type { SqliteDatabase } from "../../src/sqlite-database";
import { BLOG, User } from "../support/blog-entities";
import { rejection } from "../support/data-sources";
import { testDatabases } from "../support/databases";

const databases = testDatabases();
const ada = () => Object.assign(new User(), { username: "ada" });
const twice = [{ username: "ada" }, { username: "ada" }];

test.each<[string, (database: SqliteDatabase) => Promise<unknown>]>([
  ["insertMany()", (database) => database.insertMany(User, twice)],
  ["insertMany() of a session", (database) => database.session((session) => session.insertMany(User, twice))],
  [
    "flush()",
    (database) =>
      database.session(async (session) => {
        session.add([ada(), ada()]);
        await session.flush();
      }),
  ],
  ["the flush at the end", (database) => database.session((session) => session.add([ada(), ada()]))],
])("an error of %s has the caller's line in its stack", async (_, write) => {
  const database = await databases.open({ entities: BLOG });
  async function theCaller(): Promise<unknown> {
    return await write(database);
  }
  const error = await rejection(theCaller());
  expect(error).toBeInstanceOf(QueryError);
  expect(error.stack).toMatch(/^ConstraintError: .*UNIQUE/);
  expect(error.stack).toContain(__filename);
  expect(error.stack).toContain("theCaller");
});

describe("insertMany() of a session", () => {
  /** Nothing runs then that would take the session along when it is interrupted. */
  async function* stalled() {
    yield { username: "ada" };
    await new Promise<never>(() => {});
  }

  test("ends after its timeout, and the session goes on without it", async () => {
    const database = await databases.open({ entities: BLOG });
    await database.session(async (session) => {
      await session.exec("INSERT INTO users (username) VALUES ('kept')");
      await expect(session.insertMany(User, stalled(), { timeout: 0.05 })).rejects.toThrow(
        SessionTimeoutError,
      );
    });
    expect((await database.exec("SELECT username FROM users")).scalars()).toEqual(["kept"]);
  });

  test("ends by a signal, with its reason", async () => {
    const database = await databases.open({ entities: BLOG });
    const stop = new AbortController();
    const enough = new Error("enough");
    await database.session(async (session) => {
      const inserting = session.insertMany(User, stalled(), { signal: stop.signal });
      stop.abort(enough);
      await expect(inserting).rejects.toBe(enough);
    });
  });

  test("refuses an option that it does not know", async () => {
    const database = await databases.open({ entities: BLOG });
    await database.session(async (session) => {
      const inserting = session.insertMany(User, [{ username: "ada" }], { readonly: true } as never);
      await expect(inserting).rejects.toThrow("insertMany() has no option readonly");
    });
  });
});
