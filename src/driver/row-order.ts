import type { EntityManager, EntityMetadata, ObjectLiteral } from "typeorm";
import type { ColumnMetadata } from "typeorm/metadata/ColumnMetadata.js";
import type { ForeignKeyMetadata } from "typeorm/metadata/ForeignKeyMetadata.js";
import type { Subject } from "typeorm/persistence/Subject.js";
import { OrmUtils } from "typeorm/util/OrmUtils.js";
import { textOfKey } from "./row-key";
import type { SqliteQueryRunner } from "./sqlite-query-runner";

/** What one statement names by its ids: SQLite has a limit on its parameters (https://sqlite.org/limits.html). */
export const MOST_SUBJECTS = 500;

type StoredRow = ReadonlyMap<ColumnMetadata, unknown>;

/** New rows of one table, each after those of them that it refers to. */
export function referredFirst(subjects: readonly Subject[], metadata: EntityMetadata): Subject[] {
  const byKey = lookUpsByKey(
    subjects,
    ownKeys(metadata),
    ({ entity }, column) => entity && valueIn(entity, column),
  );
  return sorted(subjects, [...byKey, ...lookUpsByEntity(subjects, metadata)]);
}

/** Rows of one table, each before those of them that it refers to, by what is in the database. */
export async function referringFirst(
  runner: SqliteQueryRunner,
  subjects: readonly Subject[],
  metadata: EntityMetadata,
): Promise<Subject[]> {
  const { primaryColumns } = metadata;
  const rows = new Map<string | undefined, StoredRow>();
  for (const row of await readRows(runner, subjects, metadata)) {
    const id = (column: ColumnMetadata) => runner.driver.prepareHydratedValue(row.get(column), column);
    rows.set(textOfKey(primaryColumns.map(id)), row);
  }
  const rowOf = ({ identifier }: Subject) =>
    rows.get(textOfKey(primaryColumns.map((column) => column.getEntityValue(identifier!))));
  const reversed = [...subjects].reverse();
  const byKey = lookUpsByKey(reversed, ownKeys(metadata), (subject, column) => rowOf(subject)?.get(column));
  return sorted(reversed, byKey).reverse();
}

/** The foreign keys by which rows of a table refer to others of it. */
export function ownKeys(metadata: EntityMetadata): ForeignKeyMetadata[] {
  // TypeORM has those of a single-table inheritance at its root only.
  const { foreignKeys, tablePath } = metadata.parentEntityMetadata ?? metadata;
  return foreignKeys.filter(
    ({ referencedEntityMetadata }) => referencedEntityMetadata.tablePath === tablePath,
  );
}

/** As they are stored: the columns of the id, and those of references to others of the table. */
async function readRows(
  runner: SqliteQueryRunner,
  subjects: readonly Subject[],
  metadata: EntityMetadata,
): Promise<StoredRow[]> {
  const keys = ownKeys(metadata).flatMap(({ columns, referencedColumns }) => [
    ...columns,
    ...referencedColumns,
  ]);
  const columns = [...new Set([...metadata.primaryColumns, ...keys])];
  const stored: StoredRow[] = [];
  for (const some of OrmUtils.chunk([...subjects], MOST_SUBJECTS)) {
    const { manager } = runner as SqliteQueryRunner & { manager: EntityManager };
    const builder = manager.createQueryBuilder(metadata.target, "row").withDeleted().select([]);
    for (const [index, { databaseName }] of columns.entries())
      builder.addSelect(`${builder.escape("row")}.${builder.escape(databaseName)}`, `column_${index}`);
    const rows: ObjectLiteral[] = await builder
      .whereInIds(some.map(({ identifier }) => identifier))
      .getRawMany();
    for (const row of rows)
      stored.push(new Map(columns.map((column, index) => [column, row[`column_${index}`]])));
  }
  return stored;
}

/** What an entity has in a column, without loading a lazy relation for it. */
function valueIn(entity: ObjectLiteral, column: ColumnMetadata): unknown {
  const { relationMetadata: relation } = column;
  const isLoaded = !relation?.isLazy || relation.getEntityValue(entity) !== undefined;
  return isLoaded ? column.getEntityValue(entity) : undefined;
}

/** What a row refers to among others of its table. */
type LookUp<Row> = (row: Row) => Row | undefined;

function lookUpsByKey<Row>(
  rows: readonly Row[],
  keys: readonly ForeignKeyMetadata[],
  read: (row: Row, column: ColumnMetadata) => unknown,
): LookUp<Row>[] {
  return keys.map(({ columns, referencedColumns }) => {
    const key = (of: ColumnMetadata[], row: Row) => textOfKey(of.map((column) => read(row, column)));
    const targets = new Map(rows.map((row) => [key(referencedColumns, row), row]));
    targets.delete(undefined);
    return (row: Row) => targets.get(key(columns, row));
  });
}

/** By the entities themselves, whose ids may not be known yet. */
function lookUpsByEntity(
  subjects: readonly Subject[],
  { relationsWithJoinColumns, tablePath }: EntityMetadata,
) {
  const own = relationsWithJoinColumns.filter(
    ({ inverseEntityMetadata }) => inverseEntityMetadata.tablePath === tablePath,
  );
  const byEntity = new Map<unknown, Subject>(subjects.map((subject) => [subject.entity, subject]));
  byEntity.delete(undefined);
  return own.map(
    (relation): LookUp<Subject> =>
      ({ entity }) =>
        entity && byEntity.get(relation.getEntityValue(entity)),
  );
}

/** The rows, each after those that it refers to; else in the order they have. */
function sorted<Row extends object>(rows: readonly Row[], lookUps: readonly LookUp<Row>[]): Row[] {
  const ordered: Row[] = [];
  const entered = new Set<Row>();
  // Not by recursion: a chain of rows may be longer than the stack.
  const path: Row[] = [];
  const enter = (row: Row | undefined): boolean => {
    if (!row || entered.has(row)) return false;
    entered.add(row);
    path.push(row);
    return true;
  };
  for (const row of rows) {
    enter(row);
    for (let last = path.at(-1); last; last = path.at(-1)) {
      const from = last;
      if (!lookUps.some((lookUp) => enter(lookUp(from)))) ordered.push(path.pop()!);
    }
  }
  return ordered;
}
