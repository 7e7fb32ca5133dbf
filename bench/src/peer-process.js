"use strict";

const { fork } = require("node:child_process");
const { join } = require("node:path");

const PATIENCE_MS = 120_000;

/** A peer in a process of its own, as the parent sees it. One command at a time. */
class PeerProcess {
  #child = fork(join(__dirname, "child.js"), {
    // What a peer prints is none of the results.
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });

  async ask(command, message = {}) {
    let timer;
    try {
      return await new Promise((resolve, reject) => {
        timer = setTimeout(
          () => reject(new Error(`did not end within ${PATIENCE_MS / 1000} s`)),
          PATIENCE_MS,
        );
        this.#child.once("message", ({ value, error }) =>
          error === undefined ? resolve(value) : reject(new Error(error)),
        );
        this.#child.once("exit", (code, signal) => reject(new Error(`ended with ${signal ?? code}`)));
        this.#child.send({ command, ...message });
      });
    } finally {
      clearTimeout(timer);
      this.#child.removeAllListeners("message");
      this.#child.removeAllListeners("exit");
    }
  }

  kill() {
    this.#child.kill("SIGKILL");
  }
}

module.exports = { PeerProcess };
