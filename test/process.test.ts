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

test("one signal ends any number of things, without a warning, and is let go of", async () => {
  const { output } = await runScript(script("many-listeners.ts"), [folder.file("app.db")], 15_000);
  expect(JSON.parse(output)).toEqual({ warnings: [], listeners: 0 });
});

test("what no entity needs is not loaded: neither all of class-validator nor Nest", async () => {
  const { output } = await runScript(script("loaded-packages.ts"), [folder.file("app.db")], 15_000);
  const { loaded, refused } = JSON.parse(output);
  expect(loaded).toEqual(expect.arrayContaining(["typeorm", "sqlite3"]));
  expect(loaded).not.toContain("validator");
  expect(loaded).not.toContain("libphonenumber-js");
  expect(loaded.filter((name: string) => name.startsWith("@nestjs/"))).toEqual([]);
  // And validates all the same, once there is something to validate.
  expect(refused).toBe("ENTITY_VALIDATION");
});
