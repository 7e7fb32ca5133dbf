"use strict";

const { writeFileSync } = require("node:fs");
const { join } = require("node:path");
const { GROUPS, PEERS } = require("../peers");
const { statements } = require("../pragmas");
const { ratioOf } = require("../statistics");
const { scales, WORKLOADS } = require("../workloads");
const { scaleOf } = require("./figures");
const { lineChart } = require("./line-chart");
const { ratioChart } = require("./ratio-chart");
const { delayTable, memoryTable, table, timeTable } = require("./tables");

const plain = (title) => title.replaceAll("`", "");

function ratiosChart(report) {
  const peers = GROUPS.typeorm.slice(1).filter((peer) => report.peers[peer]);
  const groups = WORKLOADS.flatMap(({ name, title }) => {
    const results = report.workloads[name];
    const ratios = peers.map(
      (peer) => results?.[peer]?.rounds && ratioOf(results[peer].rounds, results.ours.rounds).median,
    );
    return ratios.some((ratio) => ratio !== undefined) ? [{ title: plain(title), ratios }] : [];
  });
  return ratioChart(
    "How many times as long as typeorm-sqlite-database",
    peers.map((peer) => report.peers[peer].title),
    groups,
  );
}

function scaleChart(scale, report) {
  const measured = report.scales[scale.name];
  const peers = scale.peers.filter((peer) => report.peers[peer]);
  const { unit } = scale.workload(scale.sizes[0]);
  const linesOf = (figureOf) =>
    peers.map((peer) =>
      measured.flatMap(({ size, results }) => (results[peer]?.time ? [[size, figureOf(results[peer])]] : [])),
    );
  return lineChart(
    plain(scale.title),
    scale.axis,
    peers.map((peer) => report.peers[peer].title),
    [
      { label: unit, lines: linesOf(({ time }) => time.median * scaleOf(unit)) },
      { label: "memory, MB", lines: linesOf(({ memory }) => memory / 2 ** 20) },
    ],
  );
}

/** What a peer has no figure for, and why. */
function gaps(report) {
  const lines = [];
  for (const [peer, reason] of Object.entries(report.missing))
    lines.push(`- ${peer}: does not run here (${reason}).`);
  for (const { name, title } of WORKLOADS) {
    for (const peer of PEERS) {
      const { lacks, failure } = report.workloads[name]?.[peer] ?? {};
      const reason = failure ? `fails, ${failure.replaceAll("\n", " ")}` : lacks;
      if (reason && reason !== "not applicable")
        lines.push(`- ${title}, ${report.peers[peer].title}: ${reason}.`);
    }
  }
  for (const scale of measuredScales(report)) {
    for (const { size, results } of report.scales[scale.name]) {
      for (const [peer, { failure }] of Object.entries(results)) {
        if (!failure) continue;
        lines.push(
          `- ${scale.title}, ${size.toLocaleString("en")}, ${report.peers[peer].title}: ${failure}.`,
        );
      }
    }
  }
  return lines.join("\n");
}

const pictureOf = ({ name }) => `performance-${name}.svg`;

const measuredScales = (report) => scales.filter(({ name }) => report.scales[name]);

function page(report) {
  const { machine, rounds } = report;
  const here = (peers) => peers.filter((peer) => report.peers[peer]);
  const versions = here(PEERS).map((peer) => [
    report.peers[peer].title,
    report.peers[peer].versions.join(", "),
  ]);
  return `# Performance

Written by \`npm run bench\`, which measures the library beside others. It installs them in \`bench/\`, where two of them
compile for a few minutes, and then takes about a quarter of an hour; \`npm run bench -- --help\` names the options for less.

\`\`\`sh
npm run bench
\`\`\`

## How it is measured

Node ${machine.node} on ${machine.cores} cores (${machine.platform}), ${machine.memory} GB. Every library gets a copy of the same file, with the same pragmas on each
of its connections, read back before anything is timed: ${statements.map((text) => `\`${text.slice(7)}\``).join(", ")}.
What the libraries find, and what they leave behind, is compared first. The entity has a generated key and two columns with
defaults; TypeORM's own drivers read those back after each insert.

Every library runs every workload in a process of its own. They take turns, one round each, after rounds that do not count,
one of them right before each that does; ${rounds} rounds, or up to 3 of what takes seconds, where comparing has warmed up. A time is the median of the rounds, and ± half of the distance between the
quartiles. **n×** is how many times as long as this library it took, as the median over the rounds: above 1 this library is
faster. \`–\` is what a library does not have.

${table(["", "versions"], versions)}

## Beside the other drivers of TypeORM

![ratios](performance.svg)

${timeTable(WORKLOADS, report, here(GROUPS.typeorm))}

"Fails" is what happens when transactions are begun at the same time on a driver that has one connection.

How long a callback that was due waited for the event loop while the 4 aggregates ran:

${delayTable(report, here(PEERS))}

## Beside other libraries

Other libraries have calls that do the same in SQLite, and do more or less around it: an entity of TypeORM is validated,
compared with its row and given to subscribers, a row of a query builder is not. Those on better-sqlite3 block the event loop
while SQLite works.

${timeTable(WORKLOADS, report, here(GROUPS.others))}

## Beside the bare modules

What SQLite and its two modules for Node cost by themselves, with prepared statements that are used again.

${timeTable(WORKLOADS, report, here(GROUPS.floor))}

## Memory

The process at its largest, in MB, with Node itself and its garbage.

${memoryTable(WORKLOADS, report, here(PEERS))}

## How it grows

Time and memory with the rows in the file, with the rows of a stream, with the connections in use and with the entities. All
axes are logarithmic.

${measuredScales(report)
  .map((scale) => `![${plain(scale.title)}](${pictureOf(scale)})`)
  .join("\n\n")}

## What is not measured

${gaps(report)}
`;
}

function writePage(report, folder) {
  const write = (name, content) => writeFileSync(join(folder, name), content);
  write("performance.md", page(report));
  write("performance.svg", ratiosChart(report));
  for (const scale of measuredScales(report)) write(pictureOf(scale), scaleChart(scale, report));
}

module.exports = { writePage };
