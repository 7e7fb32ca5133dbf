import { Inject, type InjectionToken } from "@nestjs/common";
import { SqliteDatabase } from "..";

/** The name of a database that was given none, as @nestjs/typeorm has it. */
export const DEFAULT_NAME = "default";

/**
 * The injection token of a `SqliteDatabase`: the class itself for the one without a name. Tests override it with
 * `overrideProvider(getDatabaseToken("audit"))`; repositories, data source and manager come from it.
 *
 * @example
 * { provide: Report, inject: [getDatabaseToken("audit")], useFactory: (audit: SqliteDatabase) => new Report(audit) }
 */
export function getDatabaseToken(name = DEFAULT_NAME): InjectionToken<SqliteDatabase> {
  return name === DEFAULT_NAME ? SqliteDatabase : `${name}SqliteDatabase`;
}

/**
 * Injects the `SqliteDatabase` of this name. The one without a name can be injected by its class as well.
 *
 * @example
 * constructor(private readonly database: SqliteDatabase, @InjectDatabase("audit") private readonly audit: SqliteDatabase) {}
 */
export function InjectDatabase(name?: string): PropertyDecorator & ParameterDecorator {
  return Inject(getDatabaseToken(name));
}
