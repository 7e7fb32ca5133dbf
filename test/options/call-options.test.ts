import { existsSync } from "node:fs";
import type { SqliteDatabase } from "../../src/sqlite-database";
import { rejection } from "../support/data-sources";
import { testDatabases } from "../support/databases";
import { rawRead } from "../support/raw-database";
import { NOTES, Note } from "../support/small-entities";

const databases = testDatabases();

type Call = (database: SqliteDatabase, options: never) => Promise<unknown>;

const WRITE = "INSERT INTO notes (text) VALUES ('written')";

test.each<[string, Call, string]>([
  ["exec", (database, options) => database.exec(WRITE, {}, options), "readonly"],
  ["session", (database, options) => database.session((session) => session.exec(WRITE), options), "readonly"],
  ["openSession", (database, options) => database.openSession(options), "readonly"],
  ["stream", async (database, options) => database.stream("SELECT 1", {}, options), "timeout"],
  ["insertMany", (database, options) => database.insertMany(Note, [{ text: "written" }], options), "label"],
  ["vacuum", (database, options) => database.vacuum(options), "into"],
  ["backup", (database, options) => database.backup("copy.db", options), "onProgress"],
  ["runMigrations", (database, options) => database.runMigrations(options), "transaction"],
  ["undoLastMigration", (database, options) => database.undoLastMigration(options), "transaction"],
])("%s refuses an option that it does not know, and writes nothing", async (name, call, option) => {
  const database = await databases.open({ entities: [Note] });
  const wrong = `${option.toLowerCase()}_`;
  const error = await rejection(call(database, { [wrong]: true } as never));
  expect(error).toMatchObject({ name: "ConfigurationError", code: "CONFIGURATION" });
  expect(error.message).toBe(`${name}() has no option ${wrong}. Did you mean ${option}?`);
  expect((await rejection(call(database, { speed: 9 } as never))).message).toContain(option);
  expect((await rejection(call(database, true as never))).message).toContain("must be an object");
  expect(await rawRead(databases.path, NOTES)).toEqual([]);
});

test("readOnly is not readonly", async () => {
  const database = await databases.open({ entities: [Note] });
  const misspelt = { readOnly: true } as never;
  await expect(database.exec(WRITE, {}, misspelt)).rejects.toThrow("Did you mean readonly?");
  await expect(database.session((session) => session.exec(WRITE), misspelt)).rejects.toThrow("readonly?");
  await expect(database.session(misspelt, (() => {}) as never)).rejects.toThrow("a function first");
  expect(await rawRead(databases.path, NOTES)).toEqual([]);
});

test.each<[string, Call]>([
  ["exec", (database, options) => database.exec(WRITE, {}, options)],
  ["session", (database, options) => database.session((session) => session.exec(WRITE), options)],
  ["openSession", (database, options) => database.openSession(options)],
  ["stream", async (database, options) => database.stream("SELECT 1", {}, options)],
  ["insertMany", (database, options) => database.insertMany(Note, [{ text: "written" }], options)],
  ["backup", (database, options) => database.backup("copy.db", options)],
])("%s refuses a signal that is none, and writes nothing", async (name, call) => {
  const database = await databases.open({ entities: [Note] });
  const controller = new AbortController();
  const error = await rejection(call(database, { signal: controller } as never));
  expect(error).toMatchObject({ name: "ConfigurationError", code: "CONFIGURATION" });
  expect(error.message).toContain(`The signal of ${name}() must be an AbortSignal; pass the signal of the`);
  for (const signal of [null, "stop", 0, () => {}]) {
    const refused = await rejection(call(database, { signal } as never));
    expect(refused.message).toContain("AbortSignal.timeout()");
  }
  expect(await rawRead(databases.path, NOTES)).toEqual([]);
  await database.exec(WRITE);
});

const STARTERS: [string, Call][] = [
  ["exec", (database, options) => database.exec(WRITE, {}, options)],
  ["session", (database, options) => database.session((session) => session.exec(WRITE), options)],
  ["openSession", (database, options) => database.openSession(options)],
];

test.each(STARTERS)(
  "%s refuses a readonly that is not true or false, and writes nothing",
  async (name, call) => {
    const database = await databases.open({ entities: [Note] });
    for (const readonly of ["false", 1, 0, null, Promise.resolve(true), Symbol("yes")]) {
      const error = await rejection(call(database, { readonly } as never));
      expect(error).toMatchObject({ name: "ConfigurationError", code: "CONFIGURATION" });
      expect(error.message).toContain(`The readonly of ${name}() must be true or false (got `);
    }
    expect(await rawRead(databases.path, NOTES)).toEqual([]);
  },
);

test.each<[string, Call]>([
  ...STARTERS.slice(1),
  ["insertMany", (database, options) => database.insertMany(Note, [{ text: "written" }], options)],
])("%s refuses a label that is no string, and writes nothing", async (name, call) => {
  const database = await databases.open({ entities: [Note] });
  for (const label of [null, 7, Symbol("name"), Object.create(null)]) {
    const error = await rejection(call(database, { label } as never));
    expect(error).toMatchObject({ name: "ConfigurationError", code: "CONFIGURATION" });
    expect(error.message).toContain(`The label of ${name}() must be a string (got `);
  }
  expect(await rawRead(databases.path, NOTES)).toEqual([]);
});

test.each(STARTERS)("%s refuses a timeout that is no number, whatever it is", async (_, call) => {
  const database = await databases.open({ entities: [Note] });
  for (const timeout of [null, Number.NaN, -1, "5", Symbol("soon"), Object.create(null)]) {
    const error = await rejection(call(database, { timeout } as never));
    expect(error).toMatchObject({ name: "ConfigurationError", code: "CONFIGURATION" });
    expect(error.message).toContain("timeout must be a number of seconds from 0 on (got ");
  }
  expect(await rawRead(databases.path, NOTES)).toEqual([]);
});

test.each(STARTERS)("%s refuses a promise of options, and options in a list", async (name, call) => {
  const database = await databases.open({ entities: [Note] });
  for (const options of [Promise.resolve({ readonly: true }), [], new Map([["readonly", true]])]) {
    const error = await rejection(call(database, options as never));
    expect(error).toMatchObject({ name: "ConfigurationError", code: "CONFIGURATION" });
    expect(error.message).toContain(`The options of ${name}() must be an object`);
  }
  expect(await rawRead(databases.path, NOTES)).toEqual([]);
});

test.each([5, null, "log", { step: () => {} }])(
  "backup refuses an onProgress that is %p",
  async (onProgress) => {
    const database = await databases.open({ entities: [Note] });
    const copy = databases.folder.file("copy.db");
    const error = await rejection(database.backup(copy, { onProgress } as never));
    expect(error).toMatchObject({ name: "ConfigurationError", code: "CONFIGURATION" });
    expect(error.message).toContain("The onProgress of backup() must be a function");
    expect(existsSync(copy)).toBe(false);
  },
);
