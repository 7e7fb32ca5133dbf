"use strict";

const { ratioOf } = require("../statistics");

const CORES = require("node:os").availableParallelism();
const SQLITE3 = "typeorm-0.3-sqlite3";
const BETTER = "typeorm-1.1-better-sqlite3";
const POOLED = "n8n-typeorm-pooled";

/** How many times as long a peer must take; more is better for this library. */
const TARGETS = [
  ...Object.entries({
    read: 3,
    "find-one": 1.8,
    "find-one-64": 2.5,
    save: 3,
    "save-array": 12,
    insert: 3,
    "find-1000": 1.8,
    "create-50": 3,
  }).map(([workload, atLeast]) => ({ peer: SQLITE3, workload, atLeast })),
  { peer: SQLITE3, workload: "every", atLeast: 1 },
  ...Object.entries({
    "save-array": 4,
    insert: 2,
    "find-1000": 1.1,
    "create-50": 1.5,
    aggregates: 0.8 * CORES,
    mix: 1,
  }).map(([workload, atLeast]) => ({ peer: BETTER, workload, atLeast })),
  { peer: BETTER, workload: "aggregates", metric: "delay", atLeast: 10 },
  { peer: POOLED, workload: "sessions-64", atLeast: 1.5 },
  { peer: POOLED, workload: "sessions-1000", atLeast: 1.5 },
  { peer: POOLED, workload: "every", atLeast: 1 },
  { peer: "bare-sqlite3", workload: "read", atLeast: 1 / 1.5 },
  { peer: "bare-better-sqlite3", workload: "insert-many", atLeast: 0.9 },
];

/** What a thread costs that a synchronous module has not: nowhere more than between the two modules themselves. */
const SMALL_STATEMENTS = ["read", "named", "update", "delete"];

const STREAM_ROWS_PER_SECOND = 500_000;

function measured({ workloads }, { peer, workload, metric }) {
  const [theirs, ours] = [workloads[workload]?.[peer], workloads[workload]?.ours];
  const roundsOf = (result) => (metric ? result?.metrics?.[metric]?.values : result?.rounds);
  return roundsOf(theirs) && roundsOf(ours) && ratioOf(roundsOf(theirs), roundsOf(ours)).median;
}

/** Each target with what was measured, in lines for the console. */
function checkTargets(report) {
  const expanded = TARGETS.flatMap((target) =>
    target.workload === "every"
      ? Object.keys(report.workloads).map((workload) => ({ ...target, workload }))
      : [target],
  );
  const lines = expanded.flatMap((target) => {
    const ratio = measured(report, target);
    if (ratio === undefined) return [];
    const { peer, workload, metric, atLeast } = target;
    const what = `${peer} ${workload}${metric ? ` ${metric}` : ""}`;
    return [`${ratio >= atLeast ? "holds" : "MISSES"}  ${what}: ${ratio.toFixed(2)} (${atLeast.toFixed(2)})`];
  });
  for (const name of SMALL_STATEMENTS) {
    const roundsOf = (peer) => report.workloads[name]?.[peer]?.rounds;
    const behind = (slow, fast) => slow && fast && ratioOf(slow, fast).median;
    const ours = behind(roundsOf("ours"), roundsOf(BETTER));
    const modules = behind(roundsOf("bare-sqlite3"), roundsOf("bare-better-sqlite3"));
    if (!ours || !modules) continue;
    const verdict = ours <= modules ? "holds" : "MISSES";
    lines.push(`${verdict}  ${name} behind ${BETTER}: ${ours.toFixed(2)}, the modules ${modules.toFixed(2)}`);
  }
  const stream = report.workloads.stream?.ours?.time;
  if (stream) {
    const rate = 1000 / stream.median;
    lines.push(
      `${rate >= STREAM_ROWS_PER_SECOND ? "holds" : "MISSES"}  stream: ${Math.round(rate)} rows/s (${STREAM_ROWS_PER_SECOND})`,
    );
  }
  return lines;
}

module.exports = { checkTargets };
