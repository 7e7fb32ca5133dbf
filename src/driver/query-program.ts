import { anySignal } from "./any-signal";
import type { TransactionScope } from "./transaction-scope";

/** What is to be known of a query that is run in parts, from the program that SQLite makes of it. */
export interface QueryProgram {
  readonly columnCount: number;
  /** Whether it gives other rows each time. */
  readonly isRandom: boolean;
  /** Whether it sorts or collects rows before it gives the first, so that leaving out rows does not make it cheaper. */
  readonly isCostlyToRepeat: boolean;
  /** Whether a view has an EXISTS that SQLite makes a join of, so that too few rows would be left out. */
  readonly miscountsOffset: boolean;
}

const COLLECTING = new Set(["OpenEphemeral", "OpenAutoindex", "OpenDup", "SorterOpen", "InitCoroutine"]);

/** `undefined` for what SQLite cannot prepare. The program is listed, not run: https://sqlite.org/opcode.html */
export async function readProgram(
  scope: TransactionScope,
  sql: string,
  signal: AbortSignal | undefined,
): Promise<QueryProgram | undefined> {
  const both = anySignal(scope.signal, signal);
  const explain = (how: string) =>
    scope.run(
      (connection) =>
        connection.all(`${how} ${sql}`).catch((error: unknown) => {
          if (both?.aborted) throw error;
          return undefined;
        }),
      both,
    );
  const steps = await explain("EXPLAIN");
  const plan = await explain("EXPLAIN QUERY PLAN");
  if (!steps || !plan) return undefined;
  const result = steps.find(({ opcode }) => opcode === "ResultRow");
  return {
    columnCount: Number(result?.p2 ?? 0),
    isRandom: steps.some(({ opcode, p4 }) => opcode === "Function" && /^random(blob)?\(/.test(String(p4))),
    isCostlyToRepeat: steps.some(({ opcode }) => COLLECTING.has(String(opcode))),
    miscountsOffset: plan.some(({ detail }) => String(detail).includes(" EXISTS")),
  };
}

/** How SQLite goes about it, and so in which order the rows come. */
export function planOf(steps: readonly Record<string, unknown>[]): string {
  return JSON.stringify(steps.map(({ detail }) => detail));
}
