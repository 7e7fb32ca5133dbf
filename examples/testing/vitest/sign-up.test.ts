import "reflect-metadata";
import {
  createTestDatabase,
  type Sandbox,
  sandbox,
  type TestDatabase,
} from "typeorm-sqlite-database/testing";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { signUp } from "../sign-up";
import { User } from "../user";

let database: TestDatabase;
let undo: Sandbox;

beforeAll(async () => {
  database = await createTestDatabase({ entities: [User] });
  await signUp(database, "everybody's");
});
beforeEach(async () => {
  undo = await sandbox(database);
});
afterEach(() => undo.restore());
afterAll(() => database.close());

test("a user signs up", async () => {
  await signUp(database, "ada");
  expect(await database.getRepository(User).count()).toBe(2);
});

test("the next test begins with what was there before", async () => {
  await signUp(database, "ada");
  expect(await database.getRepository(User).count()).toBe(2);
});
