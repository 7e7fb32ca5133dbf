// Runs the recipes of docs/testing.md in a project that has the package installed, whose folder is the argument:
// with jest, vitest and node:test, as a user of each would.
import { execFileSync } from "node:child_process";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = new URL("..", import.meta.url).pathname;
const [project] = process.argv.slice(2);
const recipes = join(project, "testing");
const { devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

function run(cwd, command, ...args) {
  console.log(`> ${command} ${args.join(" ")}`);
  execFileSync(command, args, { cwd, stdio: "inherit" });
}

const tools = ["jest", "@swc/core", "@swc/jest", "tsx"].map((name) => `${name}@${devDependencies[name]}`);
run(project, "npm", "install", "--silent", "--no-save", ...tools, "vitest@^4");
cpSync(join(root, "examples/testing"), recipes, { recursive: true });
writeFileSync(
  join(recipes, "tsconfig.json"),
  JSON.stringify({ compilerOptions: { target: "ES2022", experimentalDecorators: true } }),
);
cpSync(join(root, "jest.config.js"), join(recipes, "jest.config.base.cjs"));
writeFileSync(
  join(recipes, "jest.config.cjs"),
  'module.exports = { ...require("./jest.config.base.cjs"), roots: ["<rootDir>/jest"] };',
);

run(recipes, "npx", "jest", "--config", "jest.config.cjs");
run(recipes, "npx", "vitest", "run", "--root", ".", "--dir", "vitest");
run(recipes, "node", "--import", "tsx", "--test", "node-test/sign-up.test.ts");
