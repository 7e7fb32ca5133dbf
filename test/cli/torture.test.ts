import { appendFileSync, existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseTortureOptions } from "../../src/cli/torture/options";
import { UsageError } from "../../src/cli/usage-error";
import { type ChildOutcome, runScript } from "../support/child-process";
import { until } from "../support/deferred";
import { temporaryFolder } from "../support/temporary-folder";

const folder = temporaryFolder();
/** Milliseconds; there only so that a run that hangs leaves no process behind. */
const PATIENCE = 240_000;
const MAIN = join(__dirname, "../../src/cli/main.ts");

function run(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<ChildOutcome> {
  return runScript(MAIN, args, PATIENCE, env ? { env } : {});
}

test(
  "a short run kills processes, loses nothing, and removes its files",
  async () => {
    const temporary = folder.path;
    const { code, output } = await run(["torture", "--rounds", "1", "--seed", "2", "--writers", "2"], {
      TMPDIR: temporary,
    });
    expect(output).toMatch(/^seed 2, files in /);
    expect(output).toMatch(/\nround 1: \d+ kills, \d+ sessions acknowledged/);
    expect(output).toMatch(/\n +during session +[1-9]/);
    expect(output).toMatch(/\nsessions acknowledged +[1-9]/);
    expect(output).toMatch(/\nbackups checked +[1-9]/);
    expect(output).toMatch(/\nchecks while others wrote +1\n/);
    expect(output).toMatch(/\nNothing was lost\.\n$/);
    expect(code).toBe(0);
    expect(readdirSync(temporary)).toEqual([]);
  },
  PATIENCE,
);

test(
  "a run that misses what was acknowledged ends at once, says what, keeps its files, and exits with 1",
  async () => {
    const path = folder.file("run");
    const outcome = run(["torture", "--minutes", "60", "--seed", "2", "--writers", "2", "--path", path]);
    const ledgers = join(path, "ledgers");
    await until(() => existsSync(ledgers));
    const forged = [
      { kind: "intent", batch: "forged", state: "1 items 0123456789abcdef" },
      { kind: "acknowledged", batch: "forged" },
    ];
    // As a whole, and before the first round is over.
    appendFileSync(join(ledgers, "forged.log"), forged.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
    const { code, output } = await outcome;
    expect(output).toContain("- batch forged is lost: it was acknowledged as 1 items 0123456789abcdef");
    expect(output).not.toContain("Nothing was lost");
    expect(output).toContain(`The files are kept in ${path}`);
    expect(code).toBe(1);
    expect(readdirSync(path)).toContain("torture.db");
  },
  PATIENCE,
);

describe("the command line", () => {
  test.each([
    [["--minuets", "1"], "--minuets"],
    [["now"], "now"],
    [["--minutes", "0"], '--minutes takes a number greater than 0 (got "0").'],
    [["--minutes", "soon"], '--minutes takes a number greater than 0 (got "soon").'],
    [["--rounds", "1.5"], '--rounds takes a whole number from 1 to 2147483647 (got "1.5").'],
    [["--seed", "x"], '--seed takes a whole number from 0 to 2147483647 (got "x").'],
    [["--writers", "0"], '--writers takes a whole number from 1 to 2147483647 (got "0").'],
  ])("torture %j is refused", (args, message) => {
    expect(() => parseTortureOptions(args)).toThrow(UsageError);
    expect(() => parseTortureOptions(args)).toThrow(message);
  });

  test("what is not given has a default, and the seed is another each time", () => {
    const options = parseTortureOptions([]);
    expect(options).toMatchObject({
      minutes: 1,
      rounds: Number.POSITIVE_INFINITY,
      writers: 3,
      path: undefined,
    });
    expect(parseTortureOptions([])?.seed).not.toBe(options?.seed);
    expect(parseTortureOptions(["--minutes", "0.5", "--seed", "0"])).toMatchObject({ minutes: 0.5, seed: 0 });
  });

  test.each([
    [[], "No command was given."],
    [["tortrue"], 'There is no command "tortrue".'],
    [["torture", "--seed", "x"], "--seed takes a whole number"],
  ])("%j ends with exit code 2", async (args, message) => {
    const { code, output } = await run(args);
    expect(output).toContain(message);
    expect(output).toContain("See typeorm-sqlite-database --help.");
    expect(output).not.toMatch(/^ +at /m);
    expect(code).toBe(2);
  });

  test("a folder with files in it is refused, and left alone", async () => {
    writeFileSync(folder.file("precious.db"), "");
    const { code, output } = await run(["torture", "--path", folder.path]);
    expect(output).toContain(`--path takes a new or an empty folder, and "${folder.path}" is not empty.`);
    expect(code).toBe(2);
    expect(readdirSync(folder.path)).toEqual(["precious.db"]);
    const file = await run(["torture", "--path", folder.file("precious.db")]);
    expect(file.output).toContain("--path takes a folder: ");
    expect(file.code).toBe(2);
  });

  test.each([[["--help"]], [["torture", "--help"]]])("%j explains itself", async (args) => {
    const { code, output } = await run(args);
    expect(output).toMatch(/^Usage: typeorm-sqlite-database /);
    expect(code).toBe(0);
  });
});
