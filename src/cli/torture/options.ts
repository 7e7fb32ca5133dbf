import { parseArgs } from "node:util";
import { UsageError } from "../usage-error";

export const TORTURE_HELP = `Usage: typeorm-sqlite-database torture [options]

Processes write to one database through sessions, and note outside of it what was acknowledged. They are killed with
SIGKILL at random moments, also during VACUUM, backup, checkpoint and close. Then the database and its backups are
opened and compared with the notes: is every acknowledged session there, and none in part?

Options:
  --minutes N  how long, fractions allowed (default: 1)
  --rounds N   end after so many rounds, if that is sooner
  --path DIR   a new or empty folder for the files, which are kept (default: a temporary one, kept if something is lost)
  --seed N     repeat the choices of the run with this seed (default: a random one)
  --writers N  processes that write at the same time (default: 3)
  --help       this text

Exit code: 0 if nothing was lost, 1 if something was, 2 for a command that cannot be run.`;

export interface TortureOptions {
  readonly minutes: number;
  readonly rounds: number;
  /** A temporary folder if there is none. */
  readonly path: string | undefined;
  readonly seed: number;
  /** Processes. */
  readonly writers: number;
}

/** Reads the command line; `undefined` if it asks for help. */
export function parseTortureOptions(args: readonly string[]): TortureOptions | undefined {
  const { minutes, rounds, path, seed, writers, help } = parse(args);
  if (help) return undefined;
  return {
    minutes: minutes === undefined ? 1 : positive("minutes", minutes),
    rounds: rounds === undefined ? Number.POSITIVE_INFINITY : whole("rounds", rounds, 1),
    path,
    seed: seed === undefined ? Math.floor(Math.random() * 2 ** 31) : whole("seed", seed, 0),
    writers: writers === undefined ? 3 : whole("writers", writers, 1),
  };
}

function parse(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        minutes: { type: "string" },
        rounds: { type: "string" },
        path: { type: "string" },
        seed: { type: "string" },
        writers: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    });
    return values;
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new UsageError(`--${name} takes a number greater than 0 (got "${text}").`);
}

function whole(name: string, text: string, least: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value < 2 ** 31) return value;
  throw new UsageError(`--${name} takes a whole number from ${least} to ${2 ** 31 - 1} (got "${text}").`);
}
