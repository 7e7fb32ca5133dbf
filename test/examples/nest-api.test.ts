import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { codeBlocks } from "../docs/code-blocks";
import { deferred } from "../support/deferred";
import { NestApi } from "../support/nest-api";
import { type Random, randomTest } from "../support/random";
import { rawRead } from "../support/raw-database";
import { temporaryFolder } from "../support/temporary-folder";

const folder = temporaryFolder();
const path = () => folder.file("new/api.db");

let api: NestApi;
beforeEach(async () => {
  api = await new NestApi(path()).start();
});
afterEach(() => api.stop("SIGKILL"));

const send = async (method: string, url: string, body?: unknown) => {
  const { status, text } = await api.request(method, url, body);
  return { status, body: text === "" ? undefined : JSON.parse(text) };
};

const ada = { email: "ada@example.org", name: "Ada", balance: 1000 };
const bob = { email: "bob@example.org", name: "Bob" };
const ID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";

test("travellers are created, found by pages, changed and deleted", async () => {
  expect(await send("POST", "/travellers", ada)).toMatchObject({ status: 201, body: { id: 1, ...ada } });
  expect(await send("POST", "/travellers", bob)).toMatchObject({ status: 201, body: { id: 2, balance: 0 } });
  expect(await send("GET", "/travellers?page=2&size=1")).toMatchObject({
    status: 200,
    body: { items: [{ id: 2, name: "Bob" }], total: 2, page: 2, size: 1 },
  });
  expect(await send("PATCH", "/travellers/1", { name: "Ada L." })).toMatchObject({
    status: 200,
    body: { name: "Ada L.", balance: 1000, version: 2 },
  });
  expect(await send("DELETE", "/travellers/2")).toEqual({ status: 204, body: undefined });
  expect(await send("GET", "/travellers/2")).toMatchObject({ status: 404 });
  expect(await rawRead(path(), "SELECT name FROM travellers")).toEqual([{ name: "Ada L." }]);
});

test("the commands of its README do what they say", async () => {
  const [block] = codeBlocks("examples/nest-api/README.md").filter(({ detail }) => detail === "served");
  const commands = block!.code.replaceAll("http://127.0.0.1:3000", api.url);
  const { stdout } = await promisify(execFile)("bash", ["-c", commands]);
  const answers = stdout
    .trim()
    .split(/\n+/)
    .map((line) => JSON.parse(line));
  expect(answers).toMatchObject([
    { id: 1, name: "Ada", balance: 1000 },
    { id: 2, name: "Bob", balance: 0 },
    { amount: 300, from: { balance: 700 }, to: { balance: 300 } },
    { items: [{ name: "Ada" }, { name: "Bob" }], total: 2 },
    { id: 1, balance: 700, sent: 300 },
    { id: 2, balance: 300, received: 300 },
    { accounts: 2, total: 1000, transfers: 1 },
    { status: "ok" },
  ]);
});

test("what is wrong is refused with a status of its own, and nothing is written", async () => {
  await send("POST", "/travellers", ada);
  expect((await send("POST", "/travellers", { ...bob, email: "nobody" })).status).toBe(400);
  expect((await send("POST", "/travellers", { ...bob, id: 7 })).status).toBe(400);
  expect((await send("GET", "/travellers?size=1000")).status).toBe(400);
  expect(await send("POST", "/travellers", ada)).toMatchObject({
    status: 409,
    body: { message: "email is taken." },
  });
  const transfer = { from: 1, to: 99, amount: 5 };
  expect((await send("PUT", "/transfers/no-uuid", transfer)).status).toBe(400);
  expect((await send("PUT", `/transfers/${ID}`, transfer)).status).toBe(404);
  expect((await send("PUT", `/transfers/${ID}`, { ...transfer, amount: 5000 })).status).toBe(409);
  const sql =
    "SELECT count(*) AS n, sum(balance) AS balance, (SELECT count(*) FROM transfers) AS t FROM travellers";
  expect(await rawRead(path(), sql)).toEqual([{ n: 1, balance: 1000, t: 0 }]);
});

test("it tells its health, with the figures of the pool, and documents itself", async () => {
  expect(await send("GET", "/health")).toMatchObject({
    status: 200,
    body: {
      status: "ok",
      details: { database: { status: "up", readers: { limit: 30 }, writer: { busy: false } } },
    },
  });
  const { body } = await send("GET", "/docs-json");
  expect(Object.keys(body.paths)).toEqual(
    expect.arrayContaining(["/travellers", "/transfers/{id}", "/health"]),
  );
  expect((await api.request("GET", "/docs")).status).toBe(200);
});

const TRAVELLERS = 16;
const FUNDS = 1000;

interface Account {
  balance: number;
  received: number;
  sent: number;
}

/** The accounts of a report, which was one snapshot if its figures agree. */
async function report(): Promise<{ accounts: number; total: number; transfers: number }> {
  const { status, text } = await api.request("GET", "/reports/accounts");
  expect(status).toBe(200);
  const lines = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const sums = lines.pop();
  let total = 0;
  for (const { balance, received, sent } of lines as Account[]) {
    expect(balance).toBe(FUNDS + received - sent);
    total += balance;
  }
  expect(sums).toMatchObject({ accounts: lines.length, total });
  return sums;
}

/** Asks again while the application is away, as a client on a bad network does. */
async function insist<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      // What `fetch` throws is of another realm than Jest's sandbox.
      if ((error as Error).name !== "TypeError") throw error;
      await pause(20);
    }
  }
}

const uuid = (random: Random) => {
  const digits = (count: number) =>
    Array.from({ length: count }, () => random.below(16).toString(16)).join("");
  return `${digits(8)}-${digits(4)}-4${digits(3)}-8${digits(3)}-${digits(12)}`;
};

randomTest(
  "64 clients at once lose nothing and do nothing twice, though it is killed and restarted in between",
  async (random) => {
    for (let id = 1; id <= TRAVELLERS; id++) {
      const traveller = { name: `T${id}`, email: `t${id}@example.org`, balance: FUNDS };
      expect((await send("POST", "/travellers", traveller)).status).toBe(201);
    }
    const made = new Set<string>();
    let answers = 0;
    const kills = [
      { after: 150, signal: "SIGKILL", reached: deferred() },
      { after: 400, signal: "SIGTERM", reached: deferred() },
    ] as const;
    const transfer = async () => {
      const id = uuid(random);
      const from = 1 + random.below(TRAVELLERS);
      const to = 1 + ((from + random.below(TRAVELLERS - 1)) % TRAVELLERS);
      const body = { from, to, amount: 1 + random.below(FUNDS / 2) };
      const { status } = await insist(() => send("PUT", `/transfers/${id}`, body));
      // A balance may not suffice.
      expect([200, 409]).toContain(status);
      if (status === 200) made.add(id);
    };
    const rename = async () => {
      const url = `/travellers/${1 + random.below(TRAVELLERS)}`;
      const { status } = await insist(() => send("PATCH", url, { name: `N${random.below(1000)}` }));
      expect(status).toBe(200);
    };
    const page = async () => {
      const { body } = await insist(() => send("GET", "/travellers?size=5"));
      expect(body).toMatchObject({ total: TRAVELLERS, items: { length: 5 } });
    };
    const check = async () => {
      expect((await insist(report)).total).toBe(TRAVELLERS * FUNDS);
    };
    const actions = [transfer, transfer, transfer, rename, page, check];
    const client = async () => {
      for (let turn = 0; turn < 10; turn++) {
        await actions[random.below(actions.length)]!();
        answers++;
        kills.find(({ after }) => after === answers)?.reached.resolve();
      }
    };
    const clients = Promise.all(Array.from({ length: 64 }, client));
    for (const { signal, reached } of kills) {
      await Promise.race([clients, reached.promise]);
      await api.stop(signal);
      if (signal === "SIGTERM") expect(readdirSync(dirname(path()))).toEqual(["api.db"]);
      await api.start();
    }
    await clients;

    expect(await report()).toEqual({ accounts: TRAVELLERS, total: TRAVELLERS * FUNDS, transfers: made.size });
    const stored = await rawRead(path(), "SELECT id FROM transfers");
    expect(new Set(stored.map(({ id }) => id))).toEqual(made);
    expect(await rawRead(path(), "PRAGMA integrity_check")).toEqual([{ integrity_check: "ok" }]);
  },
);
