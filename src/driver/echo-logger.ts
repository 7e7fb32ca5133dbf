import { inspect } from "node:util";
import type { Logger } from "typeorm";

/** A TypeORM logger that may also want to know how long a statement took. */
export interface TimingLogger extends Logger {
  logQueryEnd?(query: string, parameters: unknown[], milliseconds: number, error?: unknown): void;
}

/** What `echo: true` prints: each statement when it is done, with its duration and parameters. */
export class EchoLogger implements TimingLogger {
  readonly #print: (line: string) => void;

  constructor(print: (line: string) => void = console.log) {
    this.#print = print;
  }

  logQueryEnd(query: string, parameters: unknown[], milliseconds: number, error?: unknown): void {
    const values =
      parameters.length > 0 ? ` -- ${inspect(parameters, { breakLength: Number.POSITIVE_INFINITY })}` : "";
    const failure =
      error === undefined ? "" : ` -- failed: ${error instanceof Error ? error.message : String(error)}`;
    this.#print(`[sqlite] ${milliseconds.toFixed(2)} ms  ${query}${values}${failure}`);
  }

  logSchemaBuild(message: string): void {
    this.#print(`[sqlite] ${message}`);
  }

  logMigration(message: string): void {
    this.#print(`[sqlite] ${message}`);
  }

  log(level: "log" | "info" | "warn", message: unknown): void {
    this.#print(`[sqlite] ${level}: ${message}`);
  }

  // Told by logQueryEnd, which knows how long it took.
  logQuery(): void {}
  logQueryError(): void {}
  logQuerySlow(): void {}
}
