import { createHash } from "node:crypto";
import { type SqliteDatabaseOptions, SqliteDataSource } from "..";

interface Known {
  readonly parts: readonly unknown[];
  readonly fingerprint: Promise<string>;
}

/** What was asked for in this process: a test file mostly asks for the same again. */
const known: Known[] = [];

/** Tells schemas apart that differ: by what TypeORM has found out about the entities, the migrations and the options. */
export function fingerprintOf(options: SqliteDatabaseOptions): Promise<string> {
  const { entities = [], migrations = [], namingStrategy, createAll, synchronize, migrationsRun } = options;
  const settings = textOf({
    createAll,
    synchronize,
    migrationsRun,
    pragmas: options.pragmas,
    cache: options.cache,
  });
  const parts = [...listOf(entities), "|", ...listOf(migrations), "|", namingStrategy, settings];
  const earlier = known.find((one) => isSame(one.parts, parts));
  if (earlier) return earlier.fingerprint;
  const fingerprint = new Metadata({
    database: ":memory:",
    entities,
    migrations,
    ...(namingStrategy && { namingStrategy }),
  }).fingerprint(settings);
  known.push({ parts, fingerprint });
  return fingerprint;
}

/** A data source that never connects. */
class Metadata extends SqliteDataSource {
  async fingerprint(settings: string): Promise<string> {
    await this.buildMetadatas();
    const tables = this.entityMetadatas.map((entity) => [
      ownValues(entity),
      ...[entity.columns, entity.indices, entity.uniques, entity.checks, entity.foreignKeys].map((parts) =>
        parts.map(ownValues),
      ),
    ]);
    const migrations = this.migrations.map((migration) => [migration.name, String(migration.constructor)]);
    return createHash("sha256")
      .update(textOf([settings, tables, migrations]))
      .digest("hex")
      .slice(0, 32);
  }
}

/** What an object of metadata says itself, and not the others that it refers to. */
function ownValues(metadata: object): [string, unknown][] {
  return Object.entries(metadata).filter(([, value]) => isPlain(value));
}

function isPlain(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(isPlain);
  if (typeof value !== "object" || value === null) return true;
  // By name, for jest gives each test file an `Object` of its own.
  return ["Object", "Date"].includes(value.constructor?.name ?? "Object");
}

function textOf(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === "function" || typeof part === "bigint" || part instanceof RegExp ? String(part) : part,
  );
}

function listOf(given: object): readonly unknown[] {
  return Object.values(given);
}

function isSame(one: readonly unknown[], other: readonly unknown[]): boolean {
  return one.length === other.length && one.every((part, index) => part === other[index]);
}
