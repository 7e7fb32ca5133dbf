// Run by process.test.ts in a process of its own: prints which packages it takes to write and read a row, and then
// validates a class that is decorated only afterwards.
import "reflect-metadata";
import { Column, Entity, PrimaryGeneratedColumn } from "typeorm";
import { SqliteDatabase } from "../../src";
import { Note } from "./small-entities";

const packages = (): string[] => {
  const names = Object.keys(require.cache).map(
    (file) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1],
  );
  return [...new Set(names)].filter((name) => name !== undefined);
};

async function main(path: string): Promise<void> {
  await using database = await new SqliteDatabase(path, { entities: [Note] }).init();
  await database.getRepository(Note).save({ text: "one" });
  await database.getRepository(Note).findOneByOrFail({ text: "one" });
  const loaded = packages();

  const { IsMobilePhone } = require("class-validator") as typeof import("class-validator");
  @Entity("people")
  class Person {
    @PrimaryGeneratedColumn()
    id!: number;

    @IsMobilePhone("de-DE")
    @Column("text")
    phone!: string;
  }
  await using people = await new SqliteDatabase(`${path}-people`, { entities: [Person] }).init();
  const refused = await people
    .getRepository(Person)
    .save({ phone: "none" })
    .catch(({ code }) => code);
  console.log(JSON.stringify({ loaded, refused }));
}

void main(process.argv[2]!);
