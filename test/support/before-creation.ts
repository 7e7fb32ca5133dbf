import sqlite3 from "sqlite3";

/** Does something before the tables of a new file are created, until the mocks are restored. */
export function beforeCreation(act: () => Promise<unknown>): void {
  const { exec } = sqlite3.Database.prototype;
  jest.spyOn(sqlite3.Database.prototype, "exec").mockImplementation(function (
    this: sqlite3.Database,
    sql,
    done,
  ) {
    if (!sql.includes("BEGIN IMMEDIATE;")) return exec.call(this, sql, done);
    void act().then(() => exec.call(this, sql, done));
    return this;
  });
}
