import type { DatabaseError, SqliteDatabase } from "../..";
import { GONE, stateOf } from "./entities";
import type { Ledger } from "./ledger";
import type { Random } from "./random";
import { DeliberateError, type Plan, remove, WAYS } from "./ways";

/** What a session may be refused with: another process holds the lock, or this one is closing. */
const REFUSALS: ReadonlySet<unknown> = new Set(["SQLITE_BUSY", "POOL_TIMEOUT", "DATABASE_CLOSED"]);
const MOST_BATCHES = 40;
/** Enough for a commit that takes a while. */
const MOST_ITEMS = 300;
const DOOMED = 0.15;

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

  /** One session. `committing` is called when its work is done. */
  async write(committing: () => void): Promise<void> {
    const old = this.#chooseOld();
    const plan = this.#plan(old);
    const doomed = this.#random.chance(DOOMED);
    const way = this.#random.pick(WAYS);
    const { batch, state } = plan;
    this.#ledger.append(doomed ? { kind: "doomed", batch } : { kind: "intent", batch, state });
    try {
      await this.#database.session(
        async (session) => {
          if (old !== undefined) await remove(session, batch);
          if (state !== GONE) await way(session, plan, this.#database);
          if (doomed) throw new DeliberateError("a session that is rolled back");
          this.#ledger.append({ kind: "wrote", batch });
          committing();
        },
        { label: batch },
      );
    } catch (error) {
      this.#rejected(batch, error);
      return;
    }
    this.#acknowledged(plan, doomed);
  }

  /** A batch to replace or to remove. */
  #chooseOld(): string | undefined {
    const enough = this.#batches.length >= MOST_BATCHES;
    if (!enough && (this.#batches.length === 0 || this.#random.chance(0.6))) return undefined;
    return this.#random.pick(this.#batches);
  }

  #plan(old: string | undefined): Plan {
    const enough = this.#batches.length >= MOST_BATCHES;
    if (old !== undefined && (enough || this.#random.chance(0.4)))
      return { batch: old, state: GONE, payloads: [] };
    const count = this.#random.chance(0.05) ? this.#random.below(MOST_ITEMS) : this.#random.below(8);
    const payloads = Array.from({ length: 1 + count }, () => this.#payload());
    return { batch: old ?? `${this.#name}.${++this.#count}`, state: stateOf(payloads), payloads };
  }

  /** Mostly short; one in ten takes more than a page. */
  #payload(): string {
    const word = this.#random.next().toString(36).slice(2);
    return word.repeat(this.#random.chance(0.1) ? 500 + this.#random.below(500) : 1 + this.#random.below(20));
  }

  #acknowledged({ batch, state }: Plan, doomed: boolean): void {
    if (doomed) {
      this.#ledger.append({
        kind: "problem",
        message: `session ${batch} resolved, although its work rejected`,
      });
      return;
    }
    this.#ledger.append({ kind: "acknowledged", batch });
    const known = this.#batches.indexOf(batch);
    if (known < 0) this.#batches.push(batch);
    else if (state === GONE) this.#batches.splice(known, 1);
  }

  #rejected(batch: string, error: unknown): void {
    const code = (error as Partial<DatabaseError>).code ?? "";
    this.#ledger.append({ kind: "rejected", batch, code });
    if (error instanceof DeliberateError || REFUSALS.has(code)) return;
    this.#ledger.append({ kind: "problem", message: `session ${batch} failed: ${String(error)}` });
  }
}
