import { type Connection, openConnection } from "../../src/driver/connection";
import { type ConnectionSource, Transaction } from "../../src/driver/transaction";
import { rejection } from "../support/data-sources";
import { deferred, isPending, settleNative } from "../support/deferred";
import { RawDatabase, rawExec, rawRead } from "../support/raw-database";
import { temporaryFolder } from "../support/temporary-folder";

/** Lends one connection, and remembers how it came back. */
class Lender implements ConnectionSource {
  readonly events: string[] = [];

  constructor(readonly connection: Connection) {}

  async acquire(): Promise<Connection> {
    this.events.push("acquired");
    return this.connection;
  }

  async release(): Promise<void> {
    this.events.push("released");
  }

  async discard(): Promise<void> {
    this.events.push("discarded");
  }
}

let connection: Connection;
let lender: Lender;
beforeEach(async () => {
  await rawExec(path(), "PRAGMA journal_mode = WAL; CREATE TABLE t (n INTEGER PRIMARY KEY)");
  connection = await openConnection({ path: path(), mode: "rw", role: "writer" });
  lender = new Lender(connection);
});
afterEach(() => connection.close());
const folder = temporaryFolder();
const path = () => folder.file("app.db");

const begin = (
  options: { readonly?: boolean; busyTimeout?: number; poolTimeout?: number } = {},
): Transaction =>
  new Transaction({
    source: lender,
    readonly: false,
    label: "test",
    busyTimeout: 60_000,
    poolTimeout: 60_000,
    ...options,
  });
const insert = (n: number) => (lent: Connection) => lent.run("INSERT INTO t VALUES (?)", [n]);
const rows = async () => (await rawRead(path(), "SELECT n FROM t ORDER BY n")).map(({ n }) => n);

describe("a transaction", () => {
  test("takes a connection with its first statement, and gives it back with its end", async () => {
    for (const end of ["commit", "rollback"] as const) {
      const transaction = begin();
      expect(lender.events).toEqual([]);
      await transaction.run(insert(end === "commit" ? 1 : 2));
      expect(lender.events).toEqual(["acquired"]);
      expect(transaction.connection).toBe(connection);
      await transaction[end]();
      expect(lender.events.splice(0)).toEqual(["acquired", "released"]);
      expect(transaction.connection).toBeUndefined();
      expect(transaction.isOpen).toBe(false);
    }
    expect(await rows()).toEqual([1]);
  });

  test("that never ran a statement takes nothing", async () => {
    await begin().commit();
    await begin().rollback();
    expect(lender.events).toEqual([]);
  });

  test("runs its statements alone, in the order they came", async () => {
    const transaction = begin();
    const first = deferred();
    const order: string[] = [];
    const work = [
      transaction.run(async (lent) => {
        order.push("first begins");
        await first.promise;
        await insert(1)(lent);
        order.push("first ends");
      }),
      transaction.run(async () => {
        order.push("second");
      }),
    ];
    const committed = transaction.commit();
    await settleNative();
    expect(order).toEqual(["first begins"]);
    first.resolve();
    await Promise.all([...work, committed]);
    expect(order).toEqual(["first begins", "first ends", "second"]);
    expect(await rows()).toEqual([1]);
  });

  test("runs nothing any more after its end", async () => {
    for (const end of ["commit", "rollback"] as const) {
      const transaction = begin();
      await transaction.run(insert(end === "commit" ? 1 : 2));
      await transaction[end]();
      expect(await rejection(transaction.run(insert(3)))).toMatchObject({ code: "SESSION_CLOSED" });
      expect(await rejection(transaction.savepoint())).toMatchObject({ code: "SESSION_CLOSED" });
      expect(await rejection(transaction.commit())).toMatchObject({ code: "SESSION_CLOSED" });
      await transaction.rollback();
    }
    expect(await rows()).toEqual([1]);
  });

  test("that cannot begin gives its connection back, and may be tried again", async () => {
    const raw = await RawDatabase.open(path());
    await raw.exec("BEGIN IMMEDIATE");
    const transaction = begin({ busyTimeout: 0 });
    const busy = await rejection(transaction.run(insert(1)));
    expect(busy).toMatchObject({ name: "BusyError", code: "SQLITE_BUSY", query: "BEGIN IMMEDIATE" });
    expect(lender.events.splice(0)).toEqual(["acquired", "released"]);
    await raw.close();
    await transaction.run(insert(2));
    await transaction.commit();
    expect(await rows()).toEqual([2]);
  });

  test("whose COMMIT fails says why, is still open, and can be rolled back", async () => {
    await connection.run("CREATE TABLE late (n REFERENCES t DEFERRABLE INITIALLY DEFERRED)");
    await connection.run("PRAGMA foreign_keys = ON");
    const transaction = begin();
    await transaction.run((lent) => lent.run("INSERT INTO late VALUES (9)"));
    const refused = await rejection(transaction.commit());
    expect(refused).toMatchObject({ name: "ConstraintError", kind: "foreignKey", query: "COMMIT" });
    expect(transaction.isOpen).toBe(true);
    await transaction.rollback();
    expect(lender.events).toEqual(["acquired", "released"]);
    expect(await rawRead(path(), "SELECT * FROM late")).toEqual([]);
  });

  test("whose ROLLBACK fails discards its connection", async () => {
    const transaction = begin();
    await transaction.run(insert(1));
    await connection.run("ROLLBACK");
    await expect(transaction.rollback()).rejects.toThrow("no transaction is active");
    expect(lender.events).toEqual(["acquired", "discarded"]);
    expect(await rows()).toEqual([]);
  });

  test("whose connection was closed is rolled back by that", async () => {
    const transaction = begin();
    await transaction.run(insert(1));
    await connection.close();
    await transaction.rollback();
    expect(lender.events).toEqual(["acquired", "discarded"]);
    expect(await rows()).toEqual([]);
  });

  test("that is readonly writes nothing, even on a connection that could, and leaves that as it was", async () => {
    const transaction = begin({ readonly: true });
    await transaction.run((lent) => lent.all("SELECT * FROM t"));
    await expect(transaction.run(insert(1))).rejects.toThrow("readonly");
    await transaction.commit();
    await connection.run("INSERT INTO t VALUES (2)");
    expect(await rows()).toEqual([2]);
  });

  test("that is readonly keeps its snapshot while others write", async () => {
    const transaction = begin({ readonly: true });
    const count = () => transaction.run((lent) => lent.all("SELECT count(*) AS n FROM t"));
    expect(await count()).toEqual([{ n: 0 }]);
    await rawExec(path(), "INSERT INTO t VALUES (1)");
    expect(await count()).toEqual([{ n: 0 }]);
    await transaction.commit();
    expect(await rows()).toEqual([1]);
  });
});

describe("a transaction that SQLite has rolled back", () => {
  test("because a write in it was interrupted, is over", async () => {
    const transaction = begin();
    await transaction.run(insert(-1));
    const controller = new AbortController();
    const reason = new Error("no longer wanted");
    const endless = transaction.run((lent) =>
      lent.run(
        "INSERT INTO t WITH RECURSIVE s (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s LIMIT 100000000) SELECT n FROM s",
        [],
        controller.signal,
      ),
    );
    await settleNative();
    controller.abort(reason);
    await expect(endless).rejects.toBe(reason);
    expect(await rejection(transaction.run(insert(-2)))).toMatchObject({
      code: "SESSION_CLOSED",
      cause: reason,
    });
    expect(await rejection(transaction.commit())).toMatchObject({ code: "SESSION_CLOSED", cause: reason });
    await transaction.rollback();
    expect(lender.events).toEqual(["acquired", "released"]);
    expect(await rows()).toEqual([]);
    await connection.run("INSERT INTO t VALUES (1)");
    expect(await rows()).toEqual([1]);
  });

  test("goes on where only a read in it was interrupted", async () => {
    const transaction = begin();
    await transaction.run(insert(1));
    const controller = new AbortController();
    const endless = transaction.run((lent) =>
      lent.all(
        "WITH RECURSIVE s AS (SELECT 1 UNION ALL SELECT 1 FROM s LIMIT 1000000000) SELECT count(*) FROM s",
        [],
        controller.signal,
      ),
    );
    await settleNative();
    controller.abort(new Error("no longer wanted"));
    await expect(endless).rejects.toThrow("no longer wanted");
    await transaction.run(insert(2));
    await transaction.commit();
    expect(await rows()).toEqual([1, 2]);
  });

  test("inside a savepoint is over on every level", async () => {
    const transaction = begin();
    const savepoint = await transaction.savepoint();
    const inner = await savepoint.savepoint();
    await inner.run(insert(1));
    await expect(inner.run((lent) => lent.run("INSERT OR ROLLBACK INTO t VALUES (1)"))).rejects.toThrow(
      "UNIQUE",
    );
    for (const scope of [inner, savepoint]) {
      expect(await rejection(scope.run(insert(2)))).toMatchObject({ code: "SESSION_CLOSED" });
      expect(await rejection(scope.commit())).toMatchObject({ code: "SESSION_CLOSED" });
      await scope.rollback();
    }
    expect(await rejection(transaction.commit())).toMatchObject({ code: "SESSION_CLOSED" });
    await transaction.rollback();
    expect(await rows()).toEqual([]);
  });
});

describe("a savepoint", () => {
  test("that is rolled back undoes its own part, and that of those inside it", async () => {
    const transaction = begin();
    await transaction.run(insert(1));
    const savepoint = await transaction.savepoint();
    await savepoint.run(insert(2));
    const inner = await savepoint.savepoint();
    await inner.run(insert(3));
    await inner.commit();
    await savepoint.rollback();
    await transaction.run(insert(4));
    await transaction.commit();
    expect(await rows()).toEqual([1, 4]);
  });

  test("is waited for as long as poolTimeout, which each one has anew, and a statement until it ends", async () => {
    const transaction = begin({ poolTimeout: 10 });
    const leave = deferred();
    const statement = transaction.run(() => leave.promise);
    const behind = transaction.run(insert(1));
    const [first, second] = [transaction.savepoint(), transaction.savepoint()];
    second.catch(() => {});
    // Node calls timers of one duration in the order they were set, so this one after theirs.
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(await isPending(Promise.race([behind, first, second]))).toBe(true);
    leave.resolve();
    await statement;
    await behind;
    // Its time begins only now.
    const savepoint = await first;
    await expect(second).rejects.toMatchObject({
      name: "PoolTimeoutError",
      holders: [{ label: "test", statement: "SAVEPOINT savepoint_1" }],
    });
    await savepoint.run(insert(2));
    await savepoint.commit();
    await transaction.commit();
    expect(await rows()).toEqual([1, 2]);
  });

  test("keeps what is around it waiting until it ends", async () => {
    const transaction = begin();
    const savepoint = await transaction.savepoint();
    const outside = transaction.run(insert(2));
    const sibling = transaction.savepoint();
    await savepoint.run(insert(1));
    expect(await isPending(outside)).toBe(true);
    await savepoint.rollback();
    await outside;
    await (await sibling).commit();
    await transaction.commit();
    expect(await rows()).toEqual([2]);
  });

  test("that was left open is undone when what is around it ends", async () => {
    for (const end of ["commit", "rollback"] as const) {
      const transaction = begin();
      await transaction.run(insert(end === "commit" ? 1 : 2));
      const savepoint = await transaction.savepoint();
      await (await savepoint.savepoint()).run(insert(3));
      await transaction[end]();
      expect(await rejection(savepoint.run(insert(4)))).toMatchObject({ code: "SESSION_CLOSED" });
      await savepoint.rollback();
    }
    expect(await rows()).toEqual([1]);
    expect(lender.events).toEqual(["acquired", "released", "acquired", "released"]);
  });

  test("tells whether it is within another scope", async () => {
    const transaction = begin();
    const savepoint = await transaction.savepoint();
    const inner = await savepoint.savepoint();
    expect([inner.isWithin(inner), inner.isWithin(savepoint), inner.isWithin(transaction)]).toEqual([
      true,
      true,
      true,
    ]);
    expect(savepoint.isWithin(inner)).toBe(false);
    expect(inner.isWithin(begin())).toBe(false);
    await transaction.rollback();
  });
});

describe("restart()", () => {
  test("ends what was done so far, and the next statement begins anew", async () => {
    const transaction = begin();
    await transaction.run(insert(1));
    await transaction.restart("commit");
    expect(await rows()).toEqual([1]);
    await transaction.run(insert(2));
    expect(await rows()).toEqual([1]);
    await transaction.restart("rollback");
    await transaction.run(insert(3));
    await transaction.commit();
    expect(await rows()).toEqual([1, 3]);
  });

  test("with rollback makes one that SQLite has rolled back usable again", async () => {
    const transaction = begin();
    await transaction.run(insert(1));
    await expect(
      transaction.run((lent) => lent.run("INSERT OR ROLLBACK INTO t VALUES (1)")),
    ).rejects.toThrow();
    expect(await rejection(transaction.restart("commit"))).toMatchObject({ code: "SESSION_CLOSED" });
    await transaction.restart("rollback");
    await transaction.run(insert(2));
    await transaction.commit();
    expect(await rows()).toEqual([2]);
  });

  test("of a savepoint keeps or undoes its own part only", async () => {
    const transaction = begin();
    await transaction.run(insert(1));
    const savepoint = await transaction.savepoint();
    await savepoint.run(insert(2));
    await savepoint.restart("commit");
    await savepoint.run(insert(3));
    await savepoint.restart("rollback");
    await savepoint.run(insert(4));
    await savepoint.commit();
    await transaction.commit();
    expect(await rows()).toEqual([1, 2, 4]);
  });

  test("after the end is refused", async () => {
    const transaction = begin();
    await transaction.run(insert(1));
    await transaction.commit();
    for (const how of ["commit", "rollback"] as const) {
      expect(await rejection(transaction.restart(how))).toMatchObject({ code: "SESSION_CLOSED" });
    }
  });
});
