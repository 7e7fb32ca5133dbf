import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { plainEnvironment } from "../support/plain-environment";

const run = promisify(execFile);
const root = join(__dirname, "../..");
const recipe = (runner: string) => join(root, "examples/testing", runner, "sign-up.test.ts");

// vitest is no dependency here; scripts/check-testing-recipes.mjs runs all three.

test("the recipe for jest passes", async () => {
  const config = {
    ...require("../../jest.config.js"),
    rootDir: root,
    roots: ["<rootDir>/examples/testing/jest"],
    moduleNameMapper: {
      "^typeorm-sqlite-database$": "<rootDir>/src",
      "^typeorm-sqlite-database/(.*)$": "<rootDir>/src/$1",
    },
  };
  const jest = require.resolve("jest/bin/jest");
  const { stderr } = await run(process.execPath, [jest, "--config", JSON.stringify(config)], {
    cwd: root,
    env: plainEnvironment,
  });
  expect(stderr).toMatch(/Tests: +2 passed, 2 total/);
});

test("the recipe for node:test passes", async () => {
  const { stdout } = await run(process.execPath, ["--import", "tsx", "--test", recipe("node-test")], {
    cwd: root,
    env: plainEnvironment,
  });
  expect(stdout).toMatch(/^# pass 3$/m);
});
