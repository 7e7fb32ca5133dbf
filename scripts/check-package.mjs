// Packs the package and uses it as a stranger would: installed from the tarball into an empty project, from CommonJS,
// from an ES module and from TypeScript, and into two Nest projects. Ends with publint and @arethetypeswrong/cli.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = new URL("..", import.meta.url).pathname;
const { devDependencies, peerDependencies, peerDependenciesMeta } = JSON.parse(
  readFileSync(join(root, "package.json"), "utf8"),
);
const peers = Object.fromEntries(
  Object.entries(peerDependencies).filter(([name]) => !peerDependenciesMeta[name]?.optional),
);
const scratch = mkdtempSync(join(tmpdir(), "consumer-"));

function run(command, args, cwd = scratch) {
  console.log(`> ${command} ${args.join(" ")}`);
  execFileSync(command, args, { cwd, stdio: "inherit" });
}

/** A project in `folder` that has installed the tarball, the peers that are not optional, and `dependencies`. */
function install(folder, tarball, { type = "commonjs", dependencies = {}, flags = [] } = {}) {
  writeFileSync(
    join(folder, "package.json"),
    JSON.stringify({
      private: true,
      type,
      allowScripts: { sqlite3: true },
      dependencies: { "typeorm-sqlite-database": `file:${tarball}`, ...peers, ...dependencies },
      devDependencies: {
        typescript: devDependencies.typescript,
        "@types/node": devDependencies["@types/node"],
      },
    }),
  );
  run("npm", ["install", "--silent", ...flags], folder);
}

/** The project of `consumers/nest` with this version of Nest, run from CommonJS or as an ES module. */
function checkNest(version, type, tarball) {
  const folder = join(scratch, `nest-${version}`);
  mkdirSync(folder);
  const packages = ["common", "core", "platform-express", "typeorm"].map((name) => [
    `@nestjs/${name}`,
    `^${version}`,
  ]);
  const dependencies = { ...Object.fromEntries(packages), rxjs: devDependencies.rxjs };
  install(folder, tarball, { type, dependencies, flags: ["--ignore-scripts"] });
  // Compiling sqlite3 takes minutes where there is no prebuilt binary; it has been done once.
  const binary = "node_modules/sqlite3/build";
  cpSync(join(scratch, binary), join(folder, binary), { recursive: true });
  cpSync(join(root, "scripts/consumers/nest"), folder, { recursive: true });
  run("npx", ["tsc", "-p", "."], folder);
  run("node", ["run.mjs"], folder);
  console.log(`Nest ${version} (${type}): ok`);
}

try {
  run("npm", ["pack", "--silent", "--pack-destination", scratch], root);
  const packed = execFileSync("ls", { cwd: scratch, encoding: "utf8" }).trim();
  const tarball = join(scratch, packed);
  const files = execFileSync("tar", ["tzf", tarball], { encoding: "utf8" }).split("\n");
  const stray = files.filter(
    (file) => file && !/^package\/(dist\/|package\.json$|README\.md$|LICENSE$|CHANGELOG\.md$)/.test(file),
  );
  if (stray.length > 0) throw new Error(`The tarball holds what it should not: ${stray.join(", ")}`);

  install(scratch, tarball);
  cpSync(join(root, "scripts/consumers"), scratch, { recursive: true });
  run("node", ["consumer.cjs"]);
  run("node", ["consumer.mjs"]);
  run("npx", ["tsc", "-p", "."]);
  run("node", ["out/consumer.js"]);

  run("node", [join(root, "scripts/check-testing-recipes.mjs"), scratch]);

  checkNest(11, "commonjs", tarball);
  checkNest(12, "module", tarball);

  run("npx", ["publint", "--strict", tarball], root);
  run("npx", ["attw", tarball], root);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
