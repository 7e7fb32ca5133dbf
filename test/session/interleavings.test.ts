import type { Session } from "../../src/session/session";
import type { SqliteDatabase } from "../../src/sqlite-database";
import { testDatabases } from "../support/databases";
import { isPending } from "../support/deferred";
import { type Random, randomTest } from "../support/random";
import { rawRead } from "../support/raw-database";
import { NOTES, Note } from "../support/small-entities";

// Every order in which the steps of several sessions may come, against what serializable snapshots must give.

const databases = testDatabases();

let database: SqliteDatabase;
beforeEach(async () => {
  database = await databases.open();
  await database.exec("CREATE TABLE log (entry INTEGER)");
});

const LOG = "SELECT entry FROM log ORDER BY rowid";

/** A session, and what it must see. */
class Actor {
  /** What it sees; `undefined` before its transaction has begun. */
  view: number[] | undefined;
  #entry = 0;

  constructor(
    readonly id: number,
    readonly session: Session,
  ) {}

  get isWriter(): boolean {
    return !this.session.readonly;
  }

  async read(committed: readonly number[]): Promise<void> {
    this.view ??= [...committed];
    expect((await this.session.exec(LOG)).scalars()).toEqual(this.view);
  }

  async write(committed: readonly number[]): Promise<void> {
    this.view ??= [...committed];
    const entry = this.id * 1000 + this.#entry++;
    await this.session.exec("INSERT INTO log VALUES (:entry)", { entry });
    this.view.push(entry);
  }

  async writeInVain(committed: readonly number[]): Promise<void> {
    this.view ??= [...committed];
    const boom = new Error("boom");
    const nested = this.session.transaction(async (inner) => {
      await inner.exec("INSERT INTO log VALUES (-1)");
      throw boom;
    });
    await expect(nested).rejects.toBe(boom);
  }
}

async function play(random: Random): Promise<void> {
  const actors: Actor[] = [];
  for (let id = 1; id <= 5; id++) {
    actors.push(new Actor(id, await database.openSession({ readonly: id > 3, label: `actor ${id}` })));
  }
  let committed: number[] = [];
  for (let step = 0; step < 40; step++) {
    const writing = actors.find(({ isWriter, view }) => isWriter && view);
    // A second writer would wait for the first.
    const free = actors.filter(({ isWriter, view }) => !isWriter || view || !writing);
    const actor = free[random.below(free.length)]!;
    const dice = random.below(10);
    if (dice < 4 || !actor.isWriter) await actor.read(committed);
    else if (dice < 7) await actor.write(committed);
    else if (dice < 8) await actor.writeInVain(committed);
    else if (dice < 9) {
      await actor.session.commit();
      committed = actor.view ?? committed;
      actor.view = undefined;
    } else {
      await actor.session.rollback();
      actor.view = undefined;
    }
    if (!actor.isWriter && random.chance(0.3)) {
      await actor.session.commit();
      actor.view = undefined;
    }
    expect((await rawRead(databases.path, LOG)).map(({ entry }) => entry)).toEqual(committed);
  }
  for (const { session } of actors) await session.close();
  expect((await database.exec(LOG)).scalars()).toEqual(committed);
}

randomTest(
  "whatever the order, each session sees its snapshot and its own writes, and others what was committed",
  async (random) => {
    for (let round = 0; round < 10; round++) {
      await play(random);
      await database.exec("DELETE FROM log");
    }
  },
);

test("a writer that waits begins with what the one before it has committed", async () => {
  const first = await database.openSession();
  const second = await database.openSession();
  await first.exec("INSERT INTO log VALUES (1)");
  const seen = second.exec(LOG);
  expect(await isPending(seen)).toBe(true);
  await first.commit();
  expect((await seen).scalars()).toEqual([1]);
  await Promise.all([first.close(), second.close()]);
});

test("100 rounds of opening a new file from four databases at once make it once, with all its tables", async () => {
  for (let round = 0; round < 100; round++) {
    const path = databases.folder.file(`new-${round}.db`);
    const opened = await Promise.all([1, 2, 3, 4].map(() => databases.open({ entities: [Note] }, path)));
    await Promise.all(opened.map((each, n) => each.getRepository(Note).insert({ text: `by ${n}` })));
    await Promise.all(opened.map((each) => each.close()));
    expect(await rawRead(path, `SELECT count(*) AS n FROM (${NOTES})`)).toEqual([{ n: 4 }]);
  }
});
