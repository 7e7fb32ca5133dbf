import "reflect-metadata";
import { createTestDatabase, type TestDatabase } from "typeorm-sqlite-database/testing";
import { signUp } from "../sign-up";
import { User } from "../user";

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase({ entities: [User] });
});
afterEach(() => database.reset());
afterAll(() => database.close());

test("a user signs up", async () => {
  expect(await signUp(database, "ada")).toMatchObject({ id: 1, username: "ada" });
});

test("the next test begins with empty tables", async () => {
  expect(await signUp(database, "ada")).toMatchObject({ id: 1 });
});
