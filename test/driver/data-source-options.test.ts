import { SqliteDataSource, type SqliteDataSourceOptions } from "../../src/driver/sqlite-data-source";
import { ConfigurationError } from "../../src/errors";

const make = (options: object) => () =>
  new SqliteDataSource({ database: ":memory:", ...options } as SqliteDataSourceOptions);

test.each<[object, string]>([
  [{ key: "secret" }, "SqliteDataSource has no option key: the SQLite of sqlite3 cannot encrypt."],
  [
    { prepareDatabase: () => {} },
    "SqliteDataSource has no option prepareDatabase: there is no better-sqlite3 database",
  ],
  [{ verbose: () => {} }, "SqliteDataSource has no option verbose: use logging."],
  [{ poolsize: 5 }, "SqliteDataSource has no option poolsize; did you mean poolSize?"],
  [{ pool_pre_ping: true }, "SqliteDataSource has no option pool_pre_ping; did you mean poolPrePing?"],
])("an option that would have no effect is refused with the remedy: %p", (options, message) => {
  expect(make(options)).toThrow(ConfigurationError);
  expect(make(options)).toThrow(message);
  expect(make(options)).not.toThrow("secret");
});

test.each([["postgres"], ["sqlite"], [5], [null]])(
  "another type than better-sqlite3 is refused: %j",
  (type) => {
    expect(make({ type })).toThrow(ConfigurationError);
    expect(make({ type })).toThrow("opens SQLite only");
    expect(make({ type: "better-sqlite3" })).not.toThrow();
    expect(make({ type: undefined })).not.toThrow();
  },
);

test.each([[undefined], [null], ["app.db"], [{}]])(
  "options without a database are refused: %j",
  (options) => {
    expect(() => new SqliteDataSource(options as never)).toThrow(ConfigurationError);
  },
);

test.each([
  [{ timeout: "250" }, "The option timeout of SqliteDataSource must be a number (got '250')."],
  [{ timeout: null }, "The option timeout of SqliteDataSource must be a number (got null)."],
  [{ readonly: "false" }, "The option readonly of SqliteDataSource must be a boolean (got 'false')."],
  [{ fileMustExist: 1 }, "The option fileMustExist of SqliteDataSource must be a boolean (got 1)."],
])("%p is refused, and not taken for what it looks like", (options, message) => {
  expect(make(options as never)).toThrow(ConfigurationError);
  expect(make(options as never)).toThrow(message);
});

test("timeout in milliseconds, as better-sqlite3 has it, stands for busyTimeout", () => {
  expect(make({ timeout: 250 })().driver.settings.busyTimeout).toBe(250);
  expect(make({ timeout: 250, busyTimeout: 2 })().driver.settings.busyTimeout).toBe(2000);
  expect(make({ enableWAL: true, statementCacheSize: 5, key: undefined })).not.toThrow();
});
