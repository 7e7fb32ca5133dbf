import sqlite3, { type Statement } from "sqlite3";
import { StatementCache } from "../../src/driver/statement-cache";

let handle: sqlite3.Database;
let cache: StatementCache<Statement>;
beforeEach(() => {
  handle = new sqlite3.Database(":memory:");
  cache = new StatementCache((sql, failed) =>
    handle.prepare(sql, (error: Error | null) => error && failed(error)),
  );
});
afterEach(async () => {
  cache.clear();
  // It closes only if every statement has been finalized.
  await new Promise<void>((resolve, reject) => handle.close((error) => (error ? reject(error) : resolve())));
});

/** Runs a text once, as a connection does. */
async function use(sql: string): Promise<Statement> {
  const statement = cache.take(sql, (error) => {
    throw error;
  });
  const error = await new Promise<Error | null>((resolve) => {
    statement.all([], (failure: Error | null) => resolve(failure));
  });
  cache.giveBack(sql, statement, error);
  return statement;
}

const text = (number: number): string => `SELECT ${number}`;

test("a statement is prepared once and used again", async () => {
  expect(await use(text(1))).toBe(await use(text(1)));
});

test("of more than 200 texts the least recently used ones leave", async () => {
  const kept = await use(text(0));
  const evicted = await use(text(1));
  for (let number = 2; number < 200; number++) await use(text(number));
  expect(await use(text(0))).toBe(kept);
  await use(text(200));
  expect(await use(text(0))).toBe(kept);
  expect(await use(text(1))).not.toBe(evicted);
});

test("a long text is not kept", async () => {
  const long = `SELECT 1 -- ${"x".repeat(10_000)}`;
  expect(await use(long)).not.toBe(await use(long));
});

const longText = (number: number): string => `SELECT ${number} -- ${"x".repeat(10_000)}`;

test("a long text is kept while it is sent again and again", async () => {
  await use(longText(1));
  const kept = await use(longText(1));
  expect(await use(longText(1))).toBe(kept);
  await use(text(1));
  expect(await use(longText(1))).toBe(kept);
  await use(longText(2));
  expect(await use(longText(1))).not.toBe(kept);
});

test("a long text that was not sent for a while is not kept", async () => {
  await use(longText(1));
  const kept = await use(longText(1));
  for (let number = 0; number <= 50; number++) await use(text(number));
  expect(await use(longText(1))).not.toBe(kept);
});

test("a long text that failed is not kept", async () => {
  const failing = `SELECT abs(-9223372036854775808) -- ${"x".repeat(10_000)}`;
  await use(failing);
  expect(await use(failing)).not.toBe(await use(failing));
});

test("a text of many kilobytes is never kept", async () => {
  const huge = `SELECT 1 -- ${"x".repeat(100_000)}`;
  await use(huge);
  expect(await use(huge)).not.toBe(await use(huge));
});

test("a statement that failed is not kept", async () => {
  const failing = "SELECT abs(-9223372036854775808)";
  expect(await use(failing)).not.toBe(await use(failing));
});

test("what cannot be prepared is reported, and leaves nothing to finalize", async () => {
  const failure = await new Promise<Error>((resolve) => {
    cache.take("NO SQL", resolve);
  });
  expect(failure.message).toContain("syntax error");
});
