import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn } from "typeorm";
import { testDatabases } from "../support/databases";
import { rawRead } from "../support/raw-database";
import { StatementLog } from "../support/statement-log";

// More rows are deleted, or inserted, at once than one statement takes.

@Entity("folders")
class Folder {
  @PrimaryColumn("integer")
  id!: number;

  @ManyToOne(() => Folder)
  parent?: Folder | null;
}

@Entity("versions")
class Version {
  @PrimaryColumn("text")
  document!: string;

  @PrimaryColumn("datetime")
  at!: Date;

  @ManyToOne(() => Version, { lazy: true })
  @JoinColumn([
    { name: "previous_document", referencedColumnName: "document" },
    { name: "previous_at", referencedColumnName: "at" },
  ])
  previous?: Promise<Version | null>;
}

@Entity("accounts")
class Account {
  @PrimaryColumn("blob")
  key!: Buffer;

  @Column({ unique: true })
  name!: string;

  @ManyToOne(() => Account, { onDelete: "RESTRICT" })
  @JoinColumn({ name: "owner_name", referencedColumnName: "name" })
  owner?: Account | null;
}

const databases = testDatabases();
const log = new StatementLog();

const count = async (table: string) =>
  (await rawRead(databases.path, `SELECT count(*) AS n FROM ${table}`))[0]!.n;

/** Each inside of the one before. */
function chain<Entity>(
  length: number,
  make: (number: number, before: Entity | undefined) => Entity,
): Entity[] {
  const made: Entity[] = [];
  for (let number = 1; number <= length; number++) made.push(make(number, made.at(-1)));
  return made;
}

const folders = (length: number) =>
  chain<Folder>(length, (id, parent) => Object.assign(new Folder(), { id, ...(parent && { parent }) }));

describe.each(["parents first", "children first"])("in a table that refers to itself, %s", (order) => {
  const inOrder = <T>(rows: readonly T[]): T[] =>
    order === "parents first" ? [...rows] : [...rows].reverse();

  test("thousands of rows are inserted and deleted", async () => {
    const database = await databases.open({ entities: [Folder], echo: log });
    const made = folders(5_000);
    await database.session((session) => session.add(inOrder(made)));
    expect(await count("folders WHERE parentId = id - 1")).toBe(4_999);
    log.take();
    await database.session((session) => {
      for (const folder of inOrder(made)) session.delete(folder);
    });
    expect(await count("folders")).toBe(0);
    expect(log.takeWrites()).toHaveLength(10);
  });

  test("rows are deleted that were loaded without what they refer to", async () => {
    const database = await databases.open({ entities: [Folder] });
    await database.manager.insert(Folder, folders(501));
    await database.session(async (session) => {
      const loaded = await session.manager.find(Folder, { order: { id: "ASC" } });
      for (const folder of inOrder(loaded)) session.delete(folder);
    });
    expect(await count("folders")).toBe(0);
  });

  test("rows are deleted whose id and reference are of several columns, which nobody has touched", async () => {
    const database = await databases.open({ entities: [Version] });
    await database.execScript(`
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 700)
      INSERT INTO versions SELECT 'a', datetime(i, 'unixepoch') || '.000',
        iif(i > 1, 'a', NULL), iif(i > 1, datetime(i - 1, 'unixepoch') || '.000', NULL) FROM n`);
    await database.session(async (session) => {
      const loaded = await session.manager.find(Version, { order: { at: "ASC" } });
      for (const version of inOrder(loaded)) session.delete(version);
    });
    expect(await count("versions")).toBe(0);
  });

  test("rows are deleted one by one where none may refer to another even within a statement", async () => {
    const database = await databases.open({ entities: [Account] });
    const made = chain<Account>(20, (number, owner) =>
      Object.assign(new Account(), {
        key: Buffer.from([number]),
        name: `${number}`,
        ...(owner && { owner }),
      }),
    );
    await database.session((session) => session.add(inOrder(made)));
    await database.session(async (session) => {
      for (const account of inOrder(await session.manager.find(Account))) session.delete(account);
    });
    expect(await count("accounts")).toBe(0);
  });
});

test("the rows of a table that does not refer to itself are not read again to delete them", async () => {
  @Entity("notes")
  class Note {
    @PrimaryColumn("integer")
    id!: number;
  }
  const database = await databases.open({ entities: [Note], echo: log });
  const notes = Array.from({ length: 501 }, (_, id) => Object.assign(new Note(), { id }));
  await database.session((session) => session.add(notes));
  log.take();
  await database.session((session) => {
    for (const note of notes) session.delete(note);
  });
  expect(log.take().filter((sql) => /^(SELECT|DELETE)/.test(sql))).toHaveLength(4);
});
