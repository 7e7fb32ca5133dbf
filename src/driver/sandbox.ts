import { SessionClosedError } from "../errors";
import { retryWhileBusy } from "./busy-retry";
import type { Connection } from "./connection";
import { ConnectionPool } from "./connection-pool";
import type { DriverSettings } from "./driver-settings";
import { throwMapped } from "./error-mapping";
import { SandboxConnection } from "./sandbox-connection";

const BEGIN = "BEGIN IMMEDIATE";

/** A transaction around everything that is done until it is rolled back; the transactions inside are savepoints. */
export class Sandbox {
  readonly #connection: Connection;
  readonly #inside: SandboxConnection;
  #restored: Promise<void> | undefined;
  /** Lends the one connection that is inside. */
  readonly pool: ConnectionPool;

  private constructor(connection: Connection, settings: DriverSettings) {
    this.#connection = connection;
    this.#inside = new SandboxConnection(connection);
    this.pool = new ConnectionPool({
      ...settings,
      path: settings.location.path,
      mode: settings.location.mode,
      setUp: async () => {},
      only: this.#inside,
    });
  }

  /** Begins one on a writer, which is given back when it is restored. */
  static async begin(writer: Connection, settings: DriverSettings): Promise<Sandbox> {
    try {
      await retryWhileBusy(() => writer.run(BEGIN), settings);
    } catch (error) {
      await ConnectionPool.of(writer).release(writer);
      return await throwMapped(BEGIN, [], error, writer);
    }
    return new Sandbox(writer, settings);
  }

  /** Undoes everything; what still runs or waits inside is refused. Restoring twice is harmless. */
  restore(): Promise<void> {
    this.#restored ??= this.#restore();
    return this.#restored;
  }

  async #restore(): Promise<void> {
    const reason = new SessionClosedError(
      "The sandbox around this was restored, which undid it. Await what the code under test does before restore().",
    );
    this.#inside.end(reason);
    this.pool.terminate(reason);
    const outside = ConnectionPool.of(this.#connection);
    try {
      await this.#connection.run("ROLLBACK");
      // What only reads may have been interrupted.
      await this.#connection.run("PRAGMA query_only=OFF");
    } catch {
      // SQLite has rolled it back already, or does so when the connection is closed.
      await outside.discard(this.#connection);
      return;
    }
    if (this.pool.isAltered) await outside.markAltered(this.#connection);
    await outside.release(this.#connection);
  }
}
