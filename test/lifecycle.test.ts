import { Lifecycle } from "../src/lifecycle";
import { deferred, isPending, settle } from "./support/deferred";
import { Random, randomTest } from "./support/random";

const boom = new Error("boom");

/** Opens and closes when the test says so, and insists on being told to in turns. */
class Door {
  readonly log: string[] = [];
  isOpen = false;
  #busy = false;
  next: (() => Promise<void>)[] = [];

  async open(): Promise<void> {
    await this.#move("open", false);
    this.isOpen = true;
  }

  async close(): Promise<void> {
    await this.#move("close", true);
    this.isOpen = false;
  }

  async #move(what: string, from: boolean): Promise<void> {
    expect(this.#busy).toBe(false);
    expect(this.isOpen).toBe(from);
    this.#busy = true;
    this.log.push(what);
    try {
      await this.next.shift()?.();
    } finally {
      this.#busy = false;
    }
  }
}

test("calls at the same time share one run, in both directions", async () => {
  const door = new Door();
  const lifecycle = new Lifecycle(door);
  await Promise.all([lifecycle.open(), lifecycle.open()]);
  await lifecycle.open();
  expect(lifecycle.state).toBe("open");
  await Promise.all([lifecycle.close(), lifecycle.close()]);
  await lifecycle.close();
  expect(lifecycle.state).toBe("closed");
  expect(door.log).toEqual(["open", "close"]);
});

test("what failed to open is as it was, and can be opened again", async () => {
  const door = new Door();
  const lifecycle = new Lifecycle(door);
  door.next = [() => Promise.reject(boom)];
  const calls = [lifecycle.open(), lifecycle.open()];
  for (const call of calls) await expect(call).rejects.toBe(boom);
  expect(lifecycle.state).toBe("new");
  await lifecycle.open();
  await lifecycle.close();
  door.next = [() => Promise.reject(boom)];
  await expect(lifecycle.open()).rejects.toBe(boom);
  expect(lifecycle.state).toBe("closed");
  await lifecycle.open();
  expect(door.log).toEqual(["open", "open", "close", "open", "open"]);
});

test("what failed to close counts as closed, and tells whoever asked for it", async () => {
  const door = new Door();
  const lifecycle = new Lifecycle(door);
  await lifecycle.open();
  door.next = [() => Promise.reject(boom)];
  const calls = [lifecycle.close(), lifecycle.close()];
  for (const call of calls) await expect(call).rejects.toBe(boom);
  expect(lifecycle.state).toBe("closed");
  await lifecycle.close();
});

test("closing before the first opening does nothing", async () => {
  const door = new Door();
  const lifecycle = new Lifecycle(door);
  await lifecycle.close();
  expect(lifecycle.state).toBe("new");
  expect(door.log).toEqual([]);
});

test("is closing from the call on", async () => {
  const gate = deferred();
  const door = new Door();
  const lifecycle = new Lifecycle(door);
  await lifecycle.open();
  door.next = [() => gate.promise];
  const closed = lifecycle.close();
  expect(lifecycle.state).toBe("closing");
  expect(await isPending(closed)).toBe(true);
  expect(lifecycle.state).toBe("closing");
  gate.resolve();
  await closed;
});

test("closing waits for an opening that is under way, and then closes", async () => {
  const gate = deferred();
  const door = new Door();
  const lifecycle = new Lifecycle(door);
  door.next = [() => gate.promise];
  const opened = lifecycle.open();
  const closed = lifecycle.close();
  expect(await isPending(closed)).toBe(true);
  gate.resolve();
  await Promise.all([opened, closed]);
  expect(lifecycle.state).toBe("closed");
  expect(door.isOpen).toBe(false);
});

test("closing after an opening that fails is harmless", async () => {
  const door = new Door();
  const lifecycle = new Lifecycle(door);
  door.next = [() => Promise.reject(boom)];
  const [opened, closed] = [lifecycle.open(), lifecycle.close()];
  await expect(opened).rejects.toBe(boom);
  await closed;
  expect(lifecycle.state).toBe("new");
  expect(door.log).toEqual(["open"]);
});

test("opening waits for a closing that is under way, also one that fails", async () => {
  const gate = deferred();
  const door = new Door();
  const lifecycle = new Lifecycle(door);
  await lifecycle.open();
  door.next = [() => gate.promise];
  const closed = lifecycle.close();
  const opened = lifecycle.open();
  expect(await isPending(opened)).toBe(true);
  gate.resolve();
  await Promise.all([closed, opened]);
  expect(lifecycle.state).toBe("open");
  expect(door.log).toEqual(["open", "close", "open"]);
});

randomTest("of any calls in any order, the last one decides", async (random: Random) => {
  const door = new Door();
  const lifecycle = new Lifecycle(door);
  for (let burst = 0; burst < 100; burst++) {
    const calls: Promise<void>[] = [];
    let last = "";
    for (let call = 0; call < 1 + random.below(6); call++) {
      last = random.chance(0.5) ? "open" : "close";
      calls.push(last === "open" ? lifecycle.open() : lifecycle.close());
      if (random.chance(0.3)) await Promise.resolve();
      if (random.chance(0.2)) await settle();
    }
    await Promise.all(calls);
    expect(door.isOpen).toBe(last === "open");
    expect(lifecycle.state === "open").toBe(last === "open");
  }
});
