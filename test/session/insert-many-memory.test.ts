import { testDatabases } from "../support/databases";
import { Note } from "../support/small-entities";

const databases = testDatabases();

// In a file of its own: what else was done in this process takes memory too.
test("insertMany keeps the memory flat, however many rows there are", async () => {
  const count = 500_000;
  const database = await databases.open({ entities: [Note] });
  const before = process.memoryUsage().heapUsed;
  let most = 0;
  function* rows() {
    for (let n = 1; n <= count; n++) {
      if (n % 1000 === 0) most = Math.max(most, process.memoryUsage().heapUsed - before);
      yield { text: `a longer text for the note ${n}` };
    }
  }
  expect(await database.insertMany(Note, rows())).toBe(count);
  expect(most).toBeLessThan(40 * 1024 * 1024);
});
