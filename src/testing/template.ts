import { constants, copyFileSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { SqliteDatabase, type SqliteDatabaseOptions } from "..";
import { fingerprintOf } from "./fingerprint";
import { removeLeftovers } from "./process-tree-folder";

/** The name of a test database in its folder. */
export const FILE = "test.db";

/** Seconds for another process to make the same template, migrations included. */
const BUILD_TIMEOUT = 3600;

/** A folder with a database that has its schema and is closed; one for all processes of the tree. */
export class Template {
  /** The options of a database whose schema is made already. */
  static readonly MADE = { createAll: false, synchronize: false, migrationsRun: false };

  static readonly #known = new Map<string, Template>();

  readonly #name: string;
  readonly #options: SqliteDatabaseOptions;
  #files: Promise<readonly string[]> | undefined;

  private constructor(name: string, options: SqliteDatabaseOptions) {
    this.#name = name;
    this.#options = options;
  }

  /** `undefined` for a schema that is hardly ever the same, as by a default that is another one each time. */
  static async of(options: SqliteDatabaseOptions): Promise<Template | undefined> {
    const fingerprint = await fingerprintOf(options);
    if (fingerprint === undefined) return undefined;
    const name = `template-${fingerprint}`;
    let template = Template.#known.get(name);
    if (!template) {
      template = new Template(name, options);
      Template.#known.set(name, template);
    }
    return template;
  }

  /**
   * Copies the database, and those that it attaches, into `folder`. The template is made in `shared` by whoever needs it
   * first.
   */
  async copyTo(folder: string, shared: string): Promise<void> {
    const template = join(shared, this.#name);
    try {
      copyAll(template, await this.#made(template, shared), folder);
    } catch (error) {
      if (!isMissing(error)) throw error;
      // Something that tidies the temporary folder was faster.
      this.#files = undefined;
      copyAll(template, await this.#made(template, shared), folder);
    }
  }

  #made(template: string, shared: string): Promise<readonly string[]> {
    this.#files ??= this.#make(template, shared).catch((error: unknown) => {
      this.#files = undefined;
      throw error;
    });
    return this.#files;
  }

  /** The lock of a SQLite file ends with its process, whatever that dies of. */
  async #make(template: string, shared: string): Promise<readonly string[]> {
    const made = filesIn(template);
    if (made) return made;
    removeLeftovers();
    await using lock = new SqliteDatabase(pathToFileURL(join(shared, "lock.db")), {
      busyTimeout: BUILD_TIMEOUT,
      pragmas: { journal_mode: "DELETE" },
    });
    await lock.init();
    return await lock.session(async (session) => {
      await session.exec("SELECT 1");
      return filesIn(template) ?? (await this.#build(shared, template));
    });
  }

  async #build(shared: string, template: string): Promise<readonly string[]> {
    const folder = mkdtempSync(join(shared, `building-${process.pid}-`));
    try {
      const database = await new SqliteDatabase(pathToFileURL(join(folder, FILE)), this.#options).init();
      await database.close();
      const files = readdirSync(folder);
      // Under its final name it is whole.
      renameSync(folder, template);
      return files;
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }
}

function copyAll(from: string, files: readonly string[], to: string): void {
  for (const file of files) {
    copyFileSync(join(from, file), join(to, file), constants.COPYFILE_FICLONE);
  }
}

function filesIn(folder: string): readonly string[] | undefined {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT";
}
