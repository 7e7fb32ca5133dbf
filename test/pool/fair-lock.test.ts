import { FairLock, WaitTimeoutError } from "../../src/pool/fair-lock";
import { deferred, isPending, settle } from "../support/deferred";

test("the lock is given out in the order it was asked for", async () => {
  const lock = new FairLock();
  const order: number[] = [];
  await Promise.all(
    Array.from({ length: 20 }, async (_, number) => {
      const release = await lock.acquire();
      order.push(number);
      await settle();
      release();
    }),
  );
  expect(order).toEqual(Array.from({ length: 20 }, (_, number) => number));
});

test("only one holds the lock at a time", async () => {
  const lock = new FairLock();
  let holders = 0;
  let most = 0;
  await Promise.all(
    Array.from({ length: 10 }, async () => {
      const release = await lock.acquire();
      most = Math.max(most, ++holders);
      await settle();
      holders--;
      release();
    }),
  );
  expect(most).toBe(1);
});

test("who comes while the lock is handed on does not overtake who waits", async () => {
  const lock = new FairLock();
  const order: string[] = [];
  const release = await lock.acquire();
  const waiting = lock.acquire().then((done) => {
    order.push("waited");
    done();
  });
  release();
  const late = lock.acquire().then((done) => {
    order.push("late");
    done();
  });
  await Promise.all([waiting, late]);
  expect(order).toEqual(["waited", "late"]);
});

test("tryAcquire gives the lock at once, and only if nobody has it", async () => {
  const lock = new FairLock();
  const release = lock.tryAcquire();
  expect(lock.tryAcquire()).toBeUndefined();
  const waiting = lock.acquire();
  release!();
  expect(lock.tryAcquire()).toBeUndefined();
  (await waiting)();
  expect(lock.tryAcquire()).toBeDefined();
});

test("isHeld and waiting tell its state", async () => {
  const lock = new FairLock();
  expect([lock.isHeld, lock.waiting]).toEqual([false, 0]);
  const first = await lock.acquire();
  const second = lock.acquire();
  const third = lock.acquire();
  expect([lock.isHeld, lock.waiting]).toEqual([true, 2]);
  first();
  expect([lock.isHeld, lock.waiting]).toEqual([true, 1]);
  (await second)();
  (await third)();
  expect([lock.isHeld, lock.waiting]).toEqual([false, 0]);
});

test("releasing twice does not take the lock from the next holder", async () => {
  const lock = new FairLock();
  const first = await lock.acquire();
  const second = lock.acquire();
  const third = lock.acquire();
  first();
  first();
  const releaseSecond = await second;
  expect(await isPending(third)).toBe(true);
  releaseSecond();
  releaseSecond();
  const releaseThird = await third;
  expect(lock.isHeld).toBe(true);
  releaseThird();
  expect(lock.isHeld).toBe(false);
});

test("who waits too long is told, and leaves the line", async () => {
  const lock = new FairLock();
  const release = await lock.acquire();
  const impatient = lock.acquire({ timeout: 1 });
  const patient = lock.acquire({ timeout: 60_000 });
  await expect(impatient).rejects.toBeInstanceOf(WaitTimeoutError);
  expect(lock.waiting).toBe(1);
  release();
  (await patient)();
});

test("whoever is given more time when it is up waits on in the same place", async () => {
  const lock = new FairLock();
  const release = await lock.acquire();
  const extensions = [1, 60_000];
  const extended = deferred();
  const order: string[] = [];
  const waiting = [
    lock
      .acquire({
        timeout: 1,
        extend: () => {
          if (extensions.length === 1) extended.resolve();
          return extensions.shift();
        },
      })
      .then((done) => order.push("extended") && done()),
    lock.acquire().then((done) => order.push("behind") && done()),
  ];
  await extended.promise;
  release();
  await Promise.all(waiting);
  expect(order).toEqual(["extended", "behind"]);
});

test("a timeout that has not passed when the turn comes does nothing later", async () => {
  const lock = new FairLock();
  const release = await lock.acquire();
  const timers = jest.spyOn(global, "clearTimeout");
  const waiting = lock.acquire({ timeout: 60_000 });
  release();
  (await waiting)();
  // A timer that is left behind keeps the process from ending for as long as the timeout.
  expect(timers).toHaveBeenCalledWith(expect.objectContaining({ _destroyed: true }));
  timers.mockRestore();
});

test("a signal that is aborted already rejects at once with its reason", async () => {
  const lock = new FairLock();
  const reason = new Error("no longer wanted");
  await expect(lock.acquire({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  expect(lock.isHeld).toBe(false);
});

test("an aborted waiter leaves the line with the reason, and the others keep their order", async () => {
  const lock = new FairLock();
  const release = await lock.acquire();
  const controller = new AbortController();
  const order: string[] = [];
  const take = (name: string, signal?: AbortSignal) =>
    lock.acquire({ signal }).then((done) => {
      order.push(name);
      done();
    });
  const first = take("first");
  const aborted = take("aborted", controller.signal);
  const last = take("last");
  const reason = new Error("no longer wanted");
  controller.abort(reason);
  await expect(aborted).rejects.toBe(reason);
  expect(lock.waiting).toBe(2);
  release();
  await Promise.all([first, last]);
  expect(order).toEqual(["first", "last"]);
});

test("a signal aborted after the turn has come changes nothing", async () => {
  const lock = new FairLock();
  const controller = new AbortController();
  const first = await lock.acquire();
  const granted = lock.acquire({ signal: controller.signal });
  first();
  controller.abort();
  const release = await granted;
  const next = lock.acquire();
  expect(await isPending(next)).toBe(true);
  release();
  (await next)();
});

test("a failing holder that releases in finally lets the next one in", async () => {
  const lock = new FairLock();
  const entered = deferred();
  const failing = (async () => {
    const release = await lock.acquire();
    try {
      await entered.promise;
      throw new Error("failed inside");
    } finally {
      release();
    }
  })();
  const next = lock.acquire();
  entered.resolve();
  await expect(failing).rejects.toThrow("failed inside");
  (await next)();
  expect(lock.isHeld).toBe(false);
});
