import { IsEmail } from "class-validator";
import { Column, Entity, PrimaryGeneratedColumn } from "typeorm";
import {
  addTransactionalDataSource,
  deleteDataSourceByName,
  initializeTransactionalContext,
  Propagation,
  runOnTransactionCommit,
  runOnTransactionRollback,
  StorageDriver,
  Transactional,
} from "typeorm-transactional";
import { DatabaseError, EntityValidationError, type SqliteDatabase } from "../../src";
import { testDatabases } from "../support/databases";
import { barrier, until } from "../support/deferred";
import { rawRead } from "../support/raw-database";
import { NOTES, Note } from "../support/small-entities";

const databases = testDatabases();
const texts = async () => (await rawRead(databases.path, NOTES)).map(({ text }) => text);
const fail = async (): Promise<void> => {
  throw new Error("on purpose");
};

@Entity("members")
class Member {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  @IsEmail()
  email!: string;
}

/** A service as typeorm-transactional knows it. */
class Notebook {
  readonly #database: SqliteDatabase;

  constructor(database: SqliteDatabase) {
    this.#database = database;
  }

  @Transactional()
  async write(text: string, then: () => Promise<void> = async () => {}): Promise<void> {
    await this.#database.getRepository(Note).insert({ text });
    await then();
  }

  @Transactional({ propagation: Propagation.NESTED })
  async nested(text: string, then?: () => Promise<void>): Promise<void> {
    await this.#database.getRepository(Note).insert({ text });
    await then?.();
  }
}

beforeAll(() => {
  initializeTransactionalContext({ storageDriver: StorageDriver.ASYNC_LOCAL_STORAGE });
});

afterEach(() => void deleteDataSourceByName("default"));

async function open(): Promise<{ database: SqliteDatabase; notebook: Notebook }> {
  const database = await databases.open({ entities: [Note, Member] });
  // Given alone it is not recognized, since its class is not called DataSource.
  addTransactionalDataSource({ dataSource: database.dataSource });
  return { database, notebook: new Notebook(database) };
}

test("a method is committed as a whole, or rolled back as a whole", async () => {
  const { notebook } = await open();
  await notebook.write("kept");
  await expect(notebook.write("undone", fail)).rejects.toThrow("on purpose");
  expect(await texts()).toEqual(["kept"]);
});

test("a method called by another takes part in its transaction", async () => {
  const { notebook } = await open();
  await notebook.write("outer", () => notebook.write("inner"));
  const undone = notebook.write("outer, undone", async () => {
    await notebook.write("inner, undone");
    await fail();
  });
  await expect(undone).rejects.toThrow("on purpose");
  expect(await texts()).toEqual(["outer", "inner"]);
});

test("concurrent calls are isolated", async () => {
  const { notebook } = await open();
  const started = barrier(20);
  await Promise.allSettled(
    Array.from({ length: 20 }, async (_, index) => {
      await started();
      await notebook.write(`${index}`, index % 2 ? fail : undefined);
    }),
  );
  expect(await texts()).toEqual(Array.from({ length: 10 }, (_, index) => `${2 * index}`));
});

test("the data source's own manager, queries and query builders take part", async () => {
  const { database, notebook } = await open();
  const { dataSource } = database;
  const undone = notebook.write("by the repository", async () => {
    await dataSource.manager.insert(Note, { text: "by the manager" });
    await dataSource.query("INSERT INTO notes (text) VALUES ('by a query')");
    await dataSource.createQueryBuilder().insert().into(Note).values({ text: "by a builder" }).execute();
    expect(await database.getRepository(Note).count()).toBe(4);
    await fail();
  });
  await expect(undone).rejects.toThrow("on purpose");
  expect(await texts()).toEqual([]);
});

test("hooks are told of the commit, and of the rollback", async () => {
  const { notebook } = await open();
  const told: string[] = [];
  const listening = (name: string, then: () => Promise<void>) => async () => {
    runOnTransactionCommit(() => told.push(`${name} committed`));
    runOnTransactionRollback(() => told.push(`${name} rolled back`));
    await then();
  };
  await notebook.write(
    "first",
    listening("first", async () => {}),
  );
  await notebook.write("second", listening("second", fail)).catch(() => {});
  // The hooks run after the promise has settled.
  await until(() => told.length >= 2);
  expect(told).toEqual(["first committed", "second rolled back"]);
});

test("entities are validated as without it", async () => {
  const { database } = await open();
  const members = database.getRepository(Member);
  await expect(members.insert({ email: "nobody" })).rejects.toThrow(EntityValidationError);
  await expect(members.save({ email: "nobody" })).rejects.toThrow(EntityValidationError);
  const builder = members.createQueryBuilder().insert().values({ email: "nobody" });
  await expect(builder.execute()).rejects.toThrow(EntityValidationError);
});

test("a nested transaction, which would be a second writer, is refused at once", async () => {
  const { notebook } = await open();
  const refused = notebook.write("outer", () => notebook.nested("inner"));
  await expect(refused).rejects.toThrow(DatabaseError);
  await expect(notebook.write("outer", () => notebook.nested("inner"))).rejects.toThrow(
    /would wait for ever/,
  );
  expect(await texts()).toEqual([]);
});

test("inside a session, a nested transaction is a savepoint", async () => {
  const { database, notebook } = await open();
  await database.session(async () => {
    await notebook.write("outer", async () => {
      await notebook.nested("inner");
      await expect(notebook.nested("undone", fail)).rejects.toThrow("on purpose");
    });
  });
  expect(await texts()).toEqual(["outer", "inner"]);
});
