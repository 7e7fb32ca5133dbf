import type { Logger } from "typeorm";

/** For what TypeORM logs unasked, such as a migration that fails, which the test expects. */
export class SilentLogger implements Logger {
  logQuery(_query: string, _parameters?: unknown[]): void {}
  logQueryError(_error: string | Error, _query: string): void {}
  logQuerySlow(): void {}
  logSchemaBuild(_message: string): void {}
  logMigration(_message: string): void {}
  log(): void {}
}
