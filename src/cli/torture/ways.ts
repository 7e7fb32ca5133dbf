import type { Session, SqliteDatabase } from "../..";
import { Batch, Item } from "./entities";

/** What a session is to leave behind. */
export interface Plan {
  readonly batch: string;
  readonly state: string;
  readonly payloads: readonly string[];
}

type Way = (session: Session, plan: Plan, database: SqliteDatabase) => Promise<void>;

/** An error that a session, or a savepoint, is ended with on purpose. */
export class DeliberateError extends Error {
  readonly code = "DELIBERATE";
}

/** The ways in which a batch is written, from a bulk insert to savepoints of which one fails. */
export const WAYS: readonly Way[] = [
  async function insertThroughRepositories(session, plan) {
    await session.getRepository(Batch).insert(rowOf(plan));
    await session.getRepository(Item).insert(itemsOf(plan));
  },

  async function saveEntities(session, plan, database) {
    // Ambient: a repository of the database takes part in the session.
    await database.getRepository(Batch).save(rowOf(plan));
    await session.manager.save(Item, itemsOf(plan));
  },

  async function addToUnitOfWork(session, plan) {
    session.add(session.manager.create(Batch, rowOf(plan)));
    await session.flush();
    session.add(itemsOf(plan).map((item) => session.manager.create(Item, item)));
  },

  async function insertInBulk(session, plan) {
    await session.insertMany(Batch, [rowOf(plan)]);
    await session.insertMany(Item, itemsOf(plan));
  },

  async function insertAsSql(session, plan, database) {
    await session.exec("INSERT INTO batches (id, state) VALUES (:id, :state)", rowOf(plan));
    for (const { batchId, position, payload } of itemsOf(plan)) {
      await database.exec(
        "INSERT INTO items (batch_id, position, payload) VALUES (:batchId, :position, :payload)",
        { batchId, position, payload },
      );
    }
  },

  async function insertInSavepoint(session, plan, database) {
    await session.manager.insert(Batch, rowOf(plan));
    await database.session((inner) => inner.manager.insert(Item, itemsOf(plan)));
  },

  async function failInSavepoint(session, plan) {
    await session.manager.insert(Batch, rowOf(plan));
    const failure = new DeliberateError("a savepoint that fails");
    const stray = { batchId: plan.batch, position: plan.payloads.length, payload: "must not be there" };
    const failed = session.transaction(async (inner) => {
      await inner.manager.delete(Batch, plan.batch);
      await inner.manager.insert(Batch, rowOf({ ...plan, state: "must not be seen" }));
      await inner.manager.insert(Item, stray);
      throw failure;
    });
    await failed.catch((error: unknown) => {
      if (error !== failure) throw error;
    });
    await session.manager.insert(Item, itemsOf(plan));
  },
];

export async function remove(session: Session, batch: string): Promise<void> {
  await session.manager.delete(Item, { batchId: batch });
  await session.manager.delete(Batch, batch);
}

function rowOf({ batch, state }: Plan): Pick<Batch, "id" | "state"> {
  return { id: batch, state };
}

function itemsOf({ batch, payloads }: Plan): Pick<Item, "batchId" | "position" | "payload">[] {
  return payloads.map((payload, position) => ({ batchId: batch, position, payload }));
}
