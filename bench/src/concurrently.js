"use strict";

/** Calls `work` with 0 to `count - 1`, with `atOnce` calls under way as long as there are so many left. */
async function concurrently(count, atOnce, work) {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, worker));
}

module.exports = { concurrently };
