import { readFile } from "node:fs/promises";
import type { SqliteDatabase } from "../../src/sqlite-database";
import { testDatabases } from "../support/databases";
import { settle } from "../support/deferred";
import { type Random, randomTest } from "../support/random";
import { rawRead } from "../support/raw-database";
import { Account, Note } from "../support/small-entities";

const databases = testDatabases();
const ACCOUNTS = 10;
const START = 1000;

async function openBank(): Promise<SqliteDatabase> {
  const database = await databases.open({ entities: [Account, Note], poolTimeout: 120 });
  await database.manager.insert(
    Account,
    Array.from({ length: ACCOUNTS }, (_, id) => ({ id, balance: START })),
  );
  return database;
}

interface Transfer {
  readonly from: number;
  readonly to: number;
  readonly amount: number;
  readonly fails: "never" | "in between" | "at the end";
}

function choose(random: Random): Transfer {
  const from = random.below(ACCOUNTS);
  const to = (from + 1 + random.below(ACCOUNTS - 1)) % ACCOUNTS;
  const fails = random.chance(0.3) ? (random.chance(0.5) ? "in between" : "at the end") : "never";
  return { from, to, amount: 1 + random.below(50), fails };
}

/** Reads, computes and writes back: what is lost if two do it at the same time. */
async function transfer(database: SqliteDatabase, { from, to, amount, fails }: Transfer): Promise<void> {
  const accounts = database.getRepository(Account);
  const debited = await accounts.findOneByOrFail({ id: from });
  await accounts.update({ id: from }, { balance: debited.balance - amount });
  if (fails === "in between") throw new Error(fails);
  const { balance } = await accounts.findOneByOrFail({ id: to });
  await accounts.update({ id: to }, { balance: balance + amount });
  if (fails === "at the end") throw new Error(fails);
}

function expected(transfers: readonly Transfer[]): number[] {
  const balances = Array<number>(ACCOUNTS).fill(START);
  for (const { from, to, amount, fails } of transfers) {
    if (fails !== "never") continue;
    balances[from]! -= amount;
    balances[to]! += amount;
  }
  return balances;
}

async function balances(): Promise<unknown[]> {
  return (await rawRead(databases.path, "SELECT balance FROM accounts ORDER BY id")).map(
    ({ balance }) => balance,
  );
}

describe.each([100, 500])("of %i sessions at the same time", (count) => {
  randomTest("those that succeed add up exactly, and those that fail leave nothing", async (random) => {
    const database = await openBank();
    const transfers = Array.from({ length: count }, () => choose(random));
    // Before each step of each session any number of others may have their turn.
    const outcomes = await Promise.allSettled(
      transfers.map((one) => database.session(() => transfer(database, one))),
    );
    for (const [index, outcome] of outcomes.entries()) {
      const { fails } = transfers[index]!;
      if (fails === "never") expect(outcome.status).toBe("fulfilled");
      else expect(outcome).toMatchObject({ status: "rejected", reason: { message: fails } });
    }
    expect(await balances()).toEqual(expected(transfers));
  });
});

randomTest(
  "readers always see a whole state while sessions, nested ones and bystanders write",
  async (random) => {
    const database = await openBank();
    const transfers = Array.from({ length: 60 }, () => choose(random));
    const nested = Array.from({ length: 30 }, () => choose(random));
    let writing = true;
    const audits: Promise<number>[] = [];
    const auditing = (async () => {
      while (writing) {
        const audit = database.session(
          async ({ manager }) => {
            const first = await manager.sum(Account, "balance");
            await settle();
            expect(await manager.sum(Account, "balance")).toBe(first);
            return first;
          },
          { readonly: true },
        ) as Promise<number>;
        audits.push(audit);
        if (audits.length % 4 === 0) await audit;
      }
    })();
    const sessions = transfers.map((one) => database.session(() => transfer(database, one)));
    const nestedOnes = nested.map((one) =>
      database.session(async () => {
        // What fails inside is undone, what is outside stays.
        await database.session(() => transfer(database, one)).catch(() => {});
        await database.getRepository(Note).insert({ text: `nested ${nested.indexOf(one)}` });
      }),
    );
    const bystanders = Array.from({ length: 60 }, (_, index) =>
      database.getRepository(Note).insert({ text: `bystander ${index}` }),
    );
    await Promise.allSettled(sessions);
    await Promise.all([...nestedOnes, ...bystanders]);
    writing = false;
    await auditing;
    expect(new Set(await Promise.all(audits))).toEqual(new Set([ACCOUNTS * START]));
    expect(await balances()).toEqual(expected([...transfers, ...nested]));
    expect(await database.getRepository(Note).count()).toBe(90);
  },
);

test("500 sessions that write, and 30 that read a lot, leave threads to the application's own files", async () => {
  const database = await openBank();
  const writing = Array.from({ length: 500 }, (_, index) =>
    database.session(() =>
      transfer(database, { from: index % ACCOUNTS, to: (index + 1) % ACCOUNTS, amount: 1, fails: "never" }),
    ),
  );
  const reading = Array.from({ length: 30 }, () =>
    database.session((session) => session.exec(FAIRLY_LONG_READ), { readonly: true }),
  );
  let working = true;
  let slowest = 0;
  const files = (async () => {
    // Starting them takes a while on the main thread alone; what is measured is the threads.
    await settle();
    while (working) {
      const started = performance.now();
      await readFile(__filename);
      slowest = Math.max(slowest, performance.now() - started);
    }
  })();
  await Promise.all(reading);
  working = false;
  await Promise.all([files, ...writing]);
  expect(await balances()).toEqual(Array(ACCOUNTS).fill(START));
  // On a machine with nothing else to do it is below 200; without a free thread it waits for seconds.
  expect(slowest).toBeGreaterThan(0);
  expect(slowest).toBeLessThan(800);
});

const FAIRLY_LONG_READ =
  "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000) SELECT max(i) FROM n";
