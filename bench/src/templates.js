"use strict";

const { execFileSync } = require("node:child_process");
const { constants, copyFileSync, existsSync, rmSync } = require("node:fs");
const { join } = require("node:path");

/** The files that the peers begin with, each made once. */
class Templates {
  #folder;

  constructor(folder) {
    this.#folder = folder;
  }

  #fileOf(name) {
    return join(this.#folder, `template-${name}.db`);
  }

  copy(name, file) {
    const template = this.#fileOf(name);
    if (!existsSync(template)) {
      execFileSync(process.execPath, [join(__dirname, "template.js"), name, template], { stdio: "inherit" });
    }
    copyFileSync(template, file, constants.COPYFILE_FICLONE);
    return file;
  }

  remove(name) {
    rmSync(this.#fileOf(name), { force: true });
  }
}

module.exports = { Templates };
