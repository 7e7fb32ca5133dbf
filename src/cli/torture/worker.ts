// Run by the parent in processes of their own: writes until it is killed.
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { BusyError, SqliteDatabase } from "../..";
import { ENTITIES } from "./entities";
import { type Activity, type BackupNote, type Chore, Ledger, positionsOf } from "./ledger";
import type { FromWorker, ToWorker, WorkerOptions } from "./messages";
import { Random } from "./random";
import { RunFolder } from "./run-folder";
import { Writer } from "./writer";

/** Another process may hold the lock, or a reader be in the way; a backup's name is new each time. */
const REFUSALS: ReadonlySet<unknown> = new Set(["SQLITE_BUSY", "POOL_TIMEOUT"]);

class Worker {
  readonly #folder: RunFolder;
  readonly #name: string;
  readonly #random: Random;
  readonly #ledger: Ledger;
  readonly #database: SqliteDatabase;
  /** The chore that runs and those that wait for it. */
  #chores: Promise<unknown>;
  /** Pending while the database is not open, or closed on purpose. */
  #opened: Promise<unknown>;
  /** Whether the next commit is to be announced, and to be worth it. */
  #announcesCommit = false;
  #backups = 0;

  constructor({ folder, name, seed, synchronous }: WorkerOptions) {
    this.#folder = new RunFolder(folder);
    this.#name = name;
    this.#random = new Random(seed);
    this.#ledger = new Ledger(join(this.#folder.ledgers, `${name}.log`));
    this.#database = new SqliteDatabase(this.#folder.database, {
      entities: ENTITIES,
      pragmas: { synchronous },
    });
    this.#opened = this.#perform("open");
    this.#chores = this.#opened;
  }

  async run(sessions: number): Promise<void> {
    const writers = Array.from({ length: sessions }, (_, number) => this.#newWriter(number));
    await Promise.all(writers.map((writer) => this.#keepWriting(writer)));
  }

  perform(chore: Chore): void {
    if (chore === "commit") this.#announcesCommit = true;
    else this.#chores = this.#chores.then(() => this.#perform(chore));
  }

  #newWriter(number: number): Writer {
    const random = new Random(this.#random.nextSeed());
    return new Writer(this.#database, this.#ledger, random, `${this.#name}.${number}`);
  }

  async #keepWriting(writer: Writer): Promise<never> {
    for (;;) {
      await this.#opened;
      await this.#write(writer);
      // Otherwise a worker whose sessions are refused at once would never hear its parent.
      await turn();
    }
  }

  async #write(writer: Writer): Promise<void> {
    if (!this.#announcesCommit) return await writer.write();
    this.#announcesCommit = false;
    let announced = false;
    await writer.writeMuch(() => {
      announced = true;
      tell({ begun: "commit" });
    });
    // One that was refused never came to its commit.
    if (!announced) this.#announcesCommit = true;
  }

  async #perform(activity: Exclude<Activity, "commit">): Promise<void> {
    const backup = activity === "backup" ? this.#noteBackup() : undefined;
    this.#ledger.append({ kind: "begun", activity, backup });
    tell({ begun: activity });
    try {
      await this.#do(activity, backup);
      this.#ledger.append({ kind: "done", activity, backup });
    } catch (error) {
      const { code } = error as { code?: unknown };
      this.#ledger.append(
        REFUSALS.has(code)
          ? { kind: "refused", activity }
          : { kind: "problem", message: `${activity} of ${this.#name} failed: ${String(error)}` },
      );
    } finally {
      tell({ done: activity });
    }
  }

  #noteBackup(): BackupNote {
    return { name: `${this.#name}-${++this.#backups}.db`, since: positionsOf(this.#folder.ledgers) };
  }

  async #do(activity: Exclude<Activity, "commit">, backup: BackupNote | undefined): Promise<void> {
    if (backup) await this.#database.backup(join(this.#folder.backups, backup.name));
    else if (activity === "open") await this.#init();
    else if (activity === "VACUUM") await this.#database.vacuum();
    else if (activity === "checkpoint") {
      await this.#database.checkpoint(this.#random.pick(["passive", "full", "restart", "truncate"] as const));
    } else if (activity === "close") await this.#closeAndOpen();
  }

  async #closeAndOpen(): Promise<void> {
    const closed = this.#database.close();
    this.#opened = closed.then(() => this.#init());
    await this.#opened;
  }

  /** Another process may hold the lock for longer than `busyTimeout`, and there is no going on without a database. */
  async #init(): Promise<void> {
    for (;;) {
      try {
        await this.#database.init();
        return;
      } catch (error) {
        if (!(error instanceof BusyError)) throw error;
      }
    }
  }
}

function tell(message: FromWorker): void {
  process.send?.(message);
}

const options = JSON.parse(process.argv[2] ?? "") as WorkerOptions;
const worker = new Worker(options);
process.on("message", ({ perform }: ToWorker) => worker.perform(perform));
// The parent is gone: nobody would check what is written now.
process.on("disconnect", () => process.exit());
// What it rejects with ends the process, which the parent notices.
void worker.run(options.sessions);
