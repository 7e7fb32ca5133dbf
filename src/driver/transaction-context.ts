import { AsyncLocalStorage } from "node:async_hooks";
import type { TransactionScope } from "./transaction-scope";

/** What is remembered for everything that runs inside a transaction's callback. */
export interface TransactionFrame {
  readonly scope: TransactionScope;
  /** Whether work that names no transaction takes part in this one, as inside `database.session()`. */
  readonly joins: boolean;
}

interface NestedFrame extends TransactionFrame {
  readonly outer: NestedFrame | undefined;
}

/** The transactions around the code that is running, of one database; follows promises, timers and events. */
export class TransactionContext {
  readonly #storage = new AsyncLocalStorage<NestedFrame | undefined>();

  run<T>(frame: TransactionFrame, work: () => T): T {
    return this.#storage.run({ ...frame, outer: this.#storage.getStore() }, work);
  }

  /** Runs `work` as if it were outside of every transaction. */
  detach<T>(work: () => T): T {
    return this.#storage.run(undefined, work);
  }

  /** The transaction that work without one of its own takes part in. */
  get ambient(): TransactionScope | undefined {
    let frame = this.#storage.getStore();
    while (frame && !frame.joins) frame = frame.outer;
    return frame?.scope;
  }

  /**
   * Where a statement of `scope` belongs: in the innermost savepoint of it that is around the running code.
   * An outer session's object used inside a nested one would otherwise wait for the nested one to end.
   */
  innermost(scope: TransactionScope): TransactionScope {
    const current = this.#storage.getStore()?.scope;
    return current?.isWithin(scope) ? current : scope;
  }

  /** The open transactions around the running code, from the inside out. */
  *surrounding(): Iterable<TransactionScope> {
    for (let frame = this.#storage.getStore(); frame; frame = frame.outer) yield frame.scope;
  }
}
