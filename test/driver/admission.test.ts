import { Admission, type Role } from "../../src/driver/admission";
import { Random, randomTest } from "../support/random";

/** Calls that start when they are admitted and end when the test says so. */
class Calls {
  readonly started: string[] = [];
  readonly #running: { name: string; role: Role }[] = [];

  constructor(readonly admission: Admission) {}

  enter(role: Role, ...names: string[]): void {
    for (const name of names) {
      this.admission.enter(role, () => {
        this.started.push(name);
        this.#running.push({ name, role });
      });
    }
  }

  leave(name: string): void {
    const call = this.#running.find((running) => running.name === name);
    if (!call) throw new Error(`${name} does not run`);
    this.#running.splice(this.#running.indexOf(call), 1);
    this.admission.leave(call.role);
  }

  running(role: Role): number {
    return this.#running.filter((call) => call.role === role).length;
  }

  leaveAny(random: Random): void {
    const call = this.#running[random.below(this.#running.length)];
    if (call) this.leave(call.name);
  }
}

test.each([
  [4, 2, 3],
  [3, 1, 2],
  [8, 6, 7],
  // Too few threads to leave one to everybody: the writer comes before the application.
  [2, 1, 2],
  [1, 1, 2],
])("of %i threads readers take %i, and all calls together %i", (threads, readers, all) => {
  const calls = new Calls(new Admission(threads));
  for (let number = 0; number < 20; number++) calls.enter("reader", `r${number}`);
  expect(calls.running("reader")).toBe(readers);
  for (let number = 0; number < 20; number++) calls.enter("writer", `w${number}`);
  expect(calls.running("reader") + calls.running("writer")).toBe(all);
});

test.each([
  [undefined, 2],
  ["10", 8],
  ["many", 2],
  ["0", 2],
  // More than libuv starts.
  ["5000", 1022],
])("with UV_THREADPOOL_SIZE=%s, %i reads run at once", (size, reads) => {
  const before = process.env.UV_THREADPOOL_SIZE;
  try {
    delete process.env.UV_THREADPOOL_SIZE;
    if (size !== undefined) process.env.UV_THREADPOOL_SIZE = size;
    jest.isolateModules(() => {
      const { admission } =
        require("../../src/driver/admission") as typeof import("../../src/driver/admission");
      expect(admission.mostReaders).toBe(reads);
    });
  } finally {
    delete process.env.UV_THREADPOOL_SIZE;
    if (before !== undefined) process.env.UV_THREADPOOL_SIZE = before;
  }
});

test("writers alone leave a thread to the application", () => {
  const calls = new Calls(new Admission(4));
  calls.enter("writer", "w1", "w2", "w3", "w4");
  expect(calls.started).toEqual(["w1", "w2", "w3"]);
});

test("a writer goes before readers that came earlier", () => {
  const calls = new Calls(new Admission(4));
  calls.enter("reader", "r1", "r2", "r3");
  calls.enter("writer", "w1", "w2");
  expect(calls.started).toEqual(["r1", "r2", "w1"]);
  calls.leave("r1");
  expect(calls.started).toEqual(["r1", "r2", "w1", "w2"]);
});

test("each role is admitted in the order it came", () => {
  const calls = new Calls(new Admission(3));
  calls.enter("reader", "r1", "r2", "r3", "r4");
  calls.enter("writer", "w1", "w2", "w3");
  for (const name of ["r1", "w1", "w2", "w3", "r2", "r3"]) calls.leave(name);
  expect(calls.started).toEqual(["r1", "w1", "w2", "w3", "r2", "r3", "r4"]);
});

randomTest("nobody waits while a thread is free for it, and nobody waits for ever", async (random) => {
  const threads = 1 + random.below(8);
  const most = Math.max(2, threads - 1);
  const mostReaders = Math.max(1, threads - 2);
  const calls = new Calls(new Admission(threads));
  const entered: Record<Role, string[]> = { reader: [], writer: [] };
  for (let step = 0; step < 2000; step++) {
    const [readers, writers] = [calls.running("reader"), calls.running("writer")];
    if (random.chance(0.5)) {
      const role = random.chance(0.7) ? "reader" : "writer";
      const name = `${role}${step}`;
      entered[role].push(name);
      calls.enter(role, name);
    } else if (readers + writers > 0) {
      calls.leaveAny(random);
    }
    const waiting = (role: Role) =>
      entered[role].length - calls.started.filter((n) => n.startsWith(role)).length;
    const running = calls.running("reader") + calls.running("writer");
    expect(running).toBeLessThanOrEqual(most);
    expect(calls.running("reader")).toBeLessThanOrEqual(mostReaders);
    if (waiting("writer") > 0) expect(running).toBe(most);
    if (waiting("reader") > 0) expect(running === most || calls.running("reader") === mostReaders).toBe(true);
  }
  while (calls.running("reader") + calls.running("writer") > 0) calls.leaveAny(random);
  for (const role of ["reader", "writer"] as const) {
    expect(calls.started.filter((name) => name.startsWith(role))).toEqual(entered[role]);
  }
});
