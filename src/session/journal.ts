import type { TransactionScope } from "../driver/transaction-scope";

interface Step {
  scope: TransactionScope;
  readonly undo: () => void;
}

/** How to take back what flushes did to entities in memory, where the savepoint or transaction is undone. */
export class Journal {
  #steps: Step[] = [];

  add(scope: TransactionScope, undo: () => void): void {
    this.#steps.push({ scope, undo });
  }

  /** Takes back the steps in `scope`, the last one first; tells whether there were any. */
  undo(scope: TransactionScope): boolean {
    const undone = this.#steps.filter((step) => step.scope.isWithin(scope));
    if (undone.length === 0) return false;
    this.#steps = this.#steps.filter((step) => !step.scope.isWithin(scope));
    for (const { undo } of undone.reverse()) undo();
    return true;
  }

  /** Forgets the steps of a scope that was committed: the scope around it, if any, decides about them now. */
  keep(scope: TransactionScope): void {
    const { parent } = scope;
    if (!parent) this.#steps = [];
    else for (const step of this.#steps) if (step.scope.isWithin(scope)) step.scope = parent;
  }
}
