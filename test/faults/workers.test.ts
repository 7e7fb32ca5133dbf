import { join } from "node:path";
import { runScript } from "../support/child-process";
import { testDatabases } from "../support/databases";
import { NOTES, Note } from "../support/small-entities";

const databases = testDatabases();
const run = (how: string) => runScript(join(__dirname, "worker.ts"), [databases.path, how], 20_000);

test.each(["closed", "closed and terminated", "idle"])(
  "a worker thread whose database is %s ends without harm to the process",
  async (how) => {
    expect(await run(how)).toEqual({ code: 0, signal: null, output: `${how}: 1\n` });
  },
);

// A limit, not a promise: sqlite3 calls back into a thread that is gone (https://github.com/TryGhost/node-sqlite3/issues/1666),
// and nothing in JavaScript can keep it from that. Where this test fails, take the warning out of the documents.
test("a worker thread that is terminated while a statement runs takes the process with it, but not the file", async () => {
  const { signal, output } = await run("running");
  expect({ signal, output }).toEqual({ signal: "SIGABRT", output: expect.stringContaining("FATAL ERROR") });
  const database = await databases.open({ entities: [Note] });
  expect((await database.exec(NOTES)).scalars()).toEqual(["running"]);
  expect(await database.checkIntegrity()).toMatchObject({ ok: true });
});
