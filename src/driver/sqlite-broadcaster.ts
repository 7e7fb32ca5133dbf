import { Broadcaster } from "typeorm/subscriber/Broadcaster.js";
import type { BroadcasterResult } from "typeorm/subscriber/BroadcasterResult.js";
import type { SqliteQueryRunner } from "./sqlite-query-runner";

/**
 * TypeORM's, whose subscribers and listeners are known to be waited for by the transaction that tells them: what would
 * wait for that in turn fails at once.
 */
export class SqliteBroadcaster extends Broadcaster {}

type Tell = (this: unknown, result: BroadcasterResult, ...args: any[]) => void;

const tells = Broadcaster.prototype as unknown as Record<string, Tell>;
// Who writes upon every query would write upon that as well.
for (const name of Object.getOwnPropertyNames(tells).filter((name) =>
  /^broadcast(?!.*Query).+Event$/.test(name),
)) {
  const tell = tells[name]!;
  const value: Tell = function (this: any, result, ...args) {
    const runner: SqliteQueryRunner = this.queryRunner;
    const isHeard = runner.dataSource.subscribers.length > 0 || args[0]?.listeners?.length > 0;
    if (!isHeard || !runner.held) return tell.call(this, result, ...args);
    const before = result.promises.length;
    // What a subscriber does without giving a promise for it, nobody waits for.
    runner.driver.context.surround(runner, "transaction", () => {
      tell.call(this, result, ...args);
      return Promise.allSettled(result.promises.slice(before));
    });
  };
  Object.defineProperty(SqliteBroadcaster.prototype, name, { value });
}
