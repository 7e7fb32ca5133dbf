"use strict";

const { execFileSync } = require("node:child_process");
const { join } = require("node:path");

/**
 * Generates Prisma's client from what npm has brought. Prisma would download a binary first, which generating does not
 * use; any file that exists keeps it from that. Without a client, the other peers are measured all the same.
 */
try {
  execFileSync(process.execPath, [require.resolve("prisma/build/index.js"), "generate", "--no-hints"], {
    cwd: join(__dirname, ".."),
    stdio: "inherit",
    env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, CHECKPOINT_DISABLE: "1" },
  });
} catch (error) {
  console.warn(`Prisma is left out: ${error.message}`);
}
