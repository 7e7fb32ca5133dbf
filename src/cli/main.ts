#!/usr/bin/env node
import { tortureCommand } from "./torture/command";
import { UsageError } from "./usage-error";

const HELP = `Usage: typeorm-sqlite-database <command> [options]

Commands:
  torture  kill writing processes at random moments, and check that nothing was lost

typeorm-sqlite-database <command> --help tells more.`;

async function run([command, ...args]: readonly string[]): Promise<number> {
  if (command === "--help" || command === "-h") {
    console.log(HELP);
    return 0;
  }
  if (command === "torture") return await tortureCommand(args);
  throw new UsageError(command === undefined ? "No command was given." : `There is no command "${command}".`);
}

run(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    const isUsage = error instanceof UsageError;
    console.error(isUsage ? `${error.message}\nSee typeorm-sqlite-database --help.` : error);
    process.exitCode = isUsage ? 2 : 1;
  },
);
