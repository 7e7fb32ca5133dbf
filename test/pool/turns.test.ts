import { Turns } from "../../src/pool/turns";
import { isPending, settle } from "../support/deferred";

const PATIENCE = 50;

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ["setImmediate", "nextTick", "queueMicrotask"] });
});
afterEach(() => {
  expect(jest.getTimerCount()).toBe(0);
  jest.useRealTimers();
});

test("turns are given out in the order they were asked for, and no more at once than there are", async () => {
  const turns = new Turns({ permits: 3, patience: PATIENCE });
  const order: number[] = [];
  let running = 0;
  let most = 0;
  await Promise.all(
    Array.from({ length: 20 }, async (_, number) => {
      const done = await turns.take();
      order.push(number);
      most = Math.max(most, ++running);
      await settle();
      running--;
      done();
    }),
  );
  expect(order).toEqual(Array.from({ length: 20 }, (_, number) => number));
  expect(most).toBe(3);
});

test("tryTake gives a turn at once, while there is one", async () => {
  const turns = new Turns({ permits: 1, patience: 60_000 });
  const done = turns.tryTake();
  expect(turns.tryTake()).toBeUndefined();
  done!();
  expect(turns.tryTake()).toBeDefined();
});

test("who waits goes on waiting while turns are given back, however long all of them take", async () => {
  const turns = new Turns({ permits: 1, patience: PATIENCE });
  let done = await turns.take();
  const waiting = Array.from({ length: 5 }, () => turns.take());
  for (const next of waiting) {
    jest.advanceTimersByTime(PATIENCE - 1);
    await settle();
    expect(await isPending(next)).toBe(true);
    done();
    done = await next;
  }
  done();
});

test("when none is given back for a while, all who wait go on, and the turns are as many as before", async () => {
  const turns = new Turns({ permits: 1, patience: PATIENCE });
  const done = await turns.take();
  const waiting = [turns.take(), turns.take()];
  jest.advanceTimersByTime(PATIENCE);
  for (const without of await Promise.all(waiting)) without();

  const next = turns.take();
  expect(await isPending(next)).toBe(true);
  done();
  (await next)();
});

test("a signal takes who waits out of the line", async () => {
  const turns = new Turns({ permits: 1, patience: PATIENCE });
  const done = await turns.take();
  const controller = new AbortController();
  const left = turns.take(controller.signal);
  const next = turns.take();
  controller.abort(new Error("enough"));
  await expect(left).rejects.toThrow("enough");
  await expect(turns.take(controller.signal)).rejects.toThrow("enough");
  done();
  (await next)();
});

test("no timer is left when the last who waits has left", async () => {
  const turns = new Turns({ permits: 1, patience: PATIENCE });
  const done = await turns.take();
  const controller = new AbortController();
  const left = turns.take(controller.signal);
  controller.abort(new Error("enough"));
  await expect(left).rejects.toThrow("enough");
  expect(jest.getTimerCount()).toBe(0);
  done();
});
