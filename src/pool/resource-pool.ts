import { Waiter, type WaitOptions } from "./fair-lock";

/** How a pool makes, tests and ends what it holds. */
export interface ResourceFactory<R> {
  create(): Promise<R>;
  /** Whether a resource that has been idle can still be used; `false` or a rejection replaces it. */
  validate(resource: R): Promise<boolean>;
  /** Must not reject. */
  destroy(resource: R): Promise<void>;
}

export interface ResourcePoolOptions {
  /** Most resources that are kept open while idle. */
  readonly size: number;
  /** Resources beyond `size`, destroyed when given back; `Infinity` = no limit. */
  readonly overflow: number;
  /** Milliseconds of age after which a resource is replaced at its next use; `Infinity` = never. */
  readonly recycle: number;
  /** Milliseconds of idleness after which a resource is validated before use; `Infinity` = never. */
  readonly validateAfter: number;
}

export interface ResourcePoolStats {
  readonly total: number;
  readonly idle: number;
  readonly active: number;
  readonly waiting: number;
  readonly limit: number;
}

/** Milliseconds that a resource may take to be made or tested, also for who would wait for others a shorter time. */
const LEAST_PATIENCE = 1000;

/** The pool takes no new work. */
export class PoolClosedError extends Error {}

interface Entry {
  readonly createdAt: number;
  idleSince: number;
}

/**
 * A bounded set of reusable resources.
 *
 * Idle resources are reused last in, first out, so that the rest can age; who waits is served first come, first
 * served. A resource is bound to nobody while it is being made: whoever has waited longest gets whatever comes free
 * first, so a hanging `create()` holds up one slot and no particular waiter. The rules of size, overflow, recycle
 * and validation are those of SQLAlchemy's `QueuePool`.
 */
export class ResourcePool<R extends object> {
  readonly #factory: ResourceFactory<R>;
  readonly #options: ResourcePoolOptions;
  readonly #entries = new Map<R, Entry>();
  readonly #active = new Set<R>();
  readonly #idle: R[] = [];
  readonly #waiters = new Set<Waiter<R>>();
  /** Slots whose resource is being made, replaced or validated. */
  #pending = 0;
  /** Destructions under way; a slot is free as soon as its resource is on the way out. */
  readonly #leaving = new Set<Promise<void>>();
  #closed = false;
  #drained: (() => void) | undefined;

  constructor(factory: ResourceFactory<R>, options: ResourcePoolOptions) {
    this.#factory = factory;
    this.#options = options;
  }

  get stats(): ResourcePoolStats {
    const total = this.#active.size + this.#idle.length + this.#pending;
    return {
      total,
      idle: this.#idle.length,
      active: total - this.#idle.length,
      waiting: this.#waiters.size,
      limit: this.#options.size + this.#options.overflow,
    };
  }

  /** What for the one who has waited longest wants a resource. */
  get nextPurpose(): unknown {
    const [waiter] = this.#waiters;
    return waiter?.purpose;
  }

  /** The resources that are in use, in the order they were taken. */
  get active(): ReadonlySet<R> {
    return this.#active;
  }

  /** An idle resource that needs no test, at once, if there is one and nobody waits. */
  tryAcquire(): R | undefined {
    if (this.#closed || this.#waiters.size > 0) return undefined;
    const resource = this.#idle.at(-1);
    if (!resource || !this.#isFresh(resource)) return undefined;
    this.#idle.pop();
    this.#active.add(resource);
    return resource;
  }

  /**
   * @throws PoolClosedError after {@link drain}
   * @throws WaitTimeoutError when `timeout` has passed
   * @throws whatever `create()` rejected with, when it is this caller's turn
   */
  async acquire(options: WaitOptions = {}): Promise<R> {
    if (this.#closed) throw new PoolClosedError("the pool is closed");
    options.signal?.throwIfAborted();
    const ready = this.tryAcquire();
    if (ready) return ready;
    const { timeout = Number.POSITIVE_INFINITY } = options;
    let patience = LEAST_PATIENCE - timeout;
    const extend = (): number | undefined => {
      const longer = patience;
      patience = 0;
      return longer > 0 && this.#isServed(waiter) ? longer : undefined;
    };
    const waiter = new Waiter<R>({ ...options, extend }, (gone) => this.#waiters.delete(gone));
    this.#waiters.add(waiter);
    this.#grow();
    return waiter.promise;
  }

  /** Gives a resource back for reuse. Giving it back twice is harmless. */
  release(resource: R): void {
    if (!this.#active.delete(resource)) return;
    if (this.#waiters.size > 0 && this.#isTooOld(resource)) this.#start(() => this.#refresh(resource));
    else this.#offer(resource);
  }

  /** Gives back a resource that must not be used again. Resolves when it is destroyed. */
  async discard(resource: R): Promise<void> {
    if (!this.#active.delete(resource)) return;
    const gone = this.#destroy(resource);
    this.#grow();
    this.#settleDrain();
    await gone;
  }

  /** Takes no new work, serves who waits already, and resolves when every resource is back and destroyed. */
  async drain(): Promise<void> {
    this.#closed = true;
    if (this.#waiters.size === 0) this.#evictIdle();
    if (this.#active.size + this.#pending + this.#waiters.size > 0) {
      const before = this.#drained;
      await new Promise<void>((resolve) => {
        this.#drained = () => {
          before?.();
          resolve();
        };
      });
    }
    await Promise.all(this.#leaving);
  }

  /** Destroys the idle resources of which `stale` is true, and tells how many they were. */
  evict(stale: (resource: R) => boolean): number {
    const evicted = this.#idle.filter(stale);
    for (const resource of evicted) {
      this.#idle.splice(this.#idle.indexOf(resource), 1);
      void this.#destroy(resource);
    }
    return evicted.length;
  }

  /** Resolves when everything that is on its way out is destroyed. */
  async settled(): Promise<void> {
    await Promise.all(this.#leaving);
  }

  /** Sends away who waits, for example because {@link drain} takes too long. */
  rejectWaiters(reason: unknown): void {
    for (const waiter of this.#waiters) waiter.reject(reason);
    this.#waiters.clear();
    this.#settleDrain();
  }

  /** Whether a resource is on its way to the waiter, for which it waits for nobody. */
  #isServed(waiter: Waiter<R>): boolean {
    return [...this.#waiters].indexOf(waiter) < this.#pending;
  }

  #isFresh(resource: R): boolean {
    return !this.#isTooOld(resource) && !this.#isStale(resource);
  }

  #isTooOld(resource: R): boolean {
    return performance.now() - this.#entries.get(resource)!.createdAt >= this.#options.recycle;
  }

  #isStale(resource: R): boolean {
    return performance.now() - this.#entries.get(resource)!.idleSince >= this.#options.validateAfter;
  }

  /** Starts as many tests and creations as there are waiters that nothing is on its way to. */
  #grow(): void {
    while (this.#waiters.size > this.#pending) {
      const idle = this.#idle.pop();
      if (idle) {
        this.#start(() => this.#refresh(idle));
      } else if (this.#active.size + this.#pending < this.#options.size + this.#options.overflow) {
        this.#start(() => this.#create());
      } else {
        return;
      }
    }
  }

  #start(make: () => Promise<R>): void {
    this.#pending++;
    make().then(
      (resource) => {
        this.#pending--;
        this.#offer(resource);
      },
      (error: unknown) => {
        this.#pending--;
        const [waiter] = this.#waiters;
        if (waiter) {
          this.#waiters.delete(waiter);
          waiter.reject(error);
        }
        this.#grow();
        this.#settleDrain();
      },
    );
  }

  async #create(): Promise<R> {
    const resource = await this.#factory.create();
    const now = performance.now();
    this.#entries.set(resource, { createdAt: now, idleSince: now });
    return resource;
  }

  async #refresh(resource: R): Promise<R> {
    let usable = !this.#isTooOld(resource);
    if (usable && this.#isStale(resource)) usable = await this.#factory.validate(resource).catch(() => false);
    if (usable) return resource;
    await this.#destroy(resource);
    return this.#create();
  }

  /** Hands a free resource to whoever has waited longest; without one it stays idle, or goes. */
  #offer(resource: R): void {
    const [waiter] = this.#waiters;
    if (waiter) {
      this.#waiters.delete(waiter);
      this.#active.add(resource);
      waiter.resolve(resource);
    } else if (this.#closed || this.stats.total >= this.#options.size) {
      void this.#destroy(resource);
    } else {
      this.#entries.get(resource)!.idleSince = performance.now();
      this.#idle.push(resource);
    }
    this.#settleDrain();
  }

  #evictIdle(): void {
    for (const resource of this.#idle.splice(0)) void this.#destroy(resource);
  }

  #destroy(resource: R): Promise<void> {
    this.#entries.delete(resource);
    const gone: Promise<void> = this.#factory.destroy(resource).finally(() => this.#leaving.delete(gone));
    this.#leaving.add(gone);
    return gone;
  }

  #settleDrain(): void {
    if (!this.#closed || this.#active.size + this.#pending + this.#waiters.size > 0) return;
    this.#evictIdle();
    this.#drained?.();
    this.#drained = undefined;
  }
}
