import { type Connection, openConnection } from "../../src/driver/connection";
import { rejection } from "../support/data-sources";
import { withRaw } from "../support/raw-database";
import { canMount, smallDisk } from "../support/small-disk";
import { temporaryFolder } from "../support/temporary-folder";

const folder = temporaryFolder();
let connection: Connection;
afterEach(() => connection.close());

async function begin(path = folder.file("app.db")): Promise<void> {
  connection = await openConnection({ path, mode: "rwc", role: "writer" });
  await connection.script("PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON");
  await connection.script("CREATE TABLE t (n); CREATE TABLE p (id INTEGER PRIMARY KEY)");
  await connection.run("CREATE TABLE c (p REFERENCES p DEFERRABLE INITIALLY DEFERRED)");
  await connection.script("BEGIN IMMEDIATE; INSERT INTO t VALUES (1)");
}

/** What others see, in another connection. */
const committed = () => withRaw(folder.file("app.db"), (raw) => raw.all("SELECT n FROM t"));
const isOpen = () =>
  connection.run("BEGIN").then(
    () => connection.run("ROLLBACK").then(() => false),
    () => true,
  );
const busyTimeout = () => connection.all("PRAGMA busy_timeout");

test("what was done is committed, and the next transaction has the lock", async () => {
  await begin();
  expect(await connection.commitAndBegin()).toBe(true);
  expect(await committed()).toEqual([{ n: 1 }]);
  expect(await isOpen()).toBe(true);
  await withRaw(folder.file("app.db"), async (raw) => {
    expect(await rejection(raw.exec("BEGIN IMMEDIATE"))).toMatchObject({ cause: { code: "SQLITE_BUSY" } });
  });
  expect(await busyTimeout()).toEqual([{ timeout: 0 }]);
});

test("a commit that fails and leaves its transaction open rejects", async () => {
  await begin();
  await connection.run("INSERT INTO c VALUES (7)");
  expect(await rejection(connection.commitAndBegin())).toMatchObject({ code: "SQLITE_CONSTRAINT" });
  expect(await isOpen()).toBe(true);
  await connection.run("INSERT INTO p VALUES (7)");
  expect(await connection.commitAndBegin()).toBe(true);
  expect(await committed()).toEqual([{ n: 1 }]);
});

test("a commit is told of although the next transaction cannot begin", async () => {
  await begin();
  // It lets a transaction be committed, but none begin that would write.
  await connection.run("PRAGMA query_only = ON");
  expect(await connection.commitAndBegin()).toBe(false);
  expect(await committed()).toEqual([{ n: 1 }]);
  expect(await isOpen()).toBe(false);
  expect(await busyTimeout()).toEqual([{ timeout: 0 }]);
});

(canMount ? test : test.skip)("a commit that fails and has rolled back rejects", async () => {
  const disk = folder.file("disk");
  const unmount = smallDisk(disk, 1024);
  try {
    await begin(`${disk}/app.db`);
    await connection.run("INSERT INTO t VALUES (zeroblob(1500000))");
    expect(await rejection(connection.commitAndBegin())).toMatchObject({ code: "SQLITE_FULL" });
    expect(await isOpen()).toBe(false);
    expect(await connection.all("SELECT n FROM t")).toEqual([]);
    await connection.close();
  } finally {
    unmount();
  }
});
