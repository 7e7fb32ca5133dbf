import { performance } from "node:perf_hooks";
import { Trial } from "../../src/driver/stay-awake";
import { testDatabases } from "../support/databases";
import { LONG_READ } from "../support/small-entities";

// While a short call runs on SQLite's thread, the event loop does not go to sleep where that is quicker.

const databases = testDatabases();
const ROUND = 64;

/** Adds rounds of calls that take so long in each way, and tells which way each of them went. */
function rounds(trial: Trial, count: number, took: { awake: number; asleep: number }): boolean[] {
  return Array.from({ length: count }, () => {
    const { staysAwake } = trial;
    for (let call = 0; call < ROUND; call++) trial.add(staysAwake ? took.awake : took.asleep);
    return staysAwake;
  });
}

test("the quicker way is kept, and the other is tried from time to time", () => {
  const trial = new Trial();
  rounds(trial, 3, { awake: 0.02, asleep: 0.05 });
  const quick = rounds(trial, 32, { awake: 0.02, asleep: 0.05 });
  expect(quick.filter((awake) => awake)).toHaveLength(30);
  rounds(trial, 16, { awake: 0.04, asleep: 0.03 });
  const slow = rounds(trial, 32, { awake: 0.04, asleep: 0.03 });
  expect(slow.filter((awake) => awake)).toHaveLength(2);
});

test("a few calls that take long do not decide", () => {
  const trial = new Trial();
  rounds(trial, 3, { awake: 0.02, asleep: 0.05 });
  for (let call = 0; call < 2; call++) trial.add(1000);
  for (let call = 2; call < ROUND; call++) trial.add(0.02);
  expect(trial.staysAwake).toBe(true);
});

test("the event loop sleeps while a long statement runs, and does everything else", async () => {
  const database = await databases.open();
  for (let n = 0; n < 200; n++) await database.exec("SELECT :n AS n", { n });
  const before = performance.eventLoopUtilization();
  const reading = database.exec(LONG_READ);
  let ticks = 0;
  const timer = setInterval(() => {
    ticks++;
  }, 5);
  await reading;
  clearInterval(timer);
  const { active, idle } = performance.eventLoopUtilization(before);
  expect(ticks).toBeGreaterThan(10);
  expect(idle).toBeGreaterThan(5 * active);
});

test.each([false, true])(
  "statements run under fake timers, also many at once (legacy: %s)",
  async (legacy) => {
    const database = await databases.open();
    const numbers = Array.from({ length: 60 }, (_, n) => n);
    const read = async (n: number) => (await database.exec("SELECT :n AS n", { n })).scalar();
    jest.useFakeTimers({ legacyFakeTimers: legacy });
    try {
      for (const n of numbers.slice(0, 10)) expect(await read(n)).toBe(n);
      expect(await Promise.all(numbers.map(read))).toEqual(numbers);
    } finally {
      jest.useRealTimers();
    }
  },
);
