import type { SqliteDatabase } from "../..";
import { GONE, stateOf } from "./entities";
import type { Expectation, History } from "./history";

/** What one snapshot of a database holds. */
export interface Contents {
  /** What each batch says of itself. */
  readonly states: ReadonlyMap<string, string>;
  /** What its items add up to; a batch without any is not in it. */
  readonly sums: ReadonlyMap<string, string>;
}

export async function readContents(database: SqliteDatabase): Promise<Contents> {
  return await database.session(
    async (session) => {
      const batches = await session.exec<{ id: string; state: string }>("SELECT id, state FROM batches");
      const states = new Map(batches.rows.map(({ id, state }) => [id, state]));
      const items = session.stream<{ batch: string; payload: string }>(
        "SELECT batch_id AS batch, payload FROM items ORDER BY batch_id, position",
      );
      const payloads = new Map<string, string[]>();
      for await (const { batch, payload } of items) {
        const before = payloads.get(batch);
        if (before) before.push(payload);
        else payloads.set(batch, [payload]);
      }
      return { states, sums: new Map([...payloads].map(([id, found]) => [id, stateOf(found)])) };
    },
    { readonly: true, label: "readContents" },
  );
}

/** Every batch that is there in part, or is not what it must be. */
export function compare({ states, sums }: Contents, history: History): string[] {
  const problems: string[] = [];
  for (const [id, state] of states) {
    const sum = sums.get(id) ?? stateOf([]);
    if (sum !== state) problems.push(`batch ${id} is there in part: it has ${sum}, and should have ${state}`);
  }
  for (const id of sums.keys()) {
    if (!states.has(id)) problems.push(`batch ${id} is there in part: it has items, but no row of its own`);
  }
  for (const id of new Set([...states.keys(), ...history.batches])) {
    const expectation = history.expectationOf(id);
    const found = states.get(id) ?? GONE;
    if (found === expectation.acknowledged || expectation.begun.includes(found)) continue;
    problems.push(`batch ${id} ${difference(found, expectation)}`);
  }
  return problems;
}

function difference(found: string, { acknowledged, begun, doomed }: Expectation): string {
  const others = begun.map((state) => `, or ${state}, of which nobody was told`).join("");
  if (found === GONE) return `is lost: it was acknowledged as ${acknowledged}${others}`;
  if (acknowledged !== GONE) return `is ${found}, but was acknowledged as ${acknowledged}${others}`;
  return `is there, and must not be: ${doomed ? "its session was rolled back" : "no session has left it behind"}`;
}

/** Batches that were committed by a process that was killed before it was told so. */
export function countUnacknowledged({ states }: Contents, history: History): number {
  const ids = new Set([...states.keys(), ...history.batches]);
  return [...ids].filter((id) => (states.get(id) ?? GONE) !== history.expectationOf(id).acknowledged).length;
}
