import { ConnectionPool } from "./connection-pool";
import type { ForeignKeyGuard } from "./foreign-key-guard";
import type { PinnedConnection } from "./pinned-connection";
import type { SqliteDriver } from "./sqlite-driver";
import type { TransactionScope } from "./transaction-scope";

interface Started {
  readonly scope: TransactionScope;
  readonly parent: TransactionScope | undefined;
  /** Begun by a callback, whose code alone takes part; not by startTransaction(), after which every statement does. */
  framed: boolean;
}

/** What a runner's transactions need of it. */
interface Owner {
  readonly driver: SqliteDriver;
  readonly pinned: PinnedConnection;
  readonly guard: ForeignKeyGuard;
  /** Called when the number of transactions that are open has changed. */
  readonly changed: (depth: number) => void;
}

/** The transactions of one query runner: the one it takes part in, and those it has started inside. */
export class RunnerTransactions {
  readonly #owner: Owner;
  /** Not its own: the session it belongs to. */
  readonly joined: TransactionScope | undefined;
  readonly #started: Started[] = [];

  constructor(owner: Owner, joined: TransactionScope | undefined) {
    this.#owner = owner;
    this.joined = joined;
    this.#changed();
  }

  /**
   * Where a statement that is sent now belongs: in the savepoint around the code that sends it, or in what was started
   * last without a callback. So transactions that were started together on one runner do not mix.
   */
  get current(): TransactionScope | undefined {
    const outermost = this.joined ?? this.#started[0]?.scope;
    if (!outermost) return undefined;
    let scope: TransactionScope | undefined = this.#owner.driver.context.innermost(outermost);
    for (;;) {
      const inner = this.#started.find(
        ({ framed, parent }) => !framed && parent !== undefined && parent === scope,
      );
      if (!inner) return scope;
      scope = inner.scope;
    }
  }

  /** What was started last. */
  get last(): TransactionScope | undefined {
    return this.#started.at(-1)?.scope;
  }

  /** Whether `scope` is a transaction that this runner has begun, and not a savepoint inside one. */
  isRoot(scope: TransactionScope): boolean {
    return !this.joined && this.#started[0]?.scope === scope;
  }

  /** Begins a transaction, on the connection that the runner has, or else on the writer. */
  async begin(): Promise<void> {
    const { driver, pinned } = this.#owner;
    const transaction = driver.openTransaction({
      readonly: false,
      label: "transaction",
      logged: false,
      // What is pinned stays with the runner when the transaction is over.
      source: {
        acquire: async () =>
          pinned.connection ?? (await driver.lender.acquire("writer", "transaction", { begins: true })),
        begin: (connection) => ConnectionPool.of(connection).begin(connection),
        commit: async (connection) => {
          if (connection === pinned.connection) await connection.run("COMMIT");
          else await ConnectionPool.of(connection).commit(connection);
        },
        release: async (connection, failure) => {
          if (connection !== pinned.connection)
            await ConnectionPool.of(connection).release(connection, failure);
        },
        discard: (connection) => ConnectionPool.of(connection).discard(connection),
        committed: (connection) => ConnectionPool.of(connection).assertInPlace(connection),
      },
    });
    try {
      await transaction.run(async () => {});
    } catch (error) {
      await transaction.rollback();
      throw error;
    }
    this.#enter(transaction, undefined);
  }

  async beginSavepoint(parent: TransactionScope): Promise<TransactionScope> {
    const savepoint = await parent.savepoint();
    this.#enter(savepoint, parent);
    return savepoint;
  }

  /** Notes that `scope` belongs to a callback. */
  frame(scope: TransactionScope): void {
    const started = this.#started.find((one) => one.scope === scope);
    if (started) started.framed = true;
  }

  /** Ends `scope`; what fails to commit is still open, so that it can be rolled back. */
  async end(scope: TransactionScope, how: "commit" | "rollback"): Promise<void> {
    if (how === "commit") {
      if (this.isRoot(scope)) await this.#owner.guard.check(scope);
      await scope.commit();
    }
    const index = this.#started.findIndex((one) => one.scope === scope);
    if (index >= 0) this.#started.splice(index, 1);
    this.#changed();
    if (how === "rollback") await scope.rollback();
  }

  /** Rolls back whatever is open, from the inside out. */
  async rollbackAll(): Promise<void> {
    for (let scope = this.last; scope; scope = this.last) await this.end(scope, "rollback");
  }

  #enter(scope: TransactionScope, parent: TransactionScope | undefined): void {
    this.#started.push({ scope, parent, framed: false });
    this.#changed();
  }

  #changed(): void {
    this.#owner.changed(this.#started.length + (this.joined ? 1 : 0));
  }
}
