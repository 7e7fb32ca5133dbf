import { readdirSync } from "node:fs";
import { join } from "node:path";
import { runScript } from "./support/child-process";
import { rawRead } from "./support/raw-database";
import { NOTES } from "./support/small-entities";
import { temporaryFolder } from "./support/temporary-folder";

const folder = temporaryFolder();
const script = (name: string) => join(__dirname, "support", name);

test("a process that opened, used and closed a database ends by itself", async () => {
  const path = folder.file("app.db");
  const outcome = await runScript(script("open-use-close.ts"), [path], 15_000);
  expect(outcome).toEqual({ code: 0, signal: null, output: "closed\n" });
  expect(readdirSync(folder.path)).toEqual(["app.db"]);
  expect(await rawRead(path, NOTES)).toEqual([{ text: "by a process" }]);
});

test("50 times opening and closing leave no descriptor and no memory behind", async () => {
  const rounds = 50;
  const { code, output } = await runScript(
    script("many-cycles.ts"),
    [folder.file("app.db"), String(rounds)],
    25_000,
  );
  expect(output).toMatch(/^\{/);
  expect(code).toBe(0);
  const { before, after, open } = JSON.parse(output);
  expect(open).toEqual([]);
  expect(after.descriptors).toBe(before.descriptors);
  // Less than half of this was measured, and no more of it after 200 rounds.
  expect(after.heap - before.heap).toBeLessThan(250_000);
});
