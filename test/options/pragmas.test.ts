import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Database } from "sqlite3";
import { pragmaMatches } from "../../src/options/pragma-matches";
import { DEFAULT_PRAGMAS, mergePragmas, type PragmaValue, pragmaStatement } from "../../src/options/pragmas";

const names = (overrides?: Record<string, PragmaValue>) => mergePragmas(overrides).map(({ name }) => name);

describe("mergePragmas", () => {
  test("without overrides, the defaults of the design in their order", () => {
    expect(mergePragmas()).toEqual(DEFAULT_PRAGMAS);
    expect(DEFAULT_PRAGMAS.map(({ name, value }) => [name, value])).toEqual([
      ["foreign_keys", "ON"],
      ["journal_mode", "WAL"],
      ["synchronous", "NORMAL"],
      ["busy_timeout", 0],
      ["cache_size", -16_000],
      ["journal_size_limit", 64 * 1024 * 1024],
      ["trusted_schema", "OFF"],
      ["mmap_size", 0],
    ]);
  });

  test("an override takes the place of the default, and new ones follow as given", () => {
    const merged = mergePragmas({ temp_store: "MEMORY", synchronous: "FULL", recursive_triggers: true });
    expect(merged[2]).toEqual({ name: "synchronous", value: "FULL", scope: "connection" });
    expect(merged.slice(8)).toEqual([
      { name: "temp_store", value: "MEMORY", scope: "connection" },
      { name: "recursive_triggers", value: "ON", scope: "connection" },
    ]);
  });

  test("names are lower-cased, and the later of two spellings counts", () => {
    for (const overrides of [
      { Foreign_Keys: true, foreign_keys: false },
      { foreign_keys: true, FOREIGN_KEYS: false },
    ]) {
      const merged = mergePragmas(overrides);
      expect(merged[0]).toEqual({ name: "foreign_keys", value: "OFF", scope: "connection" });
      expect(merged).toHaveLength(DEFAULT_PRAGMAS.length);
    }
  });

  test("what lays out the file comes before WAL, and the size of its pages before the rest", () => {
    const order = names({ temp_store: "FILE", encoding: "UTF-16", auto_vacuum: "FULL", page_size: 8192 });
    expect(order.slice(0, 4)).toEqual(["page_size", "auto_vacuum", "encoding", "foreign_keys"]);
  });

  test("what is kept in the file is the writer's to set", () => {
    const merged = mergePragmas({ page_size: 8192, user_version: 3, application_id: 7, temp_store: "FILE" });
    const ofFile = merged.filter(({ scope }) => scope === "file").map(({ name }) => name);
    expect(ofFile).toEqual(["page_size", "journal_mode", "user_version", "application_id"]);
  });

  test("the defaults cannot be changed", () => {
    expect(Object.isFrozen(DEFAULT_PRAGMAS)).toBe(true);
    expect(Object.isFrozen(DEFAULT_PRAGMAS[0])).toBe(true);
  });
});

describe("pragmaMatches", () => {
  test.each<[string, PragmaValue, unknown]>([
    ["foreign_keys", "ON", 0],
    ["foreign_keys", true, 0],
    ["foreign_keys", "off", 1],
    ["journal_mode", "WAL", "delete"],
    ["journal_mode", "WAL", "memory"],
    ["synchronous", "NORMAL", 2],
    ["synchronous", "FULL", 1],
    ["temp_store", "MEMORY", 0],
    ["temp_store", "true", 0],
    ["cache_size", -16_000, -2000],
    ["mmap_size", 0, 1_048_576],
    ["encoding", "UTF-8", "UTF-16le"],
    ["encoding", "UTF-16", "UTF-8"],
    ["cache_spill", "OFF", 483],
    ["cache_spill", "ON", 0],
    ["foreign_key", "ON", undefined],
    ["foreign_keys", false, null],
    ["application_id", 0, ""],
  ])("%s = %p is not what reads back as %p", (name, wanted, readBack) => {
    expect(pragmaMatches(name, wanted, readBack)).toBe(false);
  });

  test.each<[string, PragmaValue, unknown]>([
    ["foreign_keys", "yes", 1],
    ["foreign_keys", "no", 0],
    ["FOREIGN_KEYS", "True", 1],
    ["Synchronous", "FULL", 2],
    ["synchronous", "off", 0],
    ["synchronous", 3, "3"],
    ["journal_mode", "wal", "WAL"],
    ["cache_size", "-16000", -16_000],
    ["case_sensitive_like", true, undefined],
  ])("%s = %p is what reads back as %p", (name, wanted, readBack) => {
    expect(pragmaMatches(name, wanted, readBack)).toBe(true);
  });
});

describe.each(["in memory", "in a file"])("on a real connection %s", (where) => {
  let folder: string;
  let database: Database;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "pragmas-"));
    database = await open(where === "in memory" ? ":memory:" : join(folder, "app.db"));
  });

  afterEach(async () => {
    await close(database);
    rmSync(folder, { recursive: true });
  });

  /** Applies pragmas as a writer does, and returns those that did not take. */
  async function failing(overrides?: Record<string, PragmaValue>): Promise<string[]> {
    const pragmas = mergePragmas(overrides).filter(
      ({ name }) => where === "in a file" || name !== "journal_mode",
    );
    for (const pragma of pragmas) await firstValue(database, pragmaStatement(pragma));
    const failed: string[] = [];
    for (const { name, value } of pragmas) {
      if (!pragmaMatches(name, value, await firstValue(database, `PRAGMA ${name}`))) failed.push(name);
    }
    return failed;
  }

  test("every default is applied and reads back", async () => {
    expect(await failing()).toEqual([]);
  });

  test.each<[string, PragmaValue]>([
    ["foreign_keys", false],
    ["foreign_keys", "no"],
    ["foreign_keys", "Yes"],
    ["synchronous", "OFF"],
    ["synchronous", "NORMAL"],
    ["synchronous", "full"],
    ["synchronous", "EXTRA"],
    ["synchronous", 2],
    ["cache_size", -2000],
    ["cache_size", "500"],
    ["journal_size_limit", -1],
    ["trusted_schema", true],
    ["mmap_size", 1_048_576],
    ["temp_store", "DEFAULT"],
    ["temp_store", "FILE"],
    ["temp_store", "memory"],
    ["auto_vacuum", "NONE"],
    ["auto_vacuum", "FULL"],
    ["auto_vacuum", "Incremental"],
    ["page_size", 8192],
    ["encoding", "UTF-16"],
    ["encoding", "utf-16BE"],
    ["encoding", "UTF8"],
    ["secure_delete", "FAST"],
    ["secure_delete", true],
    ["cache_spill", false],
    ["cache_spill", "ON"],
    ["cache_spill", 50],
    ["case_sensitive_like", true],
    ["recursive_triggers", "on"],
    ["wal_autocheckpoint", 500],
    ["locking_mode", "NORMAL"],
    ["user_version", 7],
    ["Cell_Size_Check", 1],
  ])("%s = %p is applied and reads back", async (name, value) => {
    expect(await failing({ [name]: value })).toEqual([]);
  });

  test("what lays out the file is applied in whatever order it is given", async () => {
    const layout = { encoding: "UTF-16", auto_vacuum: "INCREMENTAL", page_size: 1024 };
    expect(await failing(layout)).toEqual([]);
  });

  test("a pragma that SQLite does not know, or caps, is noticed", async () => {
    expect(await failing({ foreign_key: true, threads: 1000, synchronous: "FULL" })).toEqual([
      "foreign_key",
      "threads",
    ]);
  });
});

describe("journal_mode", () => {
  test.each(["DELETE", "truncate", "PERSIST", "MEMORY", "OFF", "Wal"])(
    "%s reads back on a file",
    async (mode) => {
      const folder = mkdtempSync(join(tmpdir(), "pragmas-"));
      const database = await open(join(folder, "app.db"));
      try {
        await firstValue(database, pragmaStatement({ name: "journal_mode", value: mode }));
        const readBack = await firstValue(database, "PRAGMA journal_mode");
        expect(pragmaMatches("journal_mode", mode, readBack)).toBe(true);
        expect(pragmaMatches("journal_mode", mode === "Wal" ? "DELETE" : "WAL", readBack)).toBe(false);
      } finally {
        await close(database);
        rmSync(folder, { recursive: true });
      }
    },
  );
});

function open(path: string): Promise<Database> {
  return new Promise((resolve, reject) => {
    const database = new Database(path, (error) => (error ? reject(error) : resolve(database)));
  });
}

function close(database: Database): Promise<void> {
  return new Promise((resolve, reject) => {
    database.close((error) => (error ? reject(error) : resolve()));
  });
}

function firstValue(database: Database, sql: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    database.all(sql, (error: Error | null, rows: Record<string, unknown>[]) => {
      if (error) reject(error);
      else resolve(Object.values(rows[0] ?? {})[0]);
    });
  });
}
