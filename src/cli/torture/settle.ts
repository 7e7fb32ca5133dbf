import { readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { SqliteDatabase } from "../..";
import type { Contents } from "./contents";
import { ENTITIES } from "./entities";
import { Ledger } from "./ledger";
import type { RunFolder } from "./run-folder";

const MOST_BATCHES = 1000;

/** Has the next rounds find what this one found, and removes what is not needed any more: a run may take hours. */
export async function settle(folder: RunFolder, { states }: Contents): Promise<void> {
  const kept = states.size > MOST_BATCHES ? await prune(folder, states) : states;
  const former = readdirSync(folder.ledgers);
  const next = join(folder.path, "settled.log");
  const ledger = new Ledger(next);
  for (const [batch, state] of kept) ledger.append({ kind: "settled", batch, state });
  ledger.close();
  for (const name of former) rmSync(join(folder.ledgers, name));
  renameSync(next, join(folder.ledgers, "settled.log"));
  for (const name of readdirSync(folder.backups)) rmSync(join(folder.backups, name));
}

/** Removes half of the batches, and gives those that are left. */
async function prune(folder: RunFolder, states: Contents["states"]): Promise<Contents["states"]> {
  const surplus = [...states.keys()].slice(0, states.size - MOST_BATCHES / 2);
  await using database = await new SqliteDatabase(folder.database, { entities: ENTITIES }).init();
  await database.session(async (session) => {
    await session.exec("DELETE FROM items WHERE batch_id IN (:surplus)", { surplus });
    await session.exec("DELETE FROM batches WHERE id IN (:surplus)", { surplus });
  });
  return new Map([...states].slice(surplus.length));
}
