"use strict";

const { ratioOf } = require("../statistics");
const { figure, scaleOf } = require("./figures");

const row = (cells) => `| ${cells.join(" | ")} |`;

const table = (head, rows) =>
  [row(head), row(head.map((_, index) => (index === 0 ? "---" : "---:"))), ...rows.map(row)].join("\n");

/** Half of the distance between the quartiles, in percent of the median. */
const spreadOf = ({ median, low, high }) => `±${Math.round((50 * (high - low)) / median)} %`;

function timeCell(workload, result, ours) {
  if (result?.failure) return "fails";
  if (!result?.time) return "–";
  const { unit } = workload;
  const time = `${figure(result.time.median * scaleOf(unit))} ${unit} ${spreadOf(result.time)}`;
  return result === ours || !ours?.time
    ? time
    : `${time}, **${figure(ratioOf(result.rounds, ours.rounds).median)}×**`;
}

/** Times with their spread, and how many times as long as ours. */
function timeTable(workloads, report, peers) {
  const rows = workloads
    .filter(({ name }) => report.workloads[name])
    .map((workload) => {
      const results = report.workloads[workload.name];
      return [workload.title, ...peers.map((peer) => timeCell(workload, results[peer], results.ours))];
    })
    .filter((cells) => cells.slice(1).filter((cell) => cell !== "–").length > 1);
  return table(["", ...peers.map((peer) => report.peers[peer].title)], rows);
}

/** Of the process at its largest, in MB. */
function memoryTable(workloads, report, peers) {
  const rows = workloads
    .filter(({ name, cold }) => report.workloads[name] && !cold)
    .map(({ name, title }) => [
      title,
      ...peers.map((peer) => {
        const { memory } = report.workloads[name][peer] ?? {};
        return memory ? Math.round(memory / 2 ** 20) : "–";
      }),
    ]);
  return table(["", ...peers.map((peer) => report.peers[peer].title)], rows);
}

/** The delay of the event loop during a workload that measures it. */
function delayTable(report, peers) {
  const results = report.workloads.aggregates;
  const delays = peers.flatMap((peer) => {
    const delay = results[peer]?.metrics?.delay;
    return delay ? [[report.peers[peer].title, `${figure(delay.median)} ms`]] : [];
  });
  return table(["", "99th percentile"], delays);
}

module.exports = { delayTable, memoryTable, table, timeTable };
