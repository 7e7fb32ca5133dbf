import { WorkInFlight } from "../../src/driver/work-in-flight";
import { isPending } from "../support/deferred";

test("work that is told twice to have ended, as a transaction that is rolled back after its commit, counts once", async () => {
  const work = new WorkInFlight();
  const [end] = [work.begin(), work.begin()];
  end();
  end();
  expect(await isPending(work.allEnded())).toBe(true);
});

test("all have ended once the last one has, and where none has begun", async () => {
  const work = new WorkInFlight();
  expect(await isPending(work.allEnded())).toBe(false);
  const ends = [work.begin(), work.begin()];
  const ended = work.allEnded();
  for (const end of ends) end();
  await ended;
  expect(await isPending(work.allEnded())).toBe(false);
});
