import { SilentLogger } from "./silent-logger";

/** A logger that keeps what was sent, to be passed as `echo`. */
export class StatementLog extends SilentLogger {
  readonly #sent: string[] = [];
  /** Called for each statement, before it is sent. */
  heard: ((query: string) => void) | undefined;

  override logQuery(query: string): void {
    this.#sent.push(query);
    this.heard?.(query);
  }

  /** What was sent since it was last asked. */
  take(): string[] {
    return this.#sent.splice(0);
  }

  /** Only what writes, since it was last asked. */
  takeWrites(): string[] {
    return this.take().filter((sql) => /^(INSERT|UPDATE|DELETE)/.test(sql));
  }
}
