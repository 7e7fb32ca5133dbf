// Packs the package and uses it as a stranger would: installed from the tarball into an empty project, from CommonJS,
// from an ES module and from TypeScript. Ends with publint and @arethetypeswrong/cli.
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = new URL("..", import.meta.url).pathname;
const { devDependencies, peerDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const scratch = mkdtempSync(join(tmpdir(), "consumer-"));

function run(command, args, cwd = scratch) {
  console.log(`> ${command} ${args.join(" ")}`);
  execFileSync(command, args, { cwd, stdio: "inherit" });
}

try {
  run("npm", ["pack", "--silent", "--pack-destination", scratch], root);
  const tarball = execFileSync("ls", { cwd: scratch, encoding: "utf8" }).trim();
  const files = execFileSync("tar", ["tzf", tarball], { cwd: scratch, encoding: "utf8" }).split("\n");
  const stray = files.filter(
    (file) => file && !/^package\/(dist\/|package\.json$|README\.md$|LICENSE$|CHANGELOG\.md$)/.test(file),
  );
  if (stray.length > 0) throw new Error(`The tarball holds what it should not: ${stray.join(", ")}`);

  writeFileSync(
    join(scratch, "package.json"),
    JSON.stringify({
      private: true,
      allowScripts: { sqlite3: true },
      dependencies: { "typeorm-sqlite-database": `file:${tarball}`, ...peerDependencies },
      devDependencies: {
        typescript: devDependencies.typescript,
        "@types/node": devDependencies["@types/node"],
      },
    }),
  );
  run("npm", ["install", "--silent"]);
  cpSync(join(root, "scripts/consumers"), scratch, { recursive: true });
  run("node", ["consumer.cjs"]);
  run("node", ["consumer.mjs"]);
  run("npx", ["tsc", "-p", "."]);
  run("node", ["out/consumer.js"]);
  run("npx", ["typeorm-sqlite-database", "torture", "--rounds", "1"]);

  run("npx", ["publint", "--strict", join(scratch, tarball)], root);
  run("npx", ["attw", join(scratch, tarball)], root);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
