import { join } from "node:path";
import { runScript } from "../support/child-process";
import { temporaryFolder } from "../support/temporary-folder";

const folder = temporaryFolder();
const script = join(__dirname, "../support/dates-of-two-kinds.ts");

test("a Date is the same moment for exec and for entities, whatever the time zone of the process", async () => {
  // In London, this is the hour that comes twice when summer time ends.
  const moment = "2024-10-27T01:30:00.123Z";
  const zones = { UTC: 0, "Asia/Kolkata": -330, "America/St_Johns": 150, "Europe/London": 0 };
  let written = 0;
  for (const [TZ, offset] of Object.entries(zones)) {
    const { code, output } = await runScript(script, [folder.file("app.db"), moment], 20_000, {
      env: { TZ },
    });
    expect(output).toMatch(/^\{/);
    expect(code).toBe(0);
    written += 2;
    expect(JSON.parse(output)).toEqual({
      offset,
      byEntity: new Array(written).fill(moment),
      byText: new Array(written).fill("2024-10-27 01:30:00.123"),
    });
  }
});
