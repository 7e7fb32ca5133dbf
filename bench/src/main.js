"use strict";

const { execFileSync } = require("node:child_process");
const { mkdirSync, mkdtempSync, rmSync, writeFileSync } = require("node:fs");
const { availableParallelism, tmpdir, totalmem } = require("node:os");
const { join } = require("node:path");
const { measure } = require("./measure");
const { parseOptions } = require("./options");
const { printWorkload } = require("./report/console");
const { writePage } = require("./report/page");
const { Templates } = require("./templates");

const ROOT = join(__dirname, "../..");

function describePeers(peers, folder, templates) {
  return Object.fromEntries(
    peers.map((name) => {
      const file = templates.copy("small", join(folder, `describe-${name}.db`));
      const printed = execFileSync(process.execPath, [join(__dirname, "describe.js"), name, file]).toString();
      return [name, JSON.parse(printed.trim().split("\n").at(-1))];
    }),
  );
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
  const peers = describePeers(options.peers, folder, templates);
  const abilities = new Map(Object.entries(peers).map(([name, peer]) => [name, new Set(peer.abilities)]));
  const settings = { ...options, folder, templates, abilities };
  const report = { machine: machine(), rounds: options.rounds, peers, workloads: {}, scales: {} };
  for (const workload of options.workloads) {
    const results = await measure(workload, options.peers, settings);
    printWorkload(workload, results);
    report.workloads[workload.name] = results;
  }
  templates.remove("large");
  for (const scale of options.scales) report.scales[scale.name] = await measureScale(scale, settings);
  return report;
}

async function main() {
  const options = parseOptions(process.argv.slice(2));
  const folder = mkdtempSync(join(tmpdir(), "bench-"));
  try {
    const report = await run(options, folder);
    mkdirSync(join(ROOT, "build/bench"), { recursive: true });
    writeFileSync(join(ROOT, "build/bench/results.json"), JSON.stringify(report, undefined, 1));
    if (options.everything) writePage(report, join(ROOT, "docs"));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
