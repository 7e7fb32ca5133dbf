import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { EntitySchema } from "typeorm";
import { SqliteDataSource } from "../../src/driver/sqlite-data-source";
import { BusyError, ConfigurationError, CorruptDatabaseError } from "../../src/errors";
import { movableClock } from "../support/clock";
import { dataSources, rejection } from "../support/data-sources";
import { openFiles } from "../support/open-files";
import { RawDatabase, rawExec, rawRead } from "../support/raw-database";
import { temporaryFolder } from "../support/temporary-folder";
import { within } from "../support/within";

// Entities with a `database` of their own, which TypeORM attaches: every connection has to have it.

interface Row {
  id: number;
  text: string;
}

const open = dataSources();
const folder = temporaryFolder();
const clock = movableClock();

const schema = (name: string, database?: string): EntitySchema<Row> =>
  new EntitySchema<Row>({
    name,
    ...(database !== undefined && { database }),
    columns: { id: { type: Number, primary: true, generated: true }, text: { type: String } },
  });

test.each([
  ["beside the main file", () => folder.file("main.db"), () => "deep/far.db", "deep/far.db"],
  ["at an absolute path", () => folder.file("main.db"), () => folder.file("far.db"), "far.db"],
  ["beside a database in memory", () => ":memory:", () => folder.file("far.db"), "far.db"],
])("%s it is made, and is there on every connection", async (_, main, location, file) => {
  const [Near, Far] = [schema("near"), schema("far", location())];
  const dataSource = await open({
    database: main(),
    entities: [Near, Far],
    synchronize: true,
    poolSize: 2,
    poolRecycle: 60,
    poolTimeout: 20,
    closeTimeout: 1,
  });
  expect(existsSync(folder.file(file))).toBe(true);
  for (let round = 1; round <= 3; round++) {
    await dataSource.transaction(async (manager) => {
      await manager.insert(Near, { text: "near" });
      await manager.insert(Far, { text: "far" });
    });
    const lost = dataSource.transaction(async (manager) => {
      await manager.insert(Far, { text: "lost" });
      throw new Error("deliberate");
    });
    await expect(lost).rejects.toThrow("deliberate");
    const counts = await Promise.all(Array.from({ length: 6 }, () => dataSource.manager.count(Far)));
    expect(counts).toEqual(counts.map(() => round));
    // Synchronizing takes the writer for itself, and recycling replaces connections.
    await dataSource.synchronize();
    clock.advance(61_000);
  }
  expect(await rawRead(folder.file(file), "SELECT text FROM far")).toHaveLength(3);
  await dataSource.destroy();
  expect(existsSync(`${folder.file(file)}-wal`)).toBe(false);
});

test("a column that is added to the entity is added to the attached database", async () => {
  const database = folder.file("far.db");
  const options = { database: folder.file("main.db"), synchronize: true };
  const before = await open({ ...options, entities: [schema("far", database)] });
  await before.manager.insert("far", { text: "kept" });
  await before.destroy();
  const wider = new EntitySchema<Row & { added: number }>({
    name: "far",
    database,
    columns: {
      id: { type: Number, primary: true, generated: true },
      text: { type: String },
      added: { type: Number, default: 7 },
    },
  });
  const after = await open({ ...options, entities: [wider] });
  expect(await after.manager.find(wider)).toEqual([{ id: 1, text: "kept", added: 7 }]);
});

describe("one that cannot be opened is at once the error that it would be for the main file, with its place:", () => {
  const openWith = (database: string, mode = "", busyTimeout = 0.2) =>
    within(
      5,
      rejection(
        open({ database: folder.file("main.db") + mode, busyTimeout, entities: [schema("far", database)] }),
      ),
    );
  const far = () => folder.file("far.db");

  afterEach(() => expect(openFiles(folder.path)).toEqual([]));

  test("no database", async () => {
    writeFileSync(far(), "this is a letter and no database, and long enough to be told apart".repeat(20));
    const refused = await openWith(far());
    expect(refused).toBeInstanceOf(CorruptDatabaseError);
    expect(refused.message).toContain(far());
  });

  test("locked by another", async () => {
    await rawExec(far(), "CREATE TABLE t (n)");
    const raw = await RawDatabase.open(far());
    await raw.exec("BEGIN EXCLUSIVE");
    const refused = await openWith(far());
    expect(refused).toBeInstanceOf(BusyError);
    expect(refused.message).toContain(far());
    await raw.close();
  });

  test.each(["?mode=rw", "?mode=ro"])("missing, opened with %s, and nothing is made", async (mode) => {
    await rawExec(folder.file("main.db"), "CREATE TABLE t (n)");
    for (const database of [far(), folder.file("deep/far.db")]) {
      const refused = await openWith(database, mode);
      expect(refused).toBeInstanceOf(ConfigurationError);
      expect(refused.message).toContain(database);
    }
    expect(readdirSync(folder.path)).toEqual(["main.db"]);
  });

  test("in a folder that cannot be made, because a file is in its place", async () => {
    writeFileSync(folder.file("taken"), "");
    const refused = await openWith(folder.file("taken/far.db"));
    expect(refused).toBeInstanceOf(ConfigurationError);
    expect(refused.message).toContain("taken/far.db");
  });

  test("and it can be opened later, by the same data source", async () => {
    writeFileSync(far(), "not yet ".repeat(200));
    const Far = schema("far", far());
    const dataSource = new SqliteDataSource({
      database: folder.file("main.db"),
      entities: [Far],
      synchronize: true,
    });
    expect(await rejection(dataSource.initialize())).toBeInstanceOf(CorruptDatabaseError);
    rmSync(far());
    await dataSource.initialize();
    expect(await dataSource.manager.count(Far)).toBe(0);
    await dataSource.destroy();
  });
});
