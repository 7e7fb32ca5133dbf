"use strict";

const scales = require("./scale");

const WORKLOADS = [
  ...require("./reads"),
  ...require("./writes"),
  ...require("./concurrency"),
  ...require("./start").workloads,
];

/** By its name, also one of a scale: `rows-1000`. */
function workloadNamed(name) {
  const found = WORKLOADS.find((workload) => workload.name === name);
  if (found) return found;
  for (const scale of scales) {
    const size = scale.sizes.find((size) => name === `${scale.name}-${size}`);
    if (size !== undefined) return scale.workload(size);
  }
  throw new Error(`There is no workload ${name}.`);
}

module.exports = { scales, WORKLOADS, workloadNamed };
