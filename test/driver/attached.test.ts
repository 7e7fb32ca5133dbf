import { existsSync } from "node:fs";
import { EntitySchema } from "typeorm";
import { movableClock } from "../support/clock";
import { dataSources } from "../support/data-sources";
import { rawRead } from "../support/raw-database";
import { temporaryFolder } from "../support/temporary-folder";

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
