import { AsyncLocalStorage } from "node:async_hooks";
import type { TransactionScope } from "./transaction-scope";

/** What is remembered for everything that runs inside a transaction's callback. */
export interface TransactionFrame {
  readonly scope: TransactionScope;
  /** Whether work that names no transaction takes part in this one, as inside `database.session()`. */
  readonly joins: boolean;
}

interface NestedFrame extends TransactionFrame {
  readonly owner: TransactionContext;
  readonly outer: NestedFrame | undefined;
}

/** One for all databases: every promise of the process pays for each storage that was ever used. */
const storage = new AsyncLocalStorage<NestedFrame | undefined>();

/** The transactions around the code that is running, of one database; follows promises, timers and events. */
export class TransactionContext {
  run<T>({ scope, joins }: TransactionFrame, work: () => T): T {
    return storage.run({ scope, joins, owner: this, outer: storage.getStore() }, work);
  }

  /** Runs `work` as if it were outside of every transaction of this database. */
  detach<T>(work: () => T): T {
    const without = (frame: NestedFrame | undefined): NestedFrame | undefined => {
      if (!frame) return undefined;
      const outer = without(frame.outer);
      return frame.owner === this ? outer : { ...frame, outer };
    };
    return storage.run(without(storage.getStore()), work);
  }

  /** The transaction that work without one of its own takes part in. */
  get ambient(): TransactionScope | undefined {
    let frame = this.#own(storage.getStore());
    while (frame && !frame.joins) frame = this.#own(frame.outer);
    return frame?.scope;
  }

  /**
   * Where a statement of `scope` belongs: in the innermost savepoint of it that is around the running code.
   * An outer session's object used inside a nested one would otherwise wait for the nested one to end.
   */
  innermost(scope: TransactionScope): TransactionScope {
    const current = this.#own(storage.getStore())?.scope;
    return current?.isWithin(scope) ? current : scope;
  }

  /** The transactions around the running code, from the inside out. */
  *surrounding(): Iterable<TransactionScope> {
    for (let frame = this.#own(storage.getStore()); frame; frame = this.#own(frame.outer)) yield frame.scope;
  }

  /** This frame, or else the next one around it, that is of this database. */
  #own(frame: NestedFrame | undefined): NestedFrame | undefined {
    let own = frame;
    while (own && own.owner !== this) own = own.outer;
    return own;
  }
}
