"use strict";

const { spawnSync } = require("node:child_process");
const { mkdirSync, rmSync } = require("node:fs");
const { isDeepStrictEqual } = require("node:util");
const { join } = require("node:path");
const { PeerProcess } = require("./peer-process");
const { peerNamed } = require("./peers");
const { summarize } = require("./statistics");
const { MOST_WARM_UP_ROUNDS } = require("./warm-up");

/** Why a peer has no figure for a workload; `undefined` if it has. */
function lacking(name, { needs, instead }, canDo) {
  if (!needs || canDo.has(needs) || (instead && canDo.has(instead))) return undefined;
  return peerNamed(name).lacks?.[needs] ?? "not applicable";
}

/** How long a peer warms up, at least: its code is compiled in steps, the last of them after thousands of calls. */
const WARM_UP_MS = 1000;

/** How many rounds there are of what takes seconds. */
const LONG_ROUNDS = 3;

/** A peer that has taken so long for a workload is not asked for another round. */
const ENOUGH_MS = 15_000;

/** A peer that takes part in one workload, and what it has measured. */
class Participant {
  rounds = [];
  metrics = {};
  memory = 0;
  failure;
  #spent = 0;
  #uncounted = 0;

  constructor(name, workload, { folder, templates, quick }) {
    this.name = name;
    this.workload = workload;
    this.folder = join(folder, `${workload.name}-${name}`);
    this.quick = quick;
    this.count = quick ? workload.quick : workload.operations;
    mkdirSync(this.folder, { recursive: true });
    this.file = workload.template && templates.copy(workload.template, join(this.folder, "database.db"));
  }

  get failed() {
    return this.failure !== undefined;
  }

  /** What goes wrong with a peer is its result, and no reason to stop measuring the others. */
  async #attempt(work) {
    if (this.failed) return undefined;
    try {
      return await work();
    } catch (error) {
      this.failure = error.message;
      this.process?.kill();
      return undefined;
    }
  }

  async start() {
    return await this.#attempt(async () => {
      this.process = new PeerProcess();
      const { name: peer, file, folder, count } = this;
      return await this.process.ask("start", { peer, workload: this.workload.name, file, folder, count });
    });
  }

  verify() {
    return this.#attempt(() => this.process.ask("verify"));
  }

  /** Rounds that do not count; as many as there will be others are left to lead in to those. */
  async warmUp(rounds) {
    const enough = this.quick ? 0 : WARM_UP_MS;
    let spent = 0;
    while (this.#uncounted < MOST_WARM_UP_ROUNDS - rounds) {
      const result = await this.#warmRound(-++this.#uncounted);
      if (!result) return;
      spent += result.elapsed;
      if (spent >= enough) return;
    }
  }

  /** A round that does not count, after a pause in which the other peers had the caches and the memory of the machine. */
  async leadIn() {
    if (this.#spent < ENOUGH_MS) await this.#warmRound(-++this.#uncounted);
  }

  async round(round) {
    if (this.#spent >= ENOUGH_MS) return;
    const result = this.workload.cold ? await this.#coldRound() : await this.#warmRound(round);
    if (!result) return;
    this.#spent += result.elapsed;
    this.rounds.push(result.elapsed / this.count);
    for (const [metric, value] of Object.entries(result.metrics ?? {})) {
      this.metrics[metric] = [...(this.metrics[metric] ?? []), value];
    }
  }

  #warmRound(round) {
    return this.#attempt(() => this.process.ask("round", { round }));
  }

  async #coldRound() {
    const result = await this.start();
    await this.end();
    return result;
  }

  async end() {
    const result = await this.#attempt(() => this.process.ask("end"));
    this.memory = result?.memory ?? 0;
    this.process?.kill();
  }

  get result() {
    if (this.failed) return { failure: this.failure };
    const metrics = Object.fromEntries(
      Object.entries(this.metrics).map(([metric, values]) => [metric, { ...summarize(values), values }]),
    );
    return { time: summarize(this.rounds), rounds: this.rounds, metrics, memory: this.memory };
  }
}

/** All must find the same, and leave the same behind, before any is timed. */
async function compare(participants) {
  let agreed;
  for (const participant of participants) {
    const found = await participant.verify();
    if (participant.failed) continue;
    agreed ??= { by: participant.name, found };
    if (isDeepStrictEqual(found, agreed.found)) continue;
    const shown = (value) => JSON.stringify(value)?.slice(0, 300);
    throw new Error(
      `${participant.workload.name}: ${participant.name} and ${agreed.by} differ:\n` +
        `${shown(found)}\n${shown(agreed.found)}`,
    );
  }
}

/**
 * What was copied and written so far goes to the disk now, and not while something is being timed. Where there is no such
 * command it does so later.
 */
function writeBack() {
  spawnSync("sync");
}

/**
 * Runs one workload with all peers, each in its own process. They take turns, one round each, in an order that moves
 * on by one with every round.
 */
async function measure(workload, peers, settings) {
  const results = {};
  const able = [];
  for (const name of peers) {
    const reason = lacking(name, workload, settings.abilities.get(name));
    if (reason) results[name] = { lacks: reason };
    else able.push(name);
  }
  const participants = able.map((name) => new Participant(name, workload, settings));
  const rounds = Math.min(settings.rounds, workload.long ? LONG_ROUNDS : settings.rounds);
  try {
    if (!workload.cold) {
      await Promise.all(participants.map((participant) => participant.start()));
      await compare(participants);
    }
    // Where a round takes seconds, comparing has warmed up.
    const warms = !workload.cold && !workload.long;
    if (warms) for (const participant of participants) await participant.warmUp(rounds);
    writeBack();
    for (let round = 0; round < rounds; round++) {
      for (let turn = 0; turn < participants.length; turn++) {
        const participant = participants[(turn + round) % participants.length];
        if (warms && !settings.quick) await participant.leadIn();
        await participant.round(round);
      }
    }
    if (!workload.cold) for (const participant of participants) await participant.end();
    for (const participant of participants) results[participant.name] = participant.result;
  } finally {
    for (const { process, folder } of participants) {
      process?.kill();
      rmSync(folder, { recursive: true, force: true });
    }
  }
  return results;
}

module.exports = { measure };
