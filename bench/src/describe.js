"use strict";

/** What a peer can do, and its versions; asked in a process of its own: `node describe.js peer file`. */

const { dirname, join } = require("node:path");
const { peerNamed } = require("./peers");

function versionOf(name) {
  for (let folder = dirname(require.resolve(name)); ; folder = dirname(folder)) {
    try {
      const { name: actual, version } = require(join(folder, "package.json"));
      if (version) return `${actual} ${version}`;
    } catch {
      if (folder === dirname(folder)) throw new Error(`${name} has no version.`);
    }
  }
}

async function describe(name, file) {
  const module = peerNamed(name);
  const peer = await module.open(file);
  const [{ version }] = await peer.raw("SELECT sqlite_version() AS version");
  await peer.close();
  return {
    title: module.title,
    versions: [...module.packages.map(versionOf), `SQLite ${version}`],
    abilities: [...Object.keys(peer), ...(module.createTables ? ["createTables"] : [])],
    lacks: module.lacks,
  };
}

describe(process.argv[2], process.argv[3]).then(
  (description) => {
    console.log(`\n${JSON.stringify(description)}`);
    process.exit(0);
  },
  (error) => {
    console.error(error.message.split("\n")[0]);
    process.exit(1);
  },
);
