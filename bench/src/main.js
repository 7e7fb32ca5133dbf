"use strict";

const { spawnSync } = require("node:child_process");
const { mkdirSync, mkdtempSync, rmSync, writeFileSync } = require("node:fs");
const { availableParallelism, tmpdir, totalmem } = require("node:os");
const { dirname, join } = require("node:path");
const { measure } = require("./measure");
const { parseOptions } = require("./options");
const { printWorkload } = require("./report/console");
const { writePage } = require("./report/page");
const { checkTargets } = require("./report/targets");
const { Templates } = require("./templates");

const ROOT = join(__dirname, "../..");

/** The peers that run here, and why others do not. */
function describePeers(names, folder, templates) {
  const peers = {};
  const missing = {};
  for (const name of names) {
    const file = templates.copy("small", join(folder, `describe-${name}.db`));
    const described = spawnSync(process.execPath, [join(__dirname, "describe.js"), name, file]);
    const said = (output) => output.toString().trim().split("\n").at(-1);
    if (described.status === 0) peers[name] = JSON.parse(said(described.stdout));
    else missing[name] = said(described.stderr);
  }
  return { peers, missing };
}

const machine = () => ({
  node: process.version,
  cores: availableParallelism(),
  memory: Math.round(totalmem() / 2 ** 30),
  platform: `${process.platform} ${process.arch}`,
});

async function measureScale(scale, settings) {
  const peers = settings.peers.filter((name) => scale.peers.includes(name));
  const sizes = settings.quick ? scale.quickSizes : scale.sizes;
  const bySize = [];
  for (const size of sizes) {
    const workload = scale.workload(size);
    const results = await measure(workload, peers, settings);
    printWorkload(workload, results);
    bySize.push({ size, results });
  }
  return bySize;
}

async function run(options, folder) {
  const templates = new Templates(folder);
  const { peers, missing } = describePeers(options.peers, folder, templates);
  const abilities = new Map(Object.entries(peers).map(([name, peer]) => [name, new Set(peer.abilities)]));
  const settings = { ...options, peers: Object.keys(peers), folder, templates, abilities };
  const report = { machine: machine(), rounds: options.rounds, peers, missing, workloads: {}, scales: {} };
  const resultsFile = join(ROOT, "build/bench/results.json");
  mkdirSync(dirname(resultsFile), { recursive: true });
  const save = () => writeFileSync(resultsFile, JSON.stringify(report, undefined, 1));
  for (const workload of options.workloads) {
    const results = await measure(workload, settings.peers, settings);
    printWorkload(workload, results);
    report.workloads[workload.name] = results;
    save();
  }
  templates.remove("large");
  for (const scale of options.scales) {
    report.scales[scale.name] = await measureScale(scale, settings);
    save();
  }
  return report;
}

async function main() {
  const options = parseOptions(process.argv.slice(2));
  const folder = mkdtempSync(join(tmpdir(), "bench-"));
  try {
    const report = await run(options, folder);
    if (!options.quick) console.log(`\n${checkTargets(report).join("\n")}`);
    if (options.everything) writePage(report, join(ROOT, "docs"));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
