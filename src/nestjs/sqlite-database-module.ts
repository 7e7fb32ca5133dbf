import { type DynamicModule, Module } from "@nestjs/common";
import { TypeOrmModule, type TypeOrmModuleOptions } from "@nestjs/typeorm";
import type { SqliteDatabase } from "..";
import { DEFAULT_NAME, getDatabaseToken } from "./database-token";
import { FeatureEntities } from "./feature-entities";
import type { SqliteDatabaseModuleAsyncOptions, SqliteDatabaseModuleOptions } from "./module-options";
import { SqliteDatabaseCoreModule } from "./sqlite-database-core-module";

/** What is handed to the `dataSourceFactory` of @nestjs/typeorm, by way of its options. */
type Handed = TypeOrmModuleOptions & { readonly opened: SqliteDatabase };

type FeatureList = NonNullable<Parameters<typeof TypeOrmModule.forFeature>[0]>;

/**
 * `SqliteDatabase` for Nest, on @nestjs/typeorm: `@InjectRepository`, `@InjectDataSource` and `@InjectEntityManager`
 * work, `SqliteDatabase` itself and {@link SqliteHealthIndicator} can be injected everywhere, and methods can be
 * {@link Transactional}.
 *
 * The database is open before any provider that it is injected into is constructed. One that cannot be opened fails
 * the start at once, with SQLite's reason. It is closed when the application is, after the requests in flight.
 */
@Module({})
export class SqliteDatabaseModule {
  /**
   * The database of an application, for its root module.
   *
   * @throws ConfigurationError, CorruptDatabaseError, ReadonlyDatabaseError, BusyError: the application does not start
   * @example
   * @Module({ imports: [SqliteDatabaseModule.forRoot("sqlite:///./app.db", { poolSize: 5 }), UsersModule] })
   * class AppModule {}
   */
  static forRoot(location: string | URL, options: SqliteDatabaseModuleOptions = {}): DynamicModule {
    const { name, ...rest } = options;
    return SqliteDatabaseModule.forRootAsync({ name, useFactory: () => ({ ...rest, location }) });
  }

  /**
   * The same with settings that other providers know.
   *
   * @throws ConfigurationError unless it has one of `useFactory`, `useClass` and `useExisting`
   * @example
   * SqliteDatabaseModule.forRootAsync({
   *   inject: [ConfigService],
   *   useFactory: (config: ConfigService) => ({ location: config.getOrThrow("DATABASE"), poolSize: 5 }),
   * })
   */
  static forRootAsync(options: SqliteDatabaseModuleAsyncOptions): DynamicModule {
    const { name = DEFAULT_NAME } = options;
    const core = SqliteDatabaseCoreModule.register(options);
    const typeOrm = TypeOrmModule.forRootAsync({
      name,
      imports: [core],
      inject: [getDatabaseToken(name)],
      useFactory: (opened: SqliteDatabase): Handed => ({
        opened,
        // Here @nestjs/typeorm 11 looks for it when it closes the data source.
        name,
        // What a test put in the place of this database is opened by @nestjs/typeorm, which would try ten times.
        toRetry: () => false,
      }),
      dataSourceFactory: async (handed) => (handed as unknown as Handed).opened.dataSource,
    });
    return { module: SqliteDatabaseModule, imports: [core, typeOrm] };
  }

  /**
   * The repositories that a module injects. Their entities belong to the database without being listed in its
   * `entities`.
   *
   * @param database its name
   * @example
   * @Module({ imports: [SqliteDatabaseModule.forFeature([User])], providers: [UsersService] })
   * class UsersModule {}
   */
  static forFeature(entities: FeatureList = [], database = DEFAULT_NAME): DynamicModule {
    const feature = TypeOrmModule.forFeature(entities, database);
    const wanted = { provide: FeatureEntities, useValue: new FeatureEntities(database, entities) };
    return { ...feature, providers: [...(feature.providers ?? []), wanted] };
  }
}
