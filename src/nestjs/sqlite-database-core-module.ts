import {
  type DynamicModule,
  Global,
  Module,
  type OnApplicationShutdown,
  type Provider,
} from "@nestjs/common";
import { ModulesContainer } from "@nestjs/core";
import { ConfigurationError, SqliteDatabase } from "..";
import { DEFAULT_NAME, getDatabaseToken } from "./database-token";
import { withFeatures } from "./feature-entities";
import type {
  SqliteDatabaseModuleAsyncOptions,
  SqliteDatabaseOptionsFactory,
  SqliteDatabaseSettings,
} from "./module-options";
import { checkProviders } from "./provider-check";
import { SqliteHealthIndicator } from "./sqlite-health-indicator";

const SETTINGS = Symbol("settings of the database");
const CLOSING = Symbol("closing of the database");

/** Opens the database while the application starts, and closes it when that shuts down. */
@Global()
@Module({})
export class SqliteDatabaseCoreModule {
  static register(options: SqliteDatabaseModuleAsyncOptions): DynamicModule {
    const { name = DEFAULT_NAME, imports = [] } = options;
    const token = getDatabaseToken(name);
    const database: Provider = {
      provide: token,
      inject: [ModulesContainer, SETTINGS],
      useFactory: async (modules: ModulesContainer, settings: SqliteDatabaseSettings) => {
        checkProviders(modules);
        return await make(settings, modules, name).init();
      },
    };
    const closing: Provider = {
      provide: CLOSING,
      inject: [token],
      // @nestjs/typeorm closes the data source, which is another one where a test has overridden that.
      useFactory: (opened: SqliteDatabase): OnApplicationShutdown => ({
        onApplicationShutdown: () => opened.close(),
      }),
    };
    return {
      module: SqliteDatabaseCoreModule,
      imports,
      providers: [...settingsOf(options), database, closing, SqliteHealthIndicator],
      exports: [token, SqliteHealthIndicator],
    };
  }
}

function settingsOf(options: SqliteDatabaseModuleAsyncOptions): Provider[] {
  const { name, inject = [], useFactory, useClass, useExisting } = options;
  const given = [useFactory, useClass, useExisting].filter((source) => source !== undefined);
  if (given.length !== 1) {
    throw new ConfigurationError(
      `SqliteDatabaseModule.forRootAsync() takes one of useFactory, useClass and useExisting, and got ${given.length}.`,
    );
  }
  if (useFactory) return [{ provide: SETTINGS, inject, useFactory }];
  const settings: Provider = {
    provide: SETTINGS,
    inject: [(useClass ?? useExisting)!],
    useFactory: (factory: SqliteDatabaseOptionsFactory) => factory.createSqliteDatabaseOptions(name),
  };
  return useClass ? [settings, useClass] : [settings];
}

function make(settings: SqliteDatabaseSettings, modules: ModulesContainer, name: string): SqliteDatabase {
  if (typeof settings !== "object" || settings === null || !("location" in settings)) {
    throw new ConfigurationError(
      'The settings of a database must be an object with its location, such as { location: "./app.db", poolSize: 5 }.',
    );
  }
  if ("name" in settings) {
    throw new ConfigurationError(
      "The name of a database belongs beside useFactory, useClass or useExisting, not into what that gives: Nest must " +
        "know the name before.",
    );
  }
  const { location, autoLoadEntities = true, entities = [], ...options } = settings;
  return new SqliteDatabase(location, {
    ...options,
    entities: autoLoadEntities ? withFeatures(entities, modules, name) : entities,
  });
}
