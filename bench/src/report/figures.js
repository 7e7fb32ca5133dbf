"use strict";

/** Times are measured in milliseconds. */
const scaleOf = (unit) => (unit === "µs" ? 1000 : 1);

/** Three digits that count. */
function figure(value) {
  if (value >= 100) return Math.round(value).toLocaleString("en");
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

module.exports = { figure, scaleOf };
