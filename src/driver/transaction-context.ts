import { AsyncLocalStorage } from "node:async_hooks";
import type { Connection } from "./connection";
import type { SqliteQueryRunner } from "./sqlite-query-runner";
import type { TransactionScope } from "./transaction-scope";

/** What is remembered for everything that runs inside a transaction's callback. */
export interface TransactionFrame {
  readonly scope: TransactionScope;
  /** Whether work that names no transaction takes part in this one, as inside `database.session()`. */
  readonly joins: boolean;
}

/** What waits for the code that runs in it, and may hold a connection meanwhile. */
export interface Surrounding {
  readonly label: string;
  /** Whether it still waits, and has not ended. */
  readonly isOpen: boolean;
  readonly connection: Connection | undefined;
}

interface NestedFrame {
  readonly surrounding: Surrounding;
  /** Of a transaction, whose statements are sent in it. */
  readonly scope?: TransactionScope;
  readonly joins?: boolean;
  readonly owner: TransactionContext;
  readonly outer: NestedFrame | undefined;
}

/** One for all databases: every promise of the process pays for each storage that was ever used. */
const storage = new AsyncLocalStorage<NestedFrame | undefined>();

/** The transactions around the code that is running, of one database; follows promises, timers and events. */
export class TransactionContext {
  run<T>({ scope, joins }: TransactionFrame, work: () => T): T {
    return storage.run({ surrounding: scope, scope, joins, owner: this, outer: storage.getStore() }, work);
  }

  /** Runs `work`, which `runner` waits for until it settles; where its statements are sent stays as it is. */
  surround<T>(runner: SqliteQueryRunner, label: string, work: () => Promise<T>): Promise<T> {
    let isOpen = true;
    const surrounding: Surrounding = {
      label,
      get isOpen() {
        return isOpen;
      },
      get connection() {
        return runner.held;
      },
    };
    const end = () => {
      isOpen = false;
    };
    const working = storage.run({ surrounding, owner: this, outer: storage.getStore() }, work);
    working.then(end, end);
    return working;
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
    let frame = this.#own(storage.getStore());
    while (frame && !frame.scope) frame = this.#own(frame.outer);
    const current = frame?.scope;
    return current?.isWithin(scope) ? current : scope;
  }

  /** What is around the running code, from the inside out. */
  *surrounding(): Iterable<Surrounding> {
    for (let frame = this.#own(storage.getStore()); frame; frame = this.#own(frame.outer))
      yield frame.surrounding;
  }

  /** This frame, or else the next one around it, that is of this database. */
  #own(frame: NestedFrame | undefined): NestedFrame | undefined {
    let own = frame;
    while (own && own.owner !== this) own = own.outer;
    return own;
  }
}
