import type { TransactionContext } from "./transaction-context";
import type { TransactionScope } from "./transaction-scope";

interface Started {
  readonly scope: TransactionScope;
  readonly parent: TransactionScope | undefined;
  /** Begun by a callback, whose code alone takes part; not by startTransaction(), after which every statement does. */
  framed: boolean;
}

/** The transactions of one query runner: the one it takes part in, and those it has started inside. */
export class RunnerTransactions {
  readonly #context: TransactionContext;
  /** Not its own: the session it belongs to. */
  readonly joined: TransactionScope | undefined;
  readonly #started: Started[] = [];

  constructor(context: TransactionContext, joined: TransactionScope | undefined) {
    this.#context = context;
    this.joined = joined;
  }

  /**
   * Where a statement that is sent now belongs: in the savepoint around the code that sends it, or in what was started
   * last without a callback. So transactions that were started together on one runner do not mix.
   */
  get current(): TransactionScope | undefined {
    const outermost = this.joined ?? this.#started[0]?.scope;
    let scope = outermost && this.#context.innermost(outermost);
    for (;;) {
      const inner = this.#started.find(
        ({ framed, parent }) => !framed && parent !== undefined && parent === scope,
      );
      if (!inner) return scope;
      scope = inner.scope;
    }
  }

  get depth(): number {
    return this.#started.length + (this.joined ? 1 : 0);
  }

  /** What was started last. */
  get last(): TransactionScope | undefined {
    return this.#started.at(-1)?.scope;
  }

  /** Whether `scope` is a transaction that this runner has begun, and not a savepoint inside one. */
  isRoot(scope: TransactionScope): boolean {
    return !this.joined && this.#started[0]?.scope === scope;
  }

  enter(scope: TransactionScope, parent: TransactionScope | undefined): void {
    this.#started.push({ scope, parent, framed: false });
  }

  /** Notes that `scope` belongs to a callback. */
  frame(scope: TransactionScope): void {
    const started = this.#started.find((one) => one.scope === scope);
    if (started) started.framed = true;
  }

  leave(scope: TransactionScope): void {
    const index = this.#started.findIndex((one) => one.scope === scope);
    if (index >= 0) this.#started.splice(index, 1);
  }
}
