import type { Query } from "typeorm/driver/Query.js";
import { splitStatements } from "../sql/statement";
import { isEngineError } from "./busy-retry";
import { throwMapped } from "./error-mapping";
import { isObserved } from "./observe-statement";
import type { SqliteQueryRunner } from "./sqlite-query-runner";

/** What TypeORM sends for `work`, which is not sent; what `work` asks the database is answered. */
export async function collectStatements(
  runner: SqliteQueryRunner,
  work: () => Promise<void>,
): Promise<readonly Query[]> {
  runner.enableSqlMemory();
  try {
    await work();
    return runner.getMemorySql().upQueries;
  } finally {
    runner.disableSqlMemory();
  }
}

/**
 * Runs statements in the transaction of the runner, of which those without parameters go to SQLite in one call: each
 * call is a way to a thread and back, which takes longer than creating a table.
 *
 * @throws QueryError naming the first that SQLite refuses
 */
export async function runTogether(runner: SqliteQueryRunner, statements: readonly Query[]): Promise<void> {
  const isPlain = ({ parameters }: Query): boolean => !parameters?.length;
  const plain = statements.filter(isPlain);
  const together = plain.length > 1 && !isObserved(runner) && (await runScript(runner, plain));
  const others = together ? statements.filter((statement) => !isPlain(statement)) : statements;
  for (const { query, parameters } of others) await runner.query(query, parameters);
}

/** Whether all of them have run, or else none. */
async function runScript(runner: SqliteQueryRunner, statements: readonly Query[]): Promise<boolean> {
  const texts = ["SAVEPOINT together", ...statements.map(({ query }) => query), "RELEASE together"];
  const script = texts.join(";\n");
  // A comment at the end of one takes in what follows it, so that they are not as many any more.
  if (splitStatements(script).length !== texts.length) return false;
  return await runner.scope!.run(async (connection) => {
    try {
      await connection.script(script);
      return true;
    } catch (error) {
      // A full disk, say, is the fault of no single statement, and may have ended the transaction.
      if (!isEngineError(error) || error.code !== "SQLITE_ERROR") {
        runner.dataSource.logger.logQueryError(error as Error, script, [], runner);
        return await throwMapped(script, [], error);
      }
      await connection.script("ROLLBACK TO together;\nRELEASE together");
      return false;
    }
  });
}
