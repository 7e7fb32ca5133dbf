import "reflect-metadata";
import assert from "node:assert/strict";
import { EntitySchema } from "typeorm";
import { SqliteDatabase, SqliteDataSource } from "typeorm-sqlite-database";

const Note = new EntitySchema({
  name: "note",
  columns: { id: { type: Number, primary: true, generated: true }, text: { type: String } },
});
const database = await new SqliteDatabase("sqlite:///./esm.db", { entities: [Note] }).init();
await database.session((session) => session.manager.insert(Note, { text: "hello" }));
assert.equal(await database.getRepository(Note).count(), 1);
await database.close();

const dataSource = await new SqliteDataSource({ database: "esm.db", entities: [Note] }).initialize();
assert.equal(await dataSource.getRepository(Note).count(), 1);
await dataSource.destroy();
console.log("ES module: ok");
