// What the TypeORM CLI is given by typeorm-cli.test.ts: a file that exports the data source of a database.
import { Column, Entity, PrimaryGeneratedColumn } from "typeorm";
import { SqliteDatabase } from "../../src";

@Entity("books")
class Book {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ unique: true })
  title!: string;
}

const database = new SqliteDatabase(process.env.DATABASE!, {
  entities: [Book],
  // The tables are those that the migrations make.
  createAll: false,
  migrations: [process.env.MIGRATIONS!],
});

export const { dataSource } = database;
