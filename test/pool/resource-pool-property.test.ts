import fc from "fast-check";
import { ResourcePool, type ResourcePoolOptions } from "../../src/pool/resource-pool";
import { type Deferred, deferred, settle } from "../support/deferred";
import { chooseSeed } from "../support/random";
import type { Part } from "./part-factory";

// The pool is driven through random histories in which nothing happens by itself: the test decides when a creation, a
// validation or a destruction ends and how, and what time it is. After every step the pool must be in a state that
// the rules allow.

const RECYCLE = 100;
const VALIDATE_AFTER = 10;

type Step =
  | { readonly type: "acquire" | "tryAcquire" | "create" | "createFails" | "destroy" }
  | { readonly type: "abort" | "release" | "releaseAgain" | "discard" | "evict"; readonly which: number }
  | { readonly type: "validate"; readonly which: number; readonly valid: boolean }
  | { readonly type: "advance"; readonly milliseconds: number };

interface Request {
  readonly controller: AbortController;
  outcome: "waiting" | "granted" | "failed" | "aborted";
}

interface Life {
  readonly createdAt: number;
  idleSince: number;
  validatedAt: number;
}

let now = 0;
beforeEach(() => {
  now = 0;
  jest.spyOn(performance, "now").mockImplementation(() => now);
});
afterEach(() => jest.restoreAllMocks());

/** A pool with its world, and what a pool must be like in it. */
class History {
  readonly #options: ResourcePoolOptions;
  readonly #pool: ResourcePool<Part>;
  readonly #limit: number;
  readonly #creating: Deferred<Part>[] = [];
  readonly #validating: { part: Part; result: Deferred<boolean> }[] = [];
  readonly #destroying: Deferred<void>[] = [];
  readonly #lives = new Map<Part, Life>();
  readonly #taken: Part[] = [];
  readonly #returned: Part[] = [];
  readonly #requests: Request[] = [];
  /** What was found wrong where the pool would swallow it. */
  readonly #violations: unknown[] = [];
  #made = 0;
  #destroyed = 0;

  constructor(size: number, overflow: number) {
    this.#options = { size, overflow, recycle: RECYCLE, validateAfter: VALIDATE_AFTER };
    this.#limit = size + overflow;
    this.#pool = new ResourcePool(
      {
        create: () => this.#later(this.#creating),
        validate: (part) => {
          const result = deferred<boolean>();
          this.#validating.push({ part, result });
          return result.promise;
        },
        destroy: (part) => {
          this.#demand(() => {
            // Twice, or while someone has it, would be fatal.
            expect(this.#lives.delete(part)).toBe(true);
            expect(this.#taken).not.toContain(part);
          });
          this.#destroyed++;
          return this.#later(this.#destroying);
        },
      },
      this.#options,
    );
  }

  async run(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      this.#do(step);
      await settle();
      this.#check();
    }
    await this.#end();
  }

  #do(step: Step): void {
    switch (step.type) {
      case "acquire":
        this.#acquire();
        break;
      case "tryAcquire": {
        const part = this.#pool.tryAcquire();
        if (part) this.#grant(part);
        break;
      }
      case "abort":
        pick(this.#waiting(), step.which)?.controller.abort(new Error("aborted"));
        break;
      case "release":
        this.#giveBack(step.which, (part) => this.#pool.release(part));
        break;
      case "discard":
        this.#giveBack(step.which, (part) => void this.#pool.discard(part));
        break;
      case "releaseAgain": {
        const part = pick(this.#returned, step.which);
        if (part && !this.#taken.includes(part)) this.#pool.release(part);
        break;
      }
      case "evict":
        this.#pool.evict(({ id }) => id % 3 === step.which % 3);
        break;
      case "create":
        this.#creating.shift()?.resolve(this.#make());
        break;
      case "createFails":
        this.#creating.shift()?.reject(new Error("failed"));
        break;
      case "validate":
        this.#validate(step.which, step.valid);
        break;
      case "destroy":
        this.#destroying.shift()?.resolve();
        break;
      case "advance":
        now += step.milliseconds;
        break;
    }
  }

  #acquire(): void {
    const request: Request = { controller: new AbortController(), outcome: "waiting" };
    this.#requests.push(request);
    // Nobody overtakes: whoever is served or failed is the one who has waited longest.
    const isFirst = () => this.#demand(() => expect(this.#waiting()[0]).toBe(request));
    this.#pool.acquire({ signal: request.controller.signal }).then(
      (part) => {
        isFirst();
        request.outcome = "granted";
        this.#grant(part);
      },
      (error: Error) => {
        if (error.message !== "aborted") isFirst();
        request.outcome = error.message === "aborted" ? "aborted" : "failed";
      },
    );
  }

  #grant(part: Part): void {
    this.#demand(() => {
      const life = this.#lives.get(part);
      if (!life) throw new Error(`part ${part.id} was destroyed before it was handed out`);
      expect(this.#taken).not.toContain(part);
      const tested = life.idleSince === Number.POSITIVE_INFINITY || life.validatedAt >= life.idleSince;
      // A creation or a test may take its time, but what is handed over without one must be young and fresh.
      if (now - life.idleSince >= VALIDATE_AFTER || now - life.createdAt >= RECYCLE)
        expect(tested).toBe(true);
    });
    this.#taken.push(part);
  }

  #demand(what: () => void): void {
    try {
      what();
    } catch (violation) {
      this.#violations.push(violation);
    }
  }

  #giveBack(which: number, how: (part: Part) => void): void {
    const part = pick(this.#taken, which);
    if (!part) return;
    this.#taken.splice(this.#taken.indexOf(part), 1);
    this.#returned.push(part);
    this.#lives.get(part)!.idleSince = now;
    how(part);
  }

  #make(): Part {
    const part = { id: ++this.#made };
    this.#lives.set(part, { createdAt: now, idleSince: Number.POSITIVE_INFINITY, validatedAt: -1 });
    return part;
  }

  #validate(which: number, valid: boolean): void {
    const validation = pick(this.#validating, which);
    if (!validation) return;
    this.#validating.splice(this.#validating.indexOf(validation), 1);
    if (valid) this.#lives.get(validation.part)!.validatedAt = now;
    validation.result.resolve(valid);
  }

  #check(): void {
    if (this.#violations.length > 0) throw this.#violations[0];
    const { total, idle, active, waiting, limit } = this.#pool.stats;
    expect(limit).toBe(this.#limit);
    expect(total).toBe(idle + active);
    expect(total).toBeLessThanOrEqual(this.#limit);
    expect(idle).toBeLessThanOrEqual(this.#options.size);
    expect(this.#lives.size + this.#creating.length).toBeLessThanOrEqual(this.#limit);
    expect(new Set(this.#pool.active)).toEqual(new Set(this.#taken));
    expect(waiting).toBe(this.#waiting().length);
    // Nobody starves: either something is on its way for everyone who waits, or everything is in use.
    const onTheWay = active - this.#taken.length;
    expect(onTheWay).toBeLessThanOrEqual(
      this.#creating.length + this.#validating.length + this.#destroying.length,
    );
    if (waiting > onTheWay) {
      expect(idle).toBe(0);
      expect(total).toBe(this.#limit);
    }
  }

  /** Everyone who waits is served, and everything that was made is destroyed. */
  async #end(): Promise<void> {
    let drained = false;
    void this.#pool.drain().then(() => {
      drained = true;
    });
    for (let rounds = 0; !drained; rounds++) {
      expect(rounds).toBeLessThan(1000);
      for (const type of ["create", "destroy"] as const) this.#do({ type });
      this.#do({ type: "validate", which: 0, valid: true });
      this.#do({ type: "release", which: 0 });
      await settle();
    }
    this.#check();
    expect(this.#waiting()).toEqual([]);
    expect(this.#taken).toEqual([]);
    expect(this.#lives.size).toBe(0);
    expect(this.#destroyed).toBe(this.#made);
    expect(this.#pool.stats).toMatchObject({ total: 0, waiting: 0 });
    await expect(this.#pool.acquire()).rejects.toThrow("closed");
  }

  #waiting(): Request[] {
    return this.#requests.filter(({ outcome }) => outcome === "waiting");
  }

  #later<T>(queue: Deferred<T>[]): Promise<T> {
    const event = deferred<T>();
    queue.push(event);
    return event.promise;
  }
}

function pick<T>(items: readonly T[], which: number): T | undefined {
  return items[which % items.length];
}

const which = fc.nat(9);
const typed = <Type extends Step["type"]>(type: Type) => fc.record({ type: fc.constant(type) });
const indexed = <Type extends Step["type"]>(type: Type) => fc.record({ type: fc.constant(type), which });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: typed("acquire") },
  { weight: 5, arbitrary: typed("create") },
  { weight: 5, arbitrary: indexed("release") },
  { weight: 2, arbitrary: typed("destroy") },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant("validate" as const), which, valid: fc.boolean() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant("advance" as const), milliseconds: fc.constantFrom(1, 10, 60) }),
  },
  typed("tryAcquire"),
  typed("createFails"),
  indexed("abort"),
  indexed("releaseAgain"),
  indexed("discard"),
  indexed("evict"),
);

test("whatever happens, the pool keeps its limit, serves in order and destroys all it made", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 3 }),
      fc.constantFrom(0, 1, 2, Number.POSITIVE_INFINITY),
      fc.array(step, { maxLength: 60 }),
      async (size, overflow, steps) => {
        now = 0;
        await new History(size, overflow).run(steps);
      },
    ),
    // fast-check prints the seed and the shortest history that fails.
    { seed: chooseSeed(), numRuns: 200 },
  );
});
