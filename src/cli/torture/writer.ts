import type { DatabaseError, SqliteDatabase } from "../..";
import { GONE, stateOf } from "./entities";
import type { Ledger } from "./ledger";
import type { Random } from "./random";
import { DeliberateError, type Plan, remove, WAYS } from "./ways";

/** What a session may be refused with: another process holds the lock, or this one is closing. */
const REFUSALS: ReadonlySet<unknown> = new Set(["SQLITE_BUSY", "POOL_TIMEOUT", "DATABASE_CLOSED"]);
const MOST_BATCHES = 40;
const DOOMED = 0.15;
/** Items of a batch whose commit takes a while: hundreds of pages. */
const MANY = 1000;

/** Writes batches in sessions, one after another, and keeps the ledger of what came of them. */
export class Writer {
  readonly #database: SqliteDatabase;
  readonly #ledger: Ledger;
  readonly #random: Random;
  readonly #name: string;
  /** Those of this writer that are there. */
  readonly #batches: string[] = [];
  #count = 0;

  /** `name` must be that of no other writer, ever. */
  constructor(database: SqliteDatabase, ledger: Ledger, random: Random, name: string) {
    this.#database = database;
    this.#ledger = ledger;
    this.#random = random;
    this.#name = name;
  }

  /**
   * One session that writes a batch, replaces one or removes one, or is rolled back.
   *
   * @throws what a session failed with that it must not fail with
   */
  async write(): Promise<void> {
    const old = this.#chooseOld();
    const isRemoval = old !== undefined && (this.#hasEnough || this.#random.chance(0.4));
    const count = 1 + this.#random.below(this.#random.chance(0.05) ? 200 : 8);
    const plan = isRemoval ? { batch: old, state: GONE, payloads: [] } : this.#plan(old, count);
    await this.#run(plan, { replaces: old !== undefined, isDoomed: this.#random.chance(DOOMED) });
  }

  /** One session that writes a large batch. `committing` is called when its work is done. */
  async writeMuch(committing: () => void): Promise<void> {
    await this.#run(this.#plan(undefined, MANY), { replaces: false, isDoomed: false }, committing);
  }

  async #run(
    plan: Plan,
    { replaces, isDoomed }: { replaces: boolean; isDoomed: boolean },
    committing = () => {},
  ): Promise<void> {
    const { batch, state } = plan;
    const way = this.#random.pick(WAYS);
    this.#ledger.append(isDoomed ? { kind: "doomed", batch } : { kind: "intent", batch, state });
    try {
      await this.#database.session(
        async (session) => {
          if (replaces) await remove(session, batch);
          if (state !== GONE) await way(session, plan, this.#database);
          if (isDoomed) throw new DeliberateError("a session that is rolled back");
          this.#ledger.append({ kind: "wrote", batch });
          committing();
        },
        { label: batch },
      );
    } catch (error) {
      this.#rejected(batch, error);
      return;
    }
    if (isDoomed) this.#report(`session ${batch} resolved, although its work rejected`);
    else this.#acknowledged(plan);
  }

  get #hasEnough(): boolean {
    return this.#batches.length >= MOST_BATCHES;
  }

  /** A batch to replace or to remove. */
  #chooseOld(): string | undefined {
    if (!this.#hasEnough && (this.#batches.length === 0 || this.#random.chance(0.6))) return undefined;
    return this.#random.pick(this.#batches);
  }

  #plan(old: string | undefined, count: number): Plan {
    const payloads = Array.from({ length: count }, () => this.#payload());
    return { batch: old ?? `${this.#name}.${++this.#count}`, state: stateOf(payloads), payloads };
  }

  /** Mostly short; one in ten takes more than a page. */
  #payload(): string {
    const word = this.#random.next().toString(36).slice(2);
    return word.repeat(this.#random.chance(0.1) ? 500 + this.#random.below(500) : 1 + this.#random.below(20));
  }

  #acknowledged({ batch, state }: Plan): void {
    this.#ledger.append({ kind: "acknowledged", batch });
    const known = this.#batches.indexOf(batch);
    if (known < 0) this.#batches.push(batch);
    else if (state === GONE) this.#batches.splice(known, 1);
  }

  #rejected(batch: string, error: unknown): void {
    const code = (error as Partial<DatabaseError>).code ?? "";
    this.#ledger.append({ kind: "rejected", batch, code });
    if (error instanceof DeliberateError || REFUSALS.has(code)) return;
    this.#report(`session ${batch} failed: ${String(error)}`);
    throw error;
  }

  #report(message: string): void {
    this.#ledger.append({ kind: "problem", message });
  }
}
