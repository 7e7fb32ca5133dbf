"use strict";

const { parseArgs } = require("node:util");
const { PEERS } = require("./peers");
const { scales, WORKLOADS } = require("./workloads");

const HELP = `
npm run bench -- [options]

  --quick               few operations and one round: does everything run? Writes no document.
  --only peer,peer      these peers: ${PEERS.join(", ")}
  --workload name,name  these workloads: ${WORKLOADS.map(({ name }) => name).join(", ")};
                        and scales: ${scales.map(({ name }) => name).join(", ")}
  --rounds n            rounds for each peer (7)

The document is written only after a run of everything.
`;

const listed = (text, known, what) => {
  if (text === undefined) return known;
  const names = text.split(",");
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new Error(`There is no ${what} ${unknown.join(", ")}. ${HELP}`);
  return names;
};

function parseOptions(argv) {
  const { values } = parseArgs({
    args: argv,
    options: {
      quick: { type: "boolean", default: false },
      only: { type: "string" },
      workload: { type: "string" },
      rounds: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    process.exit();
  }
  const names = listed(
    values.workload,
    [...WORKLOADS, ...scales].map(({ name }) => name),
    "workload",
  );
  return {
    quick: values.quick,
    peers: listed(values.only, PEERS, "peer"),
    workloads: WORKLOADS.filter(({ name }) => names.includes(name)),
    scales: scales.filter(({ name }) => names.includes(name)),
    rounds: values.quick ? 1 : Number(values.rounds ?? 7),
    everything: !values.quick && values.only === undefined && values.workload === undefined,
  };
}

module.exports = { parseOptions };
