"use strict";

/** The process of one peer and one workload. The parent tells it what to do next, and waits for the answer. */

const { peerNamed } = require("./peers");
const { verifyPragmas } = require("./pragmas");
const { workloadNamed } = require("./workloads");

const context = {};
let workload;

const COMMANDS = {
  /** Resolves with the milliseconds to the first row. */
  async start({ peer: name, workload: workloadName, file, folder, count }) {
    workload = workloadNamed(workloadName);
    Object.assign(context, { folder, count });
    const begin = performance.now();
    context.module = peerNamed(name);
    if (!file) return { elapsed: 0 };
    context.peer = await context.module.open(file, workload.options);
    await (context.peer.findOne ?? context.peer.read)(1);
    const elapsed = performance.now() - begin;
    await verifyPragmas(context.peer);
    return { elapsed };
  },

  verify: () => workload.verify(context),

  async round({ round }) {
    context.round = round;
    context.state = await workload.prepare?.(context);
    const begin = performance.now();
    const metrics = await workload.run(context);
    const elapsed = performance.now() - begin;
    await workload.finish?.(context);
    return { elapsed, metrics };
  },

  async end() {
    // Of the process at its largest, in kilobytes: https://nodejs.org/docs/latest-v20.x/api/process.html#processresourceusage
    const memory = process.resourceUsage().maxRSS * 1024;
    await context.peer?.close();
    return { memory };
  },
};

process.on("message", async ({ command, ...message }) => {
  try {
    process.send({ value: await COMMANDS[command](message) });
  } catch (error) {
    process.send({ error: String(error?.message ?? error) });
  }
});
