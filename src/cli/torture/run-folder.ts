import { mkdirSync } from "node:fs";
import { join } from "node:path";

/** The files of one run. */
export class RunFolder {
  constructor(readonly path: string) {}

  get database(): string {
    return join(this.path, "torture.db");
  }

  /** One file for each process that writes; none of it is in the database. */
  get ledgers(): string {
    return join(this.path, "ledgers");
  }

  get backups(): string {
    return join(this.path, "backups");
  }

  make(): void {
    for (const folder of [this.path, this.ledgers, this.backups]) mkdirSync(folder, { recursive: true });
  }
}
