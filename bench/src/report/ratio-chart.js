"use strict";

const { COLOURS, element, legend, line, picture, text } = require("./svg");

const LEFT = 330;
const RIGHT = 70;
const WIDTH = 900;
const BAR = 9;
const GAP = 8;

/** The powers of ten, and of two and five between them, that enclose the values. */
function ticksAround(values) {
  const all = [-2, -1, 0, 1, 2, 3].flatMap((power) => [1, 2, 5].map((digit) => digit * 10 ** power));
  const below = all.findLastIndex((tick) => tick <= Math.min(...values, 1));
  const above = all.findIndex((tick) => tick >= Math.max(...values, 1));
  return all.slice(Math.max(below, 0), above < 0 ? undefined : above + 1);
}

/**
 * Bars from 1 to how many times as long each peer takes, on a logarithmic axis.
 *
 * @param groups `{ title, ratios }`, a ratio for each peer, or `undefined`
 * @param peers their titles
 */
function ratioChart(title, peers, groups) {
  const ticks = ticksAround(groups.flatMap(({ ratios }) => ratios.filter((ratio) => ratio !== undefined)));
  const [first, last] = [Math.log(ticks[0]), Math.log(ticks.at(-1))];
  const x = (ratio) => LEFT + ((Math.log(ratio) - first) / (last - first)) * (WIDTH - LEFT - RIGHT);
  const rowHeight = peers.length * BAR + GAP;
  const top = 44 + peers.length * 18;
  const bottom = top + groups.length * rowHeight;
  const colourOf = (index) => COLOURS[index + 1];
  const bar = (ratio, row, index) => {
    const y = top + row * rowHeight + index * BAR;
    if (ratio === undefined) return text(x(1) + 4, y + 8, "–", { "font-size": 10, fill: "#888" });
    const [from, to] = [Math.min(x(1), x(ratio)), Math.max(x(1), x(ratio))];
    return [
      element("rect", { x: from, y, width: Math.max(to - from, 1), height: BAR - 1, fill: colourOf(index) }),
      text(ratio >= 1 ? to + 4 : from - 4, y + 8, `${ratio.toFixed(ratio < 10 ? 1 : 0)}×`, {
        "font-size": 9,
        "text-anchor": ratio >= 1 ? "start" : "end",
      }),
    ].join("");
  };
  return picture(WIDTH, bottom + 34, title, [
    text(12, 22, title, { "font-size": 15, "font-weight": "bold" }),
    ...legend(
      12,
      44,
      peers.map((title, index) => ({ title, colour: colourOf(index) })),
    ),
    ...ticks.flatMap((tick) => [
      line(x(tick), top - 4, x(tick), bottom, tick === 1 ? { stroke: "#222" } : {}),
      text(x(tick), bottom + 16, `${tick}×`, { "text-anchor": "middle", fill: "#555" }),
    ]),
    ...groups.flatMap((group, row) => [
      text(LEFT - 60, top + row * rowHeight + rowHeight / 2, group.title, { "text-anchor": "end" }),
      ...group.ratios.map((ratio, index) => bar(ratio, row, index)),
    ]),
  ]);
}

module.exports = { ratioChart };
