import type { FactoryProvider, ModuleMetadata, Type } from "@nestjs/common";
import type { SqliteDatabaseOptions } from "..";

interface EntityLoading {
  /**
   * Whether the entities of every `SqliteDatabaseModule.forFeature()` of this application belong to the database,
   * besides those in `entities`.
   *
   * @default true
   */
  readonly autoLoadEntities?: boolean | undefined;
}

interface Named {
  /**
   * What tells several databases of one application apart: the second argument of `forFeature`, `@InjectRepository`,
   * and the argument of `@InjectDatabase`, `@InjectDataSource` and `@InjectEntityManager`.
   *
   * @default "default"
   */
  readonly name?: string | undefined;
}

/** The second argument of `SqliteDatabaseModule.forRoot`: the options of `SqliteDatabase`, and these. */
export interface SqliteDatabaseModuleOptions extends SqliteDatabaseOptions, EntityLoading, Named {}

/** What the factory of `SqliteDatabaseModule.forRootAsync` gives: the arguments of `SqliteDatabase` in one object. */
export interface SqliteDatabaseSettings extends SqliteDatabaseOptions, EntityLoading {
  readonly location: string | URL;
}

/**
 * A provider that knows the settings, for `useClass` and `useExisting`.
 *
 * @example
 * @Injectable()
 * class DatabaseConfig implements SqliteDatabaseOptionsFactory {
 *   createSqliteDatabaseOptions() {
 *     return { location: "./app.db", poolSize: 5 };
 *   }
 * }
 */
export interface SqliteDatabaseOptionsFactory {
  /** @param name of the database that is asked for */
  createSqliteDatabaseOptions(name?: string): Promise<SqliteDatabaseSettings> | SqliteDatabaseSettings;
}

/** Exactly one of `useFactory`, `useClass` and `useExisting`. */
export interface SqliteDatabaseModuleAsyncOptions extends Named, Pick<ModuleMetadata, "imports"> {
  /** What is injected into `useFactory`. */
  readonly inject?: FactoryProvider["inject"];
  readonly useFactory?: FactoryProvider<SqliteDatabaseSettings>["useFactory"];
  /** A class to be constructed for this. */
  readonly useClass?: Type<SqliteDatabaseOptionsFactory>;
  /** A provider of one of the `imports`. */
  readonly useExisting?: Type<SqliteDatabaseOptionsFactory>;
}
