import { AsyncLocalStorage } from "node:async_hooks";
import { EchoLogger } from "./driver/echo-logger";
import { SqliteDataSource, type SqliteDataSourceOptions } from "./driver/sqlite-data-source";
import type { ResolvedOptions } from "./options/sqlite-database-options";

/** Who decides when a data source is opened and closed. */
interface Owner {
  init(): Promise<unknown>;
  close(): Promise<void>;
}

/** The data source of a `SqliteDatabase`: whatever framework initializes or destroys it, it is its owner that does so. */
export class ManagedDataSource extends SqliteDataSource {
  readonly #owner: Owner;
  /** Set for the code that runs inside {@link open}. */
  readonly #opening = new AsyncLocalStorage<boolean>();

  constructor(location: string, { echo, createAll: _, ...options }: ResolvedOptions, owner: Owner) {
    super({
      ...options,
      database: location,
      logging: echo !== false,
      ...(echo !== false && { logger: echo === true ? new EchoLogger() : echo }),
    } as SqliteDataSourceOptions);
    this.#owner = owner;
  }

  override async initialize(): Promise<this> {
    await this.#owner.init();
    return this;
  }

  override async destroy(): Promise<void> {
    // TypeORM destroys what it failed to initialize; the owner, who is waiting for that, would wait for itself.
    if (this.#opening.getStore()) await super.destroy();
    else await this.#owner.close();
  }

  /** What {@link initialize} is without an owner. */
  async open(): Promise<void> {
    await this.#opening.run(true, () => super.initialize());
  }

  /** What {@link destroy} is without an owner. */
  async shut(): Promise<void> {
    await super.destroy();
  }
}
