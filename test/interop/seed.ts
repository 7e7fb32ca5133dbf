// Run by typeorm-extension.test.ts in a process of its own, since the package is ES modules only.
import "reflect-metadata";
import type { DataSource } from "typeorm";
import {
  runSeeders,
  type Seeder,
  type SeederFactoryManager,
  setDataSource,
  setSeederFactory,
  useSeederFactory,
} from "typeorm-extension";
import { SqliteDatabase } from "../../src";
import { Account, Note } from "../support/small-entities";

let written = 0;
const noteFactory = setSeederFactory(Note, () => Object.assign(new Note(), { text: `factory ${++written}` }));

class Notes implements Seeder {
  async run(_: DataSource, factories: SeederFactoryManager): Promise<void> {
    await factories.get(Note).saveMany(3);
  }
}

class Accounts implements Seeder {
  track = true;

  async run(dataSource: DataSource): Promise<void> {
    await dataSource.transaction((manager) => manager.insert(Account, { id: 1, balance: 100 }));
  }
}

class Broken implements Seeder {
  async run(dataSource: DataSource): Promise<void> {
    await dataSource.getRepository(Note).insert({ text: "undone" });
    throw new Error("on purpose");
  }
}

async function main(path: string): Promise<void> {
  await using database = await new SqliteDatabase(path, { entities: [Note, Account] }).init();
  const { dataSource } = database;
  const seed = (...seeds: (typeof Notes | typeof Accounts)[]) =>
    runSeeders(dataSource, { seeds, factories: [noteFactory], seedTracking: false });

  console.log("seeders", (await seed(Notes, Accounts)).length);
  // One that is tracked does not run again.
  await seed(Accounts);
  setDataSource(dataSource);
  await useSeederFactory(Note).save({ text: "by hand" });

  const failed = database.session(() => seed(Broken));
  console.log(await failed.catch((error: Error) => error.message));
}

main(process.argv[2]!).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
