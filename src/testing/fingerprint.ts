import { createHash } from "node:crypto";
import { type SqliteDatabaseOptions, SqliteDataSource } from "..";

/** More of one schema, told apart by what functions give, are not worth a template each. */
const MOST_VARIANTS = 8;

interface Schema {
  readonly fingerprint: string;
  /** What TypeORM calls to make the schema. */
  readonly functions: readonly (() => unknown)[];
}

interface Known {
  readonly parts: readonly unknown[];
  readonly schema: Promise<Schema>;
}

/** What was asked for in this process: a test file mostly asks for the same again. */
const known: Known[] = [];

/** What the functions of a schema have given in this process, by its fingerprint. */
const variants = new Map<string, Set<string>>();

/**
 * Tells schemas apart that differ: by what TypeORM has found out about the entities, the migrations and the options.
 *
 * @returns `undefined` for a schema that is mostly another one the next time
 */
export async function fingerprintOf(options: SqliteDatabaseOptions): Promise<string | undefined> {
  const { fingerprint, functions } = await schemaOf(options);
  if (functions.length === 0) return fingerprint;
  const given = textOf(functions.map(outcomeOf));
  if (given !== textOf(functions.map(outcomeOf))) return undefined;
  const seen = variants.get(fingerprint) ?? new Set();
  variants.set(fingerprint, seen);
  if (!seen.has(given) && seen.size >= MOST_VARIANTS) return undefined;
  seen.add(given);
  return digestOf([fingerprint, given]);
}

function schemaOf(options: SqliteDatabaseOptions): Promise<Schema> {
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
  if (earlier) return earlier.schema;
  const schema = new Metadata({
    database: ":memory:",
    entities,
    migrations,
    ...(namingStrategy && { namingStrategy }),
  }).schema(settings);
  known.push({ parts, schema });
  return schema;
}

/** A data source that never connects. */
class Metadata extends SqliteDataSource {
  async schema(settings: string): Promise<Schema> {
    await this.buildMetadatas();
    const tables = this.entityMetadatas.map((entity) => [
      ownValues(entity),
      ...[entity.columns, entity.indices, entity.uniques, entity.checks, entity.foreignKeys].map((parts) =>
        parts.map(ownValues),
      ),
    ]);
    const migrations = this.migrations.map((migration) => [migration.name, String(migration.constructor)]);
    const defaults = this.entityMetadatas.flatMap(({ columns }) => columns.map((column) => column.default));
    const views = this.entityMetadatas.map(
      ({ expression: view }) => typeof view === "function" && (() => view(this).getQuery()),
    );
    const functions = [...defaults, ...views].filter((part) => typeof part === "function");
    return { fingerprint: digestOf([settings, tables, migrations]), functions };
  }
}

/** One that throws does so again for who makes the schema, where it matters. */
function outcomeOf(give: () => unknown): unknown {
  try {
    return give();
  } catch {
    return undefined;
  }
}

function digestOf(parts: unknown): string {
  return createHash("sha256").update(textOf(parts)).digest("hex").slice(0, 32);
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
