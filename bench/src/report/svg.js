"use strict";

const escaped = (text) =>
  String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

const attributesOf = (attributes) =>
  Object.entries(attributes)
    .map(
      ([name, value]) =>
        ` ${name}="${typeof value === "number" ? Math.round(value * 10) / 10 : escaped(value)}"`,
    )
    .join("");

const element = (name, attributes, content = "") =>
  `<${name}${attributesOf(attributes)}>${content}</${name}>`;

const text = (x, y, content, attributes = {}) => element("text", { x, y, ...attributes }, escaped(content));

const line = (x1, y1, x2, y2, attributes = {}) =>
  element("line", { x1, y1, x2, y2, stroke: "#ccc", ...attributes });

/** A picture on white, so that it can be read in the dark too. */
const picture = (width, height, title, parts) =>
  `${element(
    "svg",
    {
      xmlns: "http://www.w3.org/2000/svg",
      viewBox: `0 0 ${width} ${height}`,
      width,
      height,
      role: "img",
      "font-family": "system-ui, sans-serif",
      "font-size": 12,
      fill: "#222",
    },
    [
      `\n${element("title", {}, escaped(title))}`,
      element("rect", { width, height, fill: "#fff" }),
      ...parts,
      "",
    ].join("\n"),
  )}\n`;

/** Told apart with any kind of colour vision (Okabe and Ito); the first is ours. */
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7"];

const legend = (x, y, names) =>
  names.flatMap((name, index) => [
    element("rect", { x, y: y + index * 18 - 10, width: 12, height: 12, fill: name.colour }),
    text(x + 18, y + index * 18, name.title),
  ]);

module.exports = { COLOURS, element, legend, line, picture, text };
