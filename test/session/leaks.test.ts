import { join } from "node:path";
import { runScript } from "../support/child-process";
import { rawRead } from "../support/raw-database";
import { NOTES } from "../support/small-entities";
import { temporaryFolder } from "../support/temporary-folder";

const folder = temporaryFolder();
const path = () => folder.file("app.db");
const script = (name: string) => join(__dirname, "../support", name);

async function report(name: string, ...args: string[]) {
  const { code, output } = await runScript(script(name), [path(), ...args], 60_000);
  const [json] = /^\{.*\}$/m.exec(output) ?? [output];
  expect(json).toMatch(/^\{/);
  expect(code).toBe(0);
  return JSON.parse(json);
}

test("a session that is never closed is found, with where it was opened, and its connection taken back; one that is in use is not", async () => {
  const { warnings, held, free, count } = await report("forgotten-session.ts");
  expect(held).toMatchObject({ writer: { busy: true }, holders: [{ label: "forgotten" }] });
  expect(warnings).toEqual([
    {
      name: "SessionLeakWarning",
      code: "SESSION_LEAK",
      message: expect.stringMatching(/^The session "forgotten" .* opened at forget .*forgotten-session\.ts/s),
    },
  ]);
  expect(free).toMatchObject({ writer: { busy: false, waiting: 0 }, holders: [] });
  expect(await rawRead(path(), NOTES)).toEqual([{ text: "after" }]);
  expect(count).toBe(1);
});

test("10,000 sessions, half of them failing, leave heap, handles and statement caches flat", async () => {
  const rounds = 1000;
  const { before, after, balance } = await report("many-sessions.ts", String(rounds));
  expect(balance).toBe(400 + rounds);
  expect(after.descriptors).toBeLessThanOrEqual(before.descriptors + 2);
  expect(after.stats).toMatchObject({ writer: { busy: false, waiting: 0 }, holders: [] });
  expect(after.heap - before.heap).toBeLessThan(1_000_000);
}, 90_000);
