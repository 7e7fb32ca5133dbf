import { ParameterError, ReadonlyDatabaseError } from "../errors";
import { FairLock } from "../pool/fair-lock";
import type { BindValue } from "../sql/bind-value";
import { mayOnlyRead, type StatementAnalysis } from "../sql/statement";
import type { Role } from "./admission";
import { anySignal } from "./any-signal";
import { isBusy, isEngineError, retryWhileBusy } from "./busy-retry";
import type { Connection } from "./connection";
import { ConnectionPool } from "./connection-pool";
import { throwMapped } from "./error-mapping";
import type { ForeignKeyGuard } from "./foreign-key-guard";
import type { PinnedConnection } from "./pinned-connection";
import { refusedInSandbox } from "./refused-in-sandbox";
import {
  type ExecuteOptions,
  NOTHING,
  refusedWrite,
  runStatement,
  type StatementResult,
} from "./run-statement";
import type { RunnerTransactions } from "./runner-transactions";
import type { SqliteDriver } from "./sqlite-driver";
import type { TransactionScope } from "./transaction-scope";

/** A statement, and how it is to be run. */
export interface Call extends ExecuteOptions {
  readonly statement: StatementAnalysis;
  readonly sql: string;
  readonly values: BindValue[];
  /** Whether it is a transaction of its own, which can be run again while another process has the lock. */
  readonly retry?: boolean;
}

/** Each property by its name: spreading an object that is made for every statement takes a microsecond and a half. */
export function callOf(
  statement: StatementAnalysis,
  sql: string,
  values: BindValue[],
  { readonly, signal, wantsDetails, refuse }: ExecuteOptions,
  retry = false,
): Call {
  return { statement, sql, values, readonly, signal, wantsDetails, refuse, retry };
}

/** What a runner holds, by which the connection of a statement is chosen. */
interface Held {
  readonly driver: SqliteDriver;
  readonly transactions: RunnerTransactions;
  readonly pinned: PinnedConnection;
  readonly guard: ForeignKeyGuard;
}

/**
 * Runs each statement of a query runner on the connection it belongs to: that of the runner's transaction; the writer
 * it is pinned to by a statement that changed the connection itself; else a reader or the writer for just this one.
 */
export class StatementRouter {
  readonly #held: Held;
  readonly #turn = new FairLock();

  constructor(held: Held) {
    this.#held = held;
  }

  async run(call: Call): Promise<StatementResult> {
    const { transactions } = this.#held;
    let scope = transactions.current;
    try {
      if (!scope) {
        // A runner's statements run in the order they were sent, as on a connection of its own; TypeORM relies on it.
        const done = this.#turn.tryAcquire() ?? (await this.#turn.acquire({ signal: call.signal }));
        try {
          // What was sent before may have begun a transaction.
          scope = transactions.current;
          if (!scope) return await this.#alone(call);
        } finally {
          done();
        }
      }
      return await this.#inScope(scope, call);
    } catch (error) {
      // What is not mapped yet comes from opening a connection.
      return await throwMapped(call.sql, call.values, error);
    }
  }

  /** Outside of a transaction. What fails with BUSY there had no effect, and is run again. */
  async #alone(call: Call): Promise<StatementResult> {
    const { statement } = call;
    const { driver, transactions, pinned, guard } = this.#held;
    const autocommit = callOf(statement, call.sql, call.values, call, true);
    if (call.readonly && !mayOnlyRead(statement)) throw refusedWrite(call);
    if (statement.kind === "begin") {
      await transactions.begin();
      return NOTHING;
    }
    // SQLite would ignore it there, and rows be lost that refer to a table that is rebuilt or dropped.
    if (driver.lender.isSandboxed && statement.pragma?.name === "foreign_keys" && !statement.readsOnly) {
      throw refusedInSandbox("Switching foreign keys off, as changing the schema needs,");
    }
    if (statement.pinsConnection || statement.kind === "savepoint") {
      return await this.#on(await pinned.take(), autocommit);
    }
    const { connection } = pinned;
    if (connection) {
      if (!statement.readsOnly) await guard.remember({ run: (use) => use(connection) });
      return await this.#on(connection, autocommit);
    }
    const reads = (statement.readsOnly || call.readonly) && !statement.usesConnectionState;
    try {
      return await this.#once(reads ? "reader" : "writer", autocommit);
    } catch (error) {
      // The text looked like a read; SQLite knows better. Nothing was written, so the writer can take it.
      if (reads && error instanceof ReadonlyDatabaseError) return await this.#once("writer", autocommit);
      throw error;
    }
  }

  async #inScope(scope: TransactionScope, call: Call): Promise<StatementResult> {
    const { statement, sql, values, wantsDetails, refuse } = call;
    const { kind, pinsConnection, readsOnly } = statement;
    const { transactions, pinned, guard } = this.#held;
    if ((call.readonly || scope.readonly) && !mayOnlyRead(statement)) {
      scope.assertNotEnded();
      throw refusedWrite(call);
    }
    if (kind === "commit" || kind === "rollback") {
      if (!transactions.isRoot(scope)) throw refusedEnd(kind);
      // Statements that were sent before it and not awaited come first.
      await scope.run(async () => {}).catch(() => {});
      await transactions.end(scope, kind);
      return NOTHING;
    }
    const remembered = readsOnly ? undefined : guard.remember(scope);
    if (remembered) await remembered;
    const readonly = call.readonly || scope.readonly;
    const signal = anySignal(scope.signal, call.signal);
    const inScope = callOf(statement, sql, values, { readonly, signal, wantsDetails, refuse });
    return await scope.run((connection) => {
      if (pinsConnection && !transactions.joined) pinned.adopt(connection);
      return this.#on(connection, inScope);
    }, signal);
  }

  /** On a connection for just this statement. */
  #once(role: Role, call: Call): Promise<StatementResult> {
    const { driver } = this.#held;
    const run = (connection: Connection) => this.#on(connection, call);
    return role === "reader"
      ? driver.lender.readOnce(call, run)
      : driver.lender.useOnce(role, "query", run, call.signal);
  }

  async #on(connection: Connection, call: Call): Promise<StatementResult> {
    const { driver } = this.#held;
    const { statement, sql, values, readonly, retry } = call;
    if (statement.pinsConnection)
      await ConnectionPool.of(connection).markAltered(connection, statement.pragma?.name);
    const once = () =>
      answersFromMemory(statement)
        ? driver.refreshSchema(connection).then(() => runStatement(connection, call))
        : runStatement(connection, call);
    try {
      let result: StatementResult;
      try {
        result = await once();
      } catch (error) {
        if (!retry || !isBusy(error)) throw error;
        const { busyTimeout } = driver.settings;
        result = await retryWhileBusy(once, { busyTimeout, signal: call.signal });
      }
      if (statement.kind === "schema") await driver.schemaChanged(connection, sql);
      if (retry && !statement.readsOnly) ConnectionPool.of(connection).assertInPlace(connection);
      return result;
    } catch (error) {
      if (readonly && isEngineError(error) && error.code === "SQLITE_READONLY")
        throw refusedWrite(call, error);
      return await throwMapped(sql, values, error, connection);
    }
  }
}

/** Whether the answer comes from what the connection has in memory of the schema. */
function answersFromMemory({ kind, readsOnly }: StatementAnalysis): boolean {
  return (kind === "pragma" && readsOnly) || kind === "explain";
}

function refusedEnd(kind: "commit" | "rollback"): ParameterError {
  return new ParameterError(
    `${kind.toUpperCase()} would end the transaction around this one too. Let session() or transaction() end it.`,
  );
}
