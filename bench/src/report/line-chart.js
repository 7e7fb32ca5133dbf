"use strict";

const { COLOURS, element, legend, line, picture, text } = require("./svg");

const WIDTH = 900;
const PANEL = { width: 340, height: 220, top: 70 };

const short = (value) => {
  if (value >= 1e6) return `${value / 1e6} M`;
  return value >= 1e3 ? `${value / 1e3} k` : String(value);
};

/** The powers of ten around the values. */
function decades(values) {
  const first = Math.floor(Math.log10(Math.min(...values)));
  const last = Math.max(Math.ceil(Math.log10(Math.max(...values))), first + 1);
  return Array.from({ length: last - first + 1 }, (_, index) => 10 ** (first + index));
}

function scaleBetween(low, high, from, to) {
  const span = Math.log(high) - Math.log(low) || 1;
  return (value) => from + ((Math.log(value) - Math.log(low)) / span) * (to - from);
}

/** `lines` is one list of `[x, y]` for each peer. */
function panel(left, { label, axis, lines, colours }) {
  const points = lines.flat();
  const xs = [...new Set(points.map(([x]) => x))].sort((a, b) => a - b);
  const ys = decades(points.map(([, y]) => y));
  const bottom = PANEL.top + PANEL.height;
  const right = left + PANEL.width;
  const x = scaleBetween(xs[0], xs.at(-1), left, right);
  const y = scaleBetween(ys[0], ys.at(-1), bottom, PANEL.top);
  return [
    text(left, PANEL.top - 12, label, { "font-weight": "bold" }),
    ...ys.flatMap((tick) => [
      line(left, y(tick), right, y(tick)),
      text(left - 6, y(tick) + 4, short(tick), { "text-anchor": "end", fill: "#555" }),
    ]),
    ...xs.map((tick) => text(x(tick), bottom + 16, short(tick), { "text-anchor": "middle", fill: "#555" })),
    text((left + right) / 2, bottom + 34, axis, { "text-anchor": "middle", fill: "#555" }),
    ...lines.flatMap((points, index) => [
      element("polyline", {
        points: points.map(([px, py]) => `${x(px).toFixed(1)},${y(py).toFixed(1)}`).join(" "),
        fill: "none",
        stroke: colours[index],
        "stroke-width": 2,
      }),
      ...points.map(([px, py]) => element("circle", { cx: x(px), cy: y(py), r: 3, fill: colours[index] })),
    ]),
  ];
}

/**
 * Two panels beside each other, time and memory, both axes logarithmic.
 *
 * @param peers their titles, ours first
 * @param panels `{ label, lines }` each
 */
function lineChart(title, axis, peers, panels) {
  const colours = COLOURS.slice(0, peers.length);
  const below = PANEL.top + PANEL.height + 60;
  return picture(WIDTH, below + peers.length * 18, title, [
    text(12, 22, title, { "font-size": 15, "font-weight": "bold" }),
    ...panels.flatMap((each, index) => panel(70 + index * (PANEL.width + 90), { ...each, axis, colours })),
    ...legend(
      70,
      below,
      peers.map((title, index) => ({ title, colour: colours[index] })),
    ),
  ]);
}

module.exports = { lineChart };
