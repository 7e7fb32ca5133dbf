"use strict";

const { quantile } = require("./statistics");

const EVERY_MS = 1;

/**
 * How long a callback that became due had to wait for the event loop, in milliseconds. A block of 100 ms delays what
 * became due in each of these, and not only the timer that notices it.
 */
class DelayMeter {
  #delays = [];
  #timer;
  #due = performance.now() + EVERY_MS;

  constructor() {
    this.#timer = setInterval(() => this.#note(), EVERY_MS);
  }

  #note() {
    const now = performance.now();
    for (let due = this.#due; due <= now; due += EVERY_MS) this.#delays.push(now - due);
    this.#due = now + EVERY_MS;
  }

  end() {
    clearInterval(this.#timer);
    this.#note();
    const sorted = this.#delays.sort((a, b) => a - b);
    return sorted.length > 0 ? quantile(sorted, 0.99) : 0;
  }
}

module.exports = { DelayMeter };
