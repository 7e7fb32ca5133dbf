// Runs the recipes of docs/testing.md in a project that has the package installed, whose folder is the argument:
// with jest, vitest and node:test, as a user of each would.
import { execFileSync } from "node:child_process";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = new URL("..", import.meta.url).pathname;
const [project] = process.argv.slice(2);
const { devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

function run(command, ...args) {
  console.log(`> ${command} ${args.join(" ")}`);
  execFileSync(command, args, { cwd: project, stdio: "inherit" });
}

const tools = ["jest", "@swc/core", "@swc/jest", "tsx"].map((name) => `${name}@${devDependencies[name]}`);
run("npm", "install", "--silent", "--no-save", ...tools, "vitest@^4");
cpSync(join(root, "examples/testing"), join(project, "testing"), { recursive: true });
writeFileSync(
  join(project, "testing/tsconfig.json"),
  JSON.stringify({ compilerOptions: { target: "ES2022", experimentalDecorators: true } }),
);
cpSync(join(root, "jest.config.js"), join(project, "testing/jest.config.base.cjs"));
writeFileSync(
  join(project, "testing/jest.config.cjs"),
  'module.exports = { ...require("./jest.config.base.cjs"), roots: ["<rootDir>/jest"] };',
);

run("npx", "jest", "--config", "testing/jest.config.cjs");
run("npx", "vitest", "run", "testing/vitest");
run("node", "--import", "tsx", "--test", "testing/node-test/sign-up.test.ts");
