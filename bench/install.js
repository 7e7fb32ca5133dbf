"use strict";

const { execFileSync } = require("node:child_process");
const { statSync } = require("node:fs");
const { join } = require("node:path");

/** Installs the peers, unless they are those of the lock file already: two of them compile for minutes. */

const changedAt = (file) => statSync(join(__dirname, file), { throwIfNoEntry: false })?.mtimeMs ?? 0;

if (changedAt("node_modules/.package-lock.json") < changedAt("package-lock.json")) {
  execFileSync("npm", ["ci"], { cwd: __dirname, stdio: "inherit", shell: process.platform === "win32" });
}
