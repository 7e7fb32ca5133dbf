import "reflect-metadata";
import assert from "node:assert/strict";
import { test } from "node:test";
import { createTestDatabase } from "typeorm-sqlite-database/testing";
import { signUp } from "../sign-up";
import { User } from "../user";

test("a user signs up", { concurrency: true }, async (t) => {
  for (const username of ["ada", "grace"]) {
    await t.test(username, async () => {
      await using database = await createTestDatabase({ entities: [User] });
      assert.equal((await signUp(database, username)).id, 1);
    });
  }
});
