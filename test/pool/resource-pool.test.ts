import { WaitTimeoutError } from "../../src/pool/fair-lock";
import { PoolClosedError, ResourcePool, type ResourcePoolOptions } from "../../src/pool/resource-pool";
import { movableClock } from "../support/clock";
import { type Deferred, deferred, isPending, settle } from "../support/deferred";
import { type Part, PartFactory } from "./part-factory";

const clock = movableClock();

let factory: PartFactory;

beforeEach(() => {
  factory = new PartFactory();
});

function poolOf(options: Partial<ResourcePoolOptions> = {}): ResourcePool<Part> {
  return new ResourcePool(factory, {
    size: 2,
    overflow: 0,
    recycle: Number.POSITIVE_INFINITY,
    validateAfter: Number.POSITIVE_INFINITY,
    ...options,
  });
}

/** Takes as many as there are, all at once. */
function acquireMany(pool: ResourcePool<Part>, count: number): Promise<Part[]> {
  return Promise.all(Array.from({ length: count }, () => pool.acquire()));
}

const ids = (parts: Iterable<Part>): number[] => [...parts].map(({ id }) => id);

describe("size and overflow", () => {
  test("nothing is made before it is needed", async () => {
    const pool = poolOf();
    expect(pool.stats).toEqual({ total: 0, idle: 0, active: 0, waiting: 0, limit: 2 });
    expect(pool.tryAcquire()).toBeUndefined();
    expect(factory.made).toHaveLength(0);
  });

  test("what was given back is used again", async () => {
    const pool = poolOf();
    const part = await pool.acquire();
    pool.release(part);
    expect(await pool.acquire()).toBe(part);
    expect(factory.made).toHaveLength(1);
  });

  test("what was given back last is used first", async () => {
    const pool = poolOf({ size: 3 });
    const [first, second, third] = await acquireMany(pool, 3);
    for (const part of [second!, third!, first!]) pool.release(part);
    expect(ids(await acquireMany(pool, 3))).toEqual(ids([first!, third!, second!]));
  });

  test("no more than size and overflow exist at once", async () => {
    const pool = poolOf({ size: 2, overflow: 1 });
    const taken = await acquireMany(pool, 3);
    const fourth = pool.acquire();
    expect(await isPending(fourth)).toBe(true);
    expect(factory.made).toHaveLength(3);
    pool.release(taken[0]!);
    expect(await fourth).toBe(taken[0]);
    expect(factory.made).toHaveLength(3);
  });

  test("an overflowing resource is destroyed when it is given back", async () => {
    const pool = poolOf({ size: 2, overflow: 2 });
    const taken = await acquireMany(pool, 4);
    for (const part of taken) pool.release(part);
    expect(factory.destroyed).toEqual(ids(taken.slice(0, 2)));
    expect(pool.stats).toEqual({ total: 2, idle: 2, active: 0, waiting: 0, limit: 4 });
  });

  test("an overflowing resource goes to who waits, and is not destroyed", async () => {
    const pool = poolOf({ size: 1, overflow: 1 });
    const [first] = await acquireMany(pool, 2);
    const waiting = pool.acquire();
    pool.release(first!);
    expect(await waiting).toBe(first);
    expect(factory.destroyed).toEqual([]);
  });

  test("an infinite overflow makes as many as are asked for, and keeps size of them", async () => {
    const pool = poolOf({ size: 2, overflow: Number.POSITIVE_INFINITY });
    const taken = await acquireMany(pool, 100);
    expect(pool.stats).toMatchObject({
      total: 100,
      active: 100,
      waiting: 0,
      limit: Number.POSITIVE_INFINITY,
    });
    for (const part of taken) pool.release(part);
    expect(pool.stats).toMatchObject({ total: 2, idle: 2 });
    expect(factory.destroyed).toHaveLength(98);
  });

  test("giving back twice is harmless", async () => {
    const pool = poolOf();
    const part = await pool.acquire();
    pool.release(part);
    pool.release(part);
    await pool.discard(part);
    expect(pool.stats).toMatchObject({ total: 1, idle: 1 });
    const [one, other] = await acquireMany(pool, 2);
    expect(one).not.toBe(other);
  });

  test("giving back what the pool never made is harmless", async () => {
    const pool = poolOf();
    pool.release({ id: 99 });
    await pool.discard({ id: 99 });
    expect(pool.stats.total).toBe(0);
    expect(factory.destroyed).toEqual([]);
  });

  test("tryAcquire takes an idle resource at once, and does not overtake who waits", async () => {
    const pool = poolOf({ size: 1 });
    const part = await pool.acquire();
    pool.release(part);
    expect(pool.tryAcquire()).toBe(part);
    expect(pool.tryAcquire()).toBeUndefined();
    const waiting = pool.acquire();
    expect(pool.tryAcquire()).toBeUndefined();
    pool.release(part);
    expect(await waiting).toBe(part);
  });

  test("active names what is in use, in the order it was taken", async () => {
    const pool = poolOf({ size: 3 });
    const [first, second, third] = await acquireMany(pool, 3);
    pool.release(first!);
    expect([...pool.active]).toEqual([second, third]);
    await pool.acquire();
    expect([...pool.active]).toEqual([second, third, first]);
  });
});

describe("waiting", () => {
  test("who waits is served first come, first served", async () => {
    const pool = poolOf({ size: 1 });
    const part = await pool.acquire();
    const order: number[] = [];
    const waiting = Array.from({ length: 10 }, async (_, number) => {
      const mine = await pool.acquire();
      order.push(number);
      pool.release(mine);
    });
    pool.release(part);
    await Promise.all(waiting);
    expect(order).toEqual(Array.from({ length: 10 }, (_, number) => number));
  });

  test("who comes between a release and the next turn does not overtake", async () => {
    const pool = poolOf({ size: 1 });
    const part = await pool.acquire();
    const order: string[] = [];
    const take = (name: string) =>
      pool.acquire().then((mine) => {
        order.push(name);
        pool.release(mine);
      });
    const waiting = take("waited");
    pool.release(part);
    await Promise.all([take("late"), waiting]);
    expect(order).toEqual(["waited", "late"]);
  });

  test("who waits too long is told, and the resource goes to the next in line", async () => {
    const pool = poolOf({ size: 1 });
    const part = await pool.acquire();
    const impatient = pool.acquire({ timeout: 1 });
    const patient = pool.acquire({ timeout: 60_000 });
    await expect(impatient).rejects.toBeInstanceOf(WaitTimeoutError);
    expect(pool.stats.waiting).toBe(1);
    pool.release(part);
    expect(await patient).toBe(part);
  });

  test("a timeout of zero still takes what is idle", async () => {
    const pool = poolOf({ size: 1 });
    pool.release(await pool.acquire());
    expect(await pool.acquire({ timeout: 0 })).toEqual({ id: 1 });
    await expect(pool.acquire({ timeout: 0 })).rejects.toBeInstanceOf(WaitTimeoutError);
  });

  test("a signal that is aborted already rejects before anything is made", async () => {
    const pool = poolOf();
    const reason = new Error("no longer wanted");
    await expect(pool.acquire({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    await settle();
    expect(factory.made).toEqual([]);
  });

  test("a timeout of zero waits for what is made for it, but not for others", async () => {
    const pool = poolOf({ size: 1 });
    const part = await pool.acquire({ timeout: 0 });
    await expect(pool.acquire({ timeout: 0 })).rejects.toThrow(WaitTimeoutError);
    const making = deferred<Part>();
    factory.create = () => making.promise;
    await pool.discard(part);
    const served = pool.acquire({ timeout: 0 });
    const behind = pool.acquire({ timeout: 0 });
    await expect(behind).rejects.toThrow(WaitTimeoutError);
    making.resolve(factory.make());
    expect(await served).toEqual({ id: 2 });
  });

  test("an aborted waiter leaves the line with the reason", async () => {
    const pool = poolOf({ size: 1 });
    const part = await pool.acquire();
    const controller = new AbortController();
    const aborted = pool.acquire({ signal: controller.signal });
    const next = pool.acquire();
    const reason = new Error("no longer wanted");
    controller.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    expect(pool.stats.waiting).toBe(1);
    pool.release(part);
    expect(await next).toBe(part);
  });

  test("what was being made for an aborted waiter stays for the next one", async () => {
    const pool = poolOf({ size: 1 });
    const making = deferred<Part>();
    factory.create = () => making.promise;
    const controller = new AbortController();
    const aborted = pool.acquire({ signal: controller.signal });
    controller.abort(new Error("no longer wanted"));
    await expect(aborted).rejects.toThrow("no longer wanted");
    expect(pool.stats).toMatchObject({ total: 1, idle: 0, active: 1, waiting: 0 });
    making.resolve(factory.make());
    await settle();
    expect(pool.stats).toMatchObject({ total: 1, idle: 1, active: 0 });
    expect(pool.tryAcquire()).toEqual({ id: 1 });
  });

  test("a signal aborted after the turn has come does not take the resource back", async () => {
    const pool = poolOf({ size: 1 });
    const part = await pool.acquire();
    const controller = new AbortController();
    const granted = pool.acquire({ signal: controller.signal });
    pool.release(part);
    controller.abort();
    expect(await granted).toBe(part);
    expect([...pool.active]).toEqual([part]);
  });

  test("rejectWaiters sends everyone away who waits, and no one else", async () => {
    const pool = poolOf({ size: 1 });
    const part = await pool.acquire();
    const waiting = [pool.acquire(), pool.acquire()];
    const reason = new Error("closing time");
    pool.rejectWaiters(reason);
    for (const promise of waiting) await expect(promise).rejects.toBe(reason);
    expect(pool.stats).toMatchObject({ active: 1, waiting: 0 });
    pool.release(part);
    expect(await pool.acquire()).toBe(part);
  });
});

describe("making", () => {
  test("a failing create rejects one waiter, and the others go on", async () => {
    const pool = poolOf({ size: 2 });
    const failure = new Error("out of parts");
    let calls = 0;
    factory.create = async () => {
      if (++calls === 1) throw failure;
      return factory.make();
    };
    const outcomes = await Promise.allSettled([pool.acquire(), pool.acquire()]);
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
    expect(outcomes[0]).toMatchObject({ reason: failure });
  });

  test("the slot of a failed create is free again", async () => {
    const pool = poolOf({ size: 1 });
    const make = factory.create;
    factory.create = async () => {
      throw new Error("out of parts");
    };
    await expect(pool.acquire()).rejects.toThrow("out of parts");
    expect(pool.stats.total).toBe(0);
    factory.create = make;
    expect(await pool.acquire()).toEqual({ id: 1 });
  });

  test("who waits behind a failed create gets a try of its own", async () => {
    const pool = poolOf({ size: 1 });
    let calls = 0;
    factory.create = async () => {
      if (++calls < 3) throw new Error(`failure ${calls}`);
      return factory.make();
    };
    const outcomes = await Promise.allSettled([pool.acquire(), pool.acquire(), pool.acquire()]);
    expect(outcomes).toMatchObject([
      { reason: { message: "failure 1" } },
      { reason: { message: "failure 2" } },
      { value: { id: 1 } },
    ]);
  });

  test("a hanging create holds up its slot and no particular waiter", async () => {
    const pool = poolOf({ size: 3 });
    const hanging = deferred<Part>();
    const make = factory.create;
    factory.create = () => hanging.promise;
    const first = pool.acquire();
    factory.create = make;
    const second = pool.acquire();
    // The first in line gets what comes first, whoever it was made for.
    pool.release(await first);
    const part = await second;
    pool.release(part);
    expect(await pool.acquire()).toBe(part);
    expect(pool.stats).toMatchObject({ total: 2, active: 2, waiting: 0 });
    hanging.resolve(factory.make());
    await settle();
    expect(pool.stats).toMatchObject({ total: 2, idle: 1, active: 1 });
  });

  test("a create that ends after what was waited for has come is kept idle", async () => {
    const pool = poolOf({ size: 2 });
    const taken = await pool.acquire();
    const making = deferred<Part>();
    factory.create = () => making.promise;
    const waiting = pool.acquire();
    pool.release(taken);
    expect(await waiting).toBe(taken);
    making.resolve(factory.make());
    await settle();
    expect(pool.stats).toMatchObject({ total: 2, idle: 1, active: 1, waiting: 0 });
  });

  test("one waiter starts one creation, however many slots are free", async () => {
    const pool = poolOf({ size: 10 });
    await pool.acquire();
    await settle();
    expect(factory.made).toHaveLength(1);
  });
});

describe("recycling", () => {
  test("a resource that has become too old is replaced at its next use", async () => {
    const pool = poolOf({ size: 1, recycle: 1000 });
    pool.release(await pool.acquire());
    clock.advance(999);
    expect(pool.tryAcquire()).toEqual({ id: 1 });
    pool.release(factory.made[0]!);
    clock.advance(1);
    expect(factory.destroyed).toEqual([]);
    expect(pool.tryAcquire()).toBeUndefined();
    expect(await pool.acquire()).toEqual({ id: 2 });
    expect(factory.destroyed).toEqual([1]);
  });

  test("use does not make a resource younger", async () => {
    const pool = poolOf({ size: 1, recycle: 1000 });
    for (let uses = 0; uses < 3; uses++) {
      pool.release(await pool.acquire());
      clock.advance(400);
    }
    expect(await pool.acquire()).toEqual({ id: 2 });
  });

  test("one that has become too old in use is replaced before who waits gets it", async () => {
    const pool = poolOf({ size: 1, recycle: 1000 });
    const old = await pool.acquire();
    const waiting = pool.acquire();
    clock.advance(1000);
    pool.release(old);
    expect(await waiting).toEqual({ id: 2 });
    expect(factory.destroyed).toEqual([1]);
    expect(factory.made).toHaveLength(2);
  });

  test("the old one is gone before its replacement is made", async () => {
    const pool = poolOf({ size: 1, recycle: 1000 });
    pool.release(await pool.acquire());
    clock.advance(1000);
    const going = deferred();
    factory.destroy = () => going.promise;
    const waiting = pool.acquire();
    await settle();
    expect(factory.made).toHaveLength(1);
    going.resolve();
    expect(await waiting).toEqual({ id: 2 });
  });

  test("a replacement that cannot be made rejects who waits, and frees the slot", async () => {
    const pool = poolOf({ size: 1, recycle: 1000 });
    pool.release(await pool.acquire());
    clock.advance(1000);
    const make = factory.create;
    factory.create = async () => {
      throw new Error("out of parts");
    };
    await expect(pool.acquire()).rejects.toThrow("out of parts");
    expect(pool.stats.total).toBe(0);
    factory.create = make;
    expect(await pool.acquire()).toEqual({ id: 2 });
  });

  test("one that is replaced is not validated first", async () => {
    const pool = poolOf({ size: 1, recycle: 1000, validateAfter: 10 });
    pool.release(await pool.acquire());
    clock.advance(1000);
    await pool.acquire();
    expect(factory.validated).toEqual([]);
  });

  test("a new one is handed out however short-lived it is", async () => {
    const pool = poolOf({ size: 1, recycle: 0 });
    factory.create = async () => {
      if (factory.made.length === 5) throw new Error("replaced without end");
      return factory.make();
    };
    expect(await pool.acquire()).toEqual({ id: 1 });
    const waiting = pool.acquire();
    pool.release(factory.made[0]!);
    expect(await waiting).toEqual({ id: 2 });
    expect(factory.made).toHaveLength(2);
  });

  describe("of one, while a younger one is idle below it,", () => {
    let going: Deferred<void>;
    let pool: ResourcePool<Part>;
    let first: Promise<Part>;

    beforeEach(async () => {
      pool = poolOf({ size: 2, recycle: 1000, validateAfter: 5000 });
      const older = await pool.acquire();
      clock.advance(500);
      const younger = await pool.acquire();
      pool.release(younger);
      pool.release(older);
      clock.advance(500);
      going = deferred();
      factory.destroy = () => going.promise;
      first = pool.acquire();
    });

    test("lets nobody overtake who waits for the replacement", async () => {
      expect(pool.tryAcquire()).toBeUndefined();
      const second = pool.acquire();
      expect(await first).toEqual({ id: 2 });
      expect(factory.validated).toEqual([]);
      going.resolve();
      expect(await second).toEqual({ id: 3 });
    });

    test("keeps the younger one from new work once the pool drains", async () => {
      const drained = pool.drain();
      going.resolve();
      const part = await first;
      expect(pool.tryAcquire()).toBeUndefined();
      pool.release(part);
      await drained;
      expect(pool.stats.total).toBe(0);
    });
  });
});

describe("validation", () => {
  test("only what has been idle is validated", async () => {
    const pool = poolOf({ size: 1, validateAfter: 1000 });
    pool.release(await pool.acquire());
    clock.advance(999);
    pool.release(await pool.acquire());
    expect(factory.validated).toEqual([]);
    clock.advance(1000);
    expect(pool.tryAcquire()).toBeUndefined();
    expect(await pool.acquire()).toEqual({ id: 1 });
    expect(factory.validated).toEqual([1]);
  });

  test("a long use is no idleness", async () => {
    const pool = poolOf({ size: 1, validateAfter: 1000 });
    const part = await pool.acquire();
    clock.advance(5000);
    pool.release(part);
    expect(pool.tryAcquire()).toBe(part);
    expect(factory.validated).toEqual([]);
  });

  test.each([
    ["false", async () => false],
    [
      "a rejection",
      async () => {
        throw new Error("broken");
      },
    ],
  ])("a resource for which validate gives %s is replaced", async (_, validate) => {
    const pool = poolOf({ size: 1, validateAfter: 1000 });
    pool.release(await pool.acquire());
    clock.advance(1000);
    factory.validate = validate;
    expect(await pool.acquire()).toEqual({ id: 2 });
    expect(factory.destroyed).toEqual([1]);
    expect(pool.stats).toMatchObject({ total: 1, active: 1 });
  });

  test("while one is validated it counts as active, and another waiter gets another one", async () => {
    const pool = poolOf({ size: 2, validateAfter: 1000 });
    pool.release(await pool.acquire());
    clock.advance(1000);
    const validation = deferred<boolean>();
    factory.validate = () => validation.promise;
    const first = pool.acquire();
    expect(pool.stats).toEqual({ total: 1, idle: 0, active: 1, waiting: 1, limit: 2 });
    const second = pool.acquire();
    expect(await first).toEqual({ id: 2 });
    validation.resolve(true);
    expect(await second).toEqual({ id: 1 });
  });
});

describe("discarding", () => {
  test("a discarded resource is destroyed and frees its slot", async () => {
    const pool = poolOf({ size: 1 });
    await pool.discard(await pool.acquire());
    expect(factory.destroyed).toEqual([1]);
    expect(pool.stats.total).toBe(0);
    expect(await pool.acquire()).toEqual({ id: 2 });
  });

  test("who waits gets a new one in its place", async () => {
    const pool = poolOf({ size: 1 });
    const part = await pool.acquire();
    const waiting = pool.acquire();
    await pool.discard(part);
    expect(await waiting).toEqual({ id: 2 });
  });

  test("it resolves when the resource is destroyed", async () => {
    const pool = poolOf({ size: 1 });
    const going = deferred();
    factory.destroy = () => going.promise;
    const discarded = pool.discard(await pool.acquire());
    expect(await isPending(discarded)).toBe(true);
    going.resolve();
    await discarded;
  });

  test("discarding twice destroys once", async () => {
    const pool = poolOf({ size: 1 });
    const part = await pool.acquire();
    await Promise.all([pool.discard(part), pool.discard(part)]);
    pool.release(part);
    expect(factory.destroyed).toEqual([1]);
    expect(pool.stats.idle).toBe(0);
  });
});

describe("evicting", () => {
  test("destroys the idle resources that are stale, and tells how many they were", async () => {
    const pool = poolOf({ size: 4 });
    const [busy, ...others] = await acquireMany(pool, 4);
    for (const part of others) pool.release(part);
    expect(pool.evict(({ id }) => id !== 3)).toBe(2);
    expect(factory.destroyed.sort()).toEqual([2, 4]);
    expect(pool.stats).toMatchObject({ total: 2, idle: 1, active: 1 });
    expect(pool.evict(() => true)).toBe(1);
    expect([...pool.active]).toEqual([busy]);
    pool.release(busy!);
    expect(await pool.acquire()).toBe(busy);
  });

  test("is waited for by a drain", async () => {
    const pool = poolOf({ size: 1 });
    const going = deferred();
    factory.destroy = () => going.promise;
    pool.release(await pool.acquire());
    pool.evict(() => true);
    const drained = pool.drain();
    expect(await isPending(drained)).toBe(true);
    going.resolve();
    await drained;
  });
});

describe("draining", () => {
  test("destroys what is idle", async () => {
    const pool = poolOf({ size: 3 });
    for (const part of await acquireMany(pool, 3)) pool.release(part);
    await pool.drain();
    expect(factory.destroyed.sort()).toEqual([1, 2, 3]);
    expect(pool.stats.total).toBe(0);
  });

  test("refuses new work", async () => {
    const pool = poolOf({ size: 2 });
    pool.release(await pool.acquire());
    const drained = pool.drain();
    expect(pool.tryAcquire()).toBeUndefined();
    await expect(pool.acquire()).rejects.toBeInstanceOf(PoolClosedError);
    await drained;
    await expect(pool.acquire()).rejects.toBeInstanceOf(PoolClosedError);
  });

  test("refuses new work while an idle resource is left for nobody", async () => {
    const pool = poolOf({ size: 2 });
    const [busy, idle] = await acquireMany(pool, 2);
    pool.release(idle!);
    const drained = pool.drain();
    expect(pool.tryAcquire()).toBeUndefined();
    pool.release(busy!);
    await drained;
    expect(factory.destroyed.sort()).toEqual([1, 2]);
  });

  test("waits for what is in use, and destroys it when it is given back", async () => {
    const pool = poolOf({ size: 2 });
    const [first, second] = await acquireMany(pool, 2);
    const drained = pool.drain();
    pool.release(first!);
    expect(await isPending(drained)).toBe(true);
    expect(factory.destroyed).toEqual([first!.id]);
    await pool.discard(second!);
    await drained;
    expect(factory.destroyed).toEqual([first!.id, second!.id]);
  });

  test("serves who waits already", async () => {
    const pool = poolOf({ size: 1 });
    const part = await pool.acquire();
    const waiting = [pool.acquire(), pool.acquire()];
    const drained = pool.drain();
    pool.release(part);
    for (const promise of waiting) {
      expect(await isPending(drained)).toBe(true);
      pool.release(await promise);
    }
    await drained;
    expect(factory.destroyed).toEqual([1]);
  });

  test("destroys what was still being made for nobody", async () => {
    const pool = poolOf({ size: 1 });
    const making = deferred<Part>();
    factory.create = () => making.promise;
    const controller = new AbortController();
    const aborted = pool.acquire({ signal: controller.signal });
    controller.abort(new Error("no longer wanted"));
    await expect(aborted).rejects.toThrow("no longer wanted");
    const drained = pool.drain();
    expect(await isPending(drained)).toBe(true);
    making.resolve(factory.make());
    await drained;
    expect(factory.destroyed).toEqual([1]);
  });

  test("ends when the last creation fails", async () => {
    const pool = poolOf({ size: 1 });
    const making = deferred<Part>();
    factory.create = () => making.promise;
    const waiting = pool.acquire();
    const drained = pool.drain();
    making.reject(new Error("out of parts"));
    await expect(waiting).rejects.toThrow("out of parts");
    await drained;
  });

  test("ends when rejectWaiters sends the last ones away and the rest comes back", async () => {
    const pool = poolOf({ size: 1 });
    const part = await pool.acquire();
    const waiting = pool.acquire();
    const drained = pool.drain();
    pool.rejectWaiters(new Error("closing time"));
    await expect(waiting).rejects.toThrow("closing time");
    expect(await isPending(drained)).toBe(true);
    pool.release(part);
    await drained;
  });

  test("ends after the last waiter has given up", async () => {
    const pool = poolOf({ size: 1 });
    const part = await pool.acquire();
    const impatient = pool.acquire({ timeout: 1 });
    const drained = pool.drain();
    await expect(impatient).rejects.toBeInstanceOf(WaitTimeoutError);
    pool.release(part);
    await drained;
    expect(factory.destroyed).toEqual([1]);
  });

  test("resolves when the last destruction has ended, for everyone who drains", async () => {
    const pool = poolOf({ size: 1 });
    const going = deferred();
    factory.destroy = () => going.promise;
    const part = await pool.acquire();
    const drains = [pool.drain(), pool.drain()];
    pool.release(part);
    for (const drained of drains) expect(await isPending(drained)).toBe(true);
    going.resolve();
    await Promise.all(drains);
    await pool.drain();
  });

  test("waits for the destruction of what was discarded before", async () => {
    const pool = poolOf({ size: 1 });
    const going = deferred();
    factory.destroy = () => going.promise;
    const discarded = pool.discard(await pool.acquire());
    const drained = pool.drain();
    expect(await isPending(drained)).toBe(true);
    going.resolve();
    await Promise.all([discarded, drained]);
  });
});

test("stats follow every step", async () => {
  const pool = poolOf({ size: 1, overflow: 1 });
  const now = () => {
    const { total, idle, active, waiting, limit } = pool.stats;
    expect(limit).toBe(2);
    expect(total).toBe(idle + active);
    return [idle, active, waiting];
  };
  expect(now()).toEqual([0, 0, 0]);
  const first = pool.acquire();
  // It is being made: the slot is taken, and who asked still waits.
  expect(now()).toEqual([0, 1, 1]);
  const one = await first;
  expect(now()).toEqual([0, 1, 0]);
  const two = await pool.acquire();
  expect(now()).toEqual([0, 2, 0]);
  const third = pool.acquire();
  expect(now()).toEqual([0, 2, 1]);
  pool.release(one);
  expect(now()).toEqual([0, 2, 0]);
  expect(await third).toBe(one);
  pool.release(one);
  expect(now()).toEqual([0, 1, 0]);
  pool.release(two);
  expect(now()).toEqual([1, 0, 0]);
  pool.tryAcquire();
  expect(now()).toEqual([0, 1, 0]);
  await pool.discard(two);
  expect(now()).toEqual([0, 0, 0]);
});
