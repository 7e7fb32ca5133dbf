import type { SqliteDataSource } from "./driver/sqlite-data-source";
import type { ConnectionHolder } from "./errors";

/** What {@link SqliteDatabase.stats} tells; counts of connections, unless said otherwise. */
export interface DatabaseStats {
  readonly readers: {
    /** Open or being opened. */
    readonly total: number;
    readonly idle: number;
    readonly active: number;
    /** Work that waits for a reader. */
    readonly waiting: number;
    /** `poolSize + maxOverflow`; `Infinity` without a limit, 1 in memory. */
    readonly limit: number;
  };
  readonly writer: {
    /** Whether someone has the writer's turn. */
    readonly busy: boolean;
    /** Work that waits for its turn. */
    readonly waiting: number;
  };
  /** Who has a connection, and since when: sessions by their label. */
  readonly holders: readonly ConnectionHolder[];
}

export function statsOf({ driver }: SqliteDataSource): DatabaseStats {
  // Also while it is closing: who holds what it waits for is what one wants to know then.
  if (!driver.lender.isOpen) {
    const { location, poolSize, maxOverflow } = driver.settings;
    const limit = location.memory ? 1 : poolSize + maxOverflow;
    return {
      readers: { total: 0, idle: 0, active: 0, waiting: 0, limit },
      writer: { busy: false, waiting: 0 },
      holders: [],
    };
  }
  const { pool } = driver.lender;
  const holders = pool.allHolders();
  // Nothing can write to it, and its readers are no writers.
  if (driver.settings.location.mode === "ro") {
    return { readers: pool.readerStats, writer: { busy: false, waiting: 0 }, holders };
  }
  const { active, waiting } = pool.writerStats;
  return { readers: pool.readerStats, writer: { busy: active > 0, waiting }, holders };
}
