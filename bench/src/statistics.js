"use strict";

function quantile(sorted, q) {
  const position = (sorted.length - 1) * q;
  const below = Math.floor(position);
  const above = Math.ceil(position);
  return sorted[below] + (sorted[above] - sorted[below]) * (position - below);
}

/** Median and quartiles. */
function summarize(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return { median: quantile(sorted, 0.5), low: quantile(sorted, 0.25), high: quantile(sorted, 0.75) };
}

/** How many times as long `theirs` took, round by round, so that what disturbed one round is in both. */
function ratioOf(theirs, ours) {
  return summarize(theirs.map((value, round) => value / ours[round]));
}

module.exports = { quantile, ratioOf, summarize };
