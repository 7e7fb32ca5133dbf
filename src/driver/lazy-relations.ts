import type { QueryRunner } from "typeorm";
import type { RelationMetadata } from "typeorm/metadata/RelationMetadata.js";
import { RelationLoader } from "typeorm/query-builder/RelationLoader.js";
import type { SqliteDataSource } from "./sqlite-data-source";
import type { SqliteQueryRunner } from "./sqlite-query-runner";

/**
 * TypeORM's, for lazy relations that are touched after the end of the session their entity is from: they load outside
 * of it, as after a transaction of TypeORM's. One that cannot be loaded rejects for who awaits it, where TypeORM's also
 * rejects for nobody, which ends the process, and is not loaded again.
 */
export class LazyRelations extends RelationLoader {
  override enableLazyLoad(relation: RelationMetadata, entity: any, queryRunner?: QueryRunner): void {
    super.enableLazyLoad(relation, entity, queryRunner);
    const { propertyName } = relation;
    const own = Object.getOwnPropertyDescriptor(entity, propertyName)!;
    // Where TypeORM looks for it.
    const [data, loaded, promise] = [
      `__${propertyName}__`,
      `__has_${propertyName}__`,
      `__promise_${propertyName}__`,
    ];
    const load = async (of: any): Promise<unknown> => {
      const rows = await this.load(relation, of, runnerOf(queryRunner as SqliteQueryRunner | undefined));
      return relation.isOneToOne || relation.isManyToOne ? (rows[0] ?? null) : rows;
    };
    Object.defineProperty(entity, propertyName, {
      ...own,
      get(this: any) {
        if (this[loaded] === true || this[data] !== undefined || this[promise]) return own.get!.call(this);
        const loading = load(this);
        this[promise] = loading;
        const isAwaited = () => this[promise] === loading;
        loading.then(
          (value) => isAwaited() && own.set!.call(this, value),
          () => isAwaited() && delete this[promise],
        );
        return loading;
      },
    });
  }
}

/** One of the innermost session that is still open; `undefined` for one of its own, outside of them. */
function runnerOf(runner: SqliteQueryRunner | undefined): QueryRunner | undefined {
  const joined = runner?.joined;
  if (!joined || joined.isOpen) return runner;
  let scope = joined.parent;
  while (scope && !scope.isOpen) scope = scope.parent;
  return scope && (runner.dataSource as SqliteDataSource).createScopedQueryRunner(scope);
}
