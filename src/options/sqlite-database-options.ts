import type { ValidatorOptions } from "class-validator";
import type { DataSourceOptions, Logger, NamingStrategyInterface } from "typeorm";
import type { PragmaValue } from "./pragmas";

export { type ResolvedOptions, resolveOptions } from "./resolve-options";

type TypeOrmOption<Key extends "entities" | "migrations" | "subscribers" | "cache"> = NonNullable<
  DataSourceOptions[Key]
>;

/**
 * The second argument of `SqliteDatabase`. Everything is optional, `undefined` means the default, and all times are in
 * seconds.
 *
 * @example
 * new SqliteDatabase("sqlite:///app.db", { entities: [User], poolSize: 5, pragmas: { synchronous: "FULL" } });
 */
export interface SqliteDatabaseOptions {
  /**
   * The tables that this database manages: decorated classes, `EntitySchema`s or glob strings, in an array or as
   * `import * as entities` gives them.
   *
   * @default []
   */
  readonly entities?: TypeOrmOption<"entities"> | undefined;
  /**
   * Log every statement with its parameters and duration: `true` to the console, or a TypeORM `Logger`.
   *
   * @default false
   */
  readonly echo?: boolean | Logger | undefined;
  /**
   * The most reader connections that are kept open. At least 1.
   *
   * @default 20
   */
  readonly poolSize?: number | undefined;
  /**
   * Reader connections beyond `poolSize`, closed when given back. `-1` is no limit.
   *
   * @default 10
   */
  readonly maxOverflow?: number | undefined;
  /**
   * Seconds to wait for a connection, for the writer's turn, or (at least 1) for a savepoint in one's own session to
   * end, from 0 to 3600.
   *
   * @default 30
   */
  readonly poolTimeout?: number | undefined;
  /**
   * Seconds after which a connection is replaced at its next use. `-1` is never.
   *
   * @default 3600
   */
  readonly poolRecycle?: number | undefined;
  /**
   * Test a connection that has been idle before handing it out, and replace it if the test fails.
   *
   * @default true
   */
  readonly poolPrePing?: boolean | undefined;
  /**
   * Create the tables that are missing on `init()`. Never alters or drops one.
   *
   * @default true
   */
  readonly createAll?: boolean | undefined;
  /**
   * TypeORM's full schema synchronization on `init()`, which alters tables.
   *
   * @default false
   */
  readonly synchronize?: boolean | undefined;
  /**
   * Seconds to keep trying while another process holds the lock, from 0 to 3600. The event loop stays free meanwhile.
   *
   * @default 5
   */
  readonly busyTimeout?: number | undefined;
  /**
   * Seconds that `close()` waits for work in flight before it interrupts it, from 0 to 3600.
   *
   * @default 10
   */
  readonly closeTimeout?: number | undefined;
  /**
   * Validate with class-validator every entity that is about to be inserted or updated, also by `insert()`, `update()`,
   * `upsert()` and query builders; `ValidatorOptions` to say how, `false` for not at all. Classes without decorators of
   * class-validator cost nothing.
   *
   * An update is validated for what it sets. A column with a default need not be given. Embedded objects are validated
   * with their entity; related entities, and properties that are not stored, are not. Validators that are
   * `async` run before TypeORM's listeners and subscribers, all others after them.
   *
   * @default true
   */
  readonly validate?: boolean | ValidatorOptions | undefined;
  /**
   * Pragmas for every connection, beyond or instead of the default ones (see `DEFAULT_PRAGMAS`), such as
   * `{ synchronous: "FULL" }`, the setting that loses nothing at a power loss.
   *
   * @default {}
   */
  readonly pragmas?: Readonly<Record<string, PragmaValue>> | undefined;
  /**
   * Migration classes or glob strings, as TypeORM takes them.
   *
   * @default []
   */
  readonly migrations?: TypeOrmOption<"migrations"> | undefined;
  /**
   * Run pending migrations on `init()`.
   *
   * @default false
   */
  readonly migrationsRun?: boolean | undefined;
  /**
   * Subscriber classes or glob strings, as TypeORM takes them.
   *
   * @default []
   */
  readonly subscribers?: TypeOrmOption<"subscribers"> | undefined;
  /**
   * How tables and columns are named.
   *
   * @default TypeORM's `DefaultNamingStrategy`
   */
  readonly namingStrategy?: NamingStrategyInterface | undefined;
  /**
   * TypeORM's cache of query results: `true` keeps it in a table, an object says where and for how long (its
   * `duration` is TypeORM's, in milliseconds).
   *
   * @default false
   */
  readonly cache?: TypeOrmOption<"cache"> | undefined;
}
