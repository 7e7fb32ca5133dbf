import { join } from "node:path";
import { runScript } from "../support/child-process";
import { rawRead } from "../support/raw-database";
import { NOTES } from "../support/small-entities";
import { temporaryFolder } from "../support/temporary-folder";

const folder = temporaryFolder();

test("the seeders and factories of typeorm-extension fill a database, also inside a session", async () => {
  const path = folder.file("app.db");
  const { output, code } = await runScript(join(__dirname, "seed.ts"), [path], 25_000);
  expect(output).toContain("seeders 2\n");
  expect(output).toContain("on purpose\n");
  expect(code).toBe(0);
  expect((await rawRead(path, NOTES)).map(({ text }) => text)).toEqual([
    "factory 1",
    "factory 2",
    "factory 3",
    "by hand",
  ]);
  expect(await rawRead(path, "SELECT balance FROM accounts")).toEqual([{ balance: 100 }]);
});
