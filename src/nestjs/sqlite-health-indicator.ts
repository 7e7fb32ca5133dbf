import { inspect } from "node:util";
import { Inject, Injectable } from "@nestjs/common";
import { ModuleRef } from "@nestjs/core";
import { ConfigurationError, type DatabaseStats, SqliteDatabase } from "..";
import { getDatabaseToken } from "./database-token";

const LONGEST_TIMEOUT = 60;

/** How a database is checked. */
export interface SqlitePingOptions {
  /**
   * Seconds that the whole check may take, waiting for a connection included; not milliseconds, as terminus has them.
   *
   * @default 1
   */
  readonly timeout?: number | undefined;
  /**
   * The name of the database.
   *
   * @default "default"
   */
  readonly database?: string | undefined;
}

/** What a check found, beside the figures of the pool. */
export interface SqliteHealth extends Pick<DatabaseStats, "readers" | "writer"> {
  readonly status: "up" | "down";
  /** Seconds that the check took. */
  readonly duration: number;
  /** Why it is down. */
  readonly message?: string;
}

/**
 * A health indicator for @nestjs/terminus, which {@link SqliteDatabaseModule} provides everywhere. It does not need
 * terminus to be installed.
 *
 * @example
 * @Get("health")
 * @HealthCheck()
 * check() {
 *   return this.health.check([() => this.sqlite.pingCheck("database", { timeout: 0.5 })]);
 * }
 */
@Injectable()
export class SqliteHealthIndicator {
  readonly #moduleRef: ModuleRef;

  constructor(@Inject(ModuleRef) moduleRef: ModuleRef) {
    this.#moduleRef = moduleRef;
  }

  /**
   * Runs a query on a connection of the pool, and looks whether the file at the path is the one that is open. What is
   * wrong with the database is told in the result, which then is `down`.
   *
   * @param key under which the result is given
   * @throws ConfigurationError for a `timeout` that cannot be meant in seconds
   */
  async pingCheck<Key extends string>(
    key: Key,
    { timeout = 1, database: name }: SqlitePingOptions = {},
  ): Promise<Record<Key, SqliteHealth>> {
    if (typeof timeout !== "number" || !(timeout > 0 && timeout <= LONGEST_TIMEOUT))
      throw notInSeconds(timeout);
    const database = this.#moduleRef.get<SqliteDatabase>(getDatabaseToken(name), { strict: false });
    const begin = performance.now();
    const message = await problemOf(database, timeout);
    const duration = (performance.now() - begin) / 1000;
    // Not the holders: their statements are nothing for whoever may ask for the health.
    const { readers, writer } = database.stats();
    const health: SqliteHealth = { status: "up", duration, readers, writer };
    return {
      [key]: message === undefined ? health : { ...health, status: "down", message },
    } as Record<Key, SqliteHealth>;
  }
}

/** What is wrong, as far as it is known when the time is over. */
async function problemOf(database: SqliteDatabase, timeout: number): Promise<string | undefined> {
  const deadline = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`no answer came within ${timeout} s`), timeout * 1000);
  });
  try {
    return await Promise.race([problemFound(database, deadline.signal), late]);
  } finally {
    clearTimeout(timer);
    deadline.abort();
  }
}

async function problemFound(database: SqliteDatabase, signal: AbortSignal): Promise<string | undefined> {
  try {
    // Before the query, for which the pool would replace a connection to a file that is no longer there.
    const answers = await database.ping();
    await database.exec("SELECT count(*) FROM sqlite_schema", {}, { readonly: true, signal });
    return answers ? undefined : "the file at the path was not the one that is open, or could not be read";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function notInSeconds(timeout: unknown): ConfigurationError {
  const isLong = typeof timeout === "number" && timeout > LONGEST_TIMEOUT;
  const meant = isLong ? `; did you mean ${timeout / 1000}?` : "";
  return new ConfigurationError(
    `timeout is a number in seconds, above 0 and up to ${LONGEST_TIMEOUT}${meant} (got ${inspect(timeout, { depth: -1 })})`,
  );
}
