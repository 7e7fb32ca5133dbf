export { getDatabaseToken, InjectDatabase } from "./database-token";
export type {
  SqliteDatabaseModuleAsyncOptions,
  SqliteDatabaseModuleOptions,
  SqliteDatabaseOptionsFactory,
  SqliteDatabaseSettings,
} from "./module-options";
export { SqliteDatabaseModule } from "./sqlite-database-module";
export {
  type SqliteHealth,
  SqliteHealthIndicator,
  type SqlitePingOptions,
} from "./sqlite-health-indicator";
export { Transactional, type TransactionalOptions } from "./transactional";
