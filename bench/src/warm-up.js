"use strict";

/** Rounds that warm up have numbers below zero, down to this. */
const MOST_WARM_UP_ROUNDS = 24;

module.exports = { MOST_WARM_UP_ROUNDS };
