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
  const plain = statements.filter(isPlain);
  // One by one they are refused where only reading was asked for.
  const mayRun = plain.length > 1 && !isObserved(runner.dataSource) && !runner.scope?.readonly;
  const together = mayRun && (await runScript(runner, plain));
  const others = together ? statements.filter((statement) => !isPlain(statement)) : statements;
  for (const { query, parameters } of others) await runner.query(query, parameters);
}

/** One script of all statements, as one transaction; `undefined` where they cannot be one. */
export function transactionOf(statements: readonly Query[]): string | undefined {
  if (!statements.every(isPlain)) return undefined;
  return scriptOf(["BEGIN IMMEDIATE", ...statements.map(({ query }) => query), "COMMIT"]);
}

function isPlain({ parameters }: Query): boolean {
  return !parameters?.length;
}

/** In the order in which SQLite finds them, up to the first comment. */
const QUOTED = /'[^']*'|"[^"]*"|`[^`]*`|\[[^\]]*\]/g;

/** A comment, a quotation that does not end, or another statement, if it is not inside of quotes. */
const OPEN_ENDED = /--|\/\*|['"`[;]/;

/** A comment at the end of a statement takes in what follows it, so that they are not as many any more. */
function scriptOf(texts: readonly string[]): string | undefined {
  const script = texts.join(";\n");
  const isWhole =
    !texts.some((text) => OPEN_ENDED.test(text.replace(QUOTED, ""))) ||
    splitStatements(script).length === texts.length;
  return isWhole ? script : undefined;
}

/** Whether all of them have run, or else none. */
async function runScript(runner: SqliteQueryRunner, statements: readonly Query[]): Promise<boolean> {
  const script = scriptOf([
    "SAVEPOINT together",
    ...statements.map(({ query }) => query),
    "RELEASE together",
  ]);
  if (script === undefined) return false;
  return await runner.scope!.run(async (connection) => {
    try {
      await connection.script(script);
      await runner.driver.schemaChanged(connection, script);
      return true;
    } catch (error) {
      // A full disk, say, is the fault of no single statement, and may have ended the transaction.
      if (!isEngineError(error) || error.code !== "SQLITE_ERROR")
        return await refuseAll(runner, script, error);
      await connection.script("ROLLBACK TO together;\nRELEASE together");
      return false;
    }
  });
}

/** For what is the fault of no single statement. */
async function refuseAll(runner: SqliteQueryRunner, script: string, error: unknown): Promise<never> {
  runner.dataSource.logger.logQueryError(error as Error, script, [], runner);
  return await throwMapped(script, [], error);
}
