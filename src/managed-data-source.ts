import { AsyncLocalStorage } from "node:async_hooks";
import { EchoLogger } from "./driver/echo-logger";
import { driverSettings, SqliteDataSource, type SqliteDataSourceOptions } from "./driver/sqlite-data-source";
import type { Location } from "./options/location";
import type { ResolvedOptions } from "./options/sqlite-database-options";
import { creationScript } from "./schema/create-all";
import { EntityValidator } from "./validation/entity-validator";

/** Who decides when a data source is opened and closed. */
interface Owner {
  init(): Promise<unknown>;
  close(): Promise<void>;
}

/**
 * The data source that the running code is opening. One storage for all, and only while there is one: each costs every
 * promise of the process a little.
 */
const opening = new AsyncLocalStorage<ManagedDataSource>();
let openings = 0;

/** The data source of a `SqliteDatabase`: whatever framework initializes or destroys it, it is its owner that does so. */
export class ManagedDataSource extends SqliteDataSource {
  readonly #owner: Owner;
  /** Whether the tables of a new file are created while it is opened. */
  #createsTables = false;

  constructor(
    location: Location,
    { echo, createAll: _, validate, ...options }: ResolvedOptions,
    owner: Owner,
  ) {
    super(
      {
        ...options,
        database: location.path,
        logging: echo !== false,
        ...(echo !== false && { logger: echo === true ? new EchoLogger() : echo }),
      } as SqliteDataSourceOptions,
      driverSettings(location, options),
    );
    if (validate !== false) {
      this.driver.writeCheck = new EntityValidator(validate === true ? {} : validate);
    }
    this.#owner = owner;
  }

  /** Whether the running code is called by what opens this data source. */
  get isOpenedHere(): boolean {
    return opening.getStore() === this;
  }

  override async initialize(): Promise<this> {
    await this.#owner.init();
    return this;
  }

  override async destroy(): Promise<void> {
    // TypeORM destroys what it failed to initialize; the owner, who is waiting for that, would wait for itself. Why it
    // failed is not to be lost behind what fails in this.
    if (this.isOpenedHere) await super.destroy().catch(() => {});
    else await this.#owner.close();
  }

  /**
   * What {@link initialize} is without an owner.
   *
   * @param options `create`: whether the tables of a new file are to be created, which then is done by the way
   */
  async open({ create }: { create: boolean }): Promise<void> {
    const { dropSchema, migrationsRun, synchronize } = this.options;
    // Those come first.
    this.#createsTables = create && !dropSchema && !migrationsRun && !synchronize;
    if (this.#createsTables) this.driver.awaitTables();
    openings++;
    try {
      await opening.run(this, () => super.initialize());
    } finally {
      if (--openings === 0) opening.disable();
    }
  }

  protected override async buildMetadatas(): Promise<void> {
    await super.buildMetadatas();
    if (this.#createsTables) {
      this.driver.tablesKnown(this.driver.isNew ? await creationScript(this) : undefined);
    }
  }

  /** What {@link destroy} is without an owner. */
  async shut(): Promise<void> {
    await super.destroy();
  }
}
