"use strict";

const { figure, scaleOf } = require("./figures");
const { ratioOf } = require("../statistics");

/** One line for each peer, as soon as a workload has been measured. */
function printWorkload(workload, results) {
  console.log(`\n${workload.title} (${workload.unit})`);
  const ours = results.ours?.rounds;
  for (const [peer, { failure, lacks, time, rounds, metrics, memory }] of Object.entries(results)) {
    const name = peer.padEnd(28);
    if (!time) {
      console.log(`  ${name} ${lacks ? `- ${lacks}` : `fails: ${failure}`}`);
      continue;
    }
    const scale = scaleOf(workload.unit);
    const spread = `${figure(time.low * scale)} – ${figure(time.high * scale)}`;
    const ratio = ours && peer !== "ours" ? `${ratioOf(rounds, ours).median.toFixed(2)} ×` : "";
    const more = Object.entries(metrics).map(([metric, { median }]) => `${metric} ${figure(median)} ms`);
    console.log(
      `  ${name} ${figure(time.median * scale).padStart(8)} (${spread})`.padEnd(64),
      ratio.padStart(8),
      `${Math.round(memory / 2 ** 20)} MB`.padStart(8),
      ...more,
    );
  }
}

module.exports = { printWorkload };
