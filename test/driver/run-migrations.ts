// Run by migrations-together.test.ts in processes of their own; makes a file when it waits for its transaction to begin.
import "reflect-metadata";
import { writeFileSync } from "node:fs";
import { SqliteDatabase } from "../../src";
import { StatementLog } from "../support/statement-log";
import {
  CreateAccount1760000000000,
  Double1780000000000,
  Increment1770000000000,
} from "./account-migrations";

async function main(path: string, waiting: string): Promise<void> {
  const echo = new StatementLog();
  echo.heard = (query) => {
    if (query === "BEGIN TRANSACTION") writeFileSync(waiting, "");
  };
  await using _ = await new SqliteDatabase(path, {
    migrations: [CreateAccount1760000000000, Increment1770000000000, Double1780000000000],
    migrationsRun: true,
    busyTimeout: 60,
    echo,
  }).init();
}

const [path = "", waiting = ""] = process.argv.slice(2);
void main(path, waiting);
