import "reflect-metadata";
import { Column, Entity, PrimaryGeneratedColumn } from "typeorm";
import { SqliteDatabase } from "../../src";

@Entity("events")
export class Event {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column("datetime")
  at!: Date;
}

/** Writes the same moment through TypeORM and through `exec`, and prints the moments that it finds by it. */
async function main(path: string, moment: Date): Promise<void> {
  await using database = await new SqliteDatabase(path, { entities: [Event] }).init();
  await database.getRepository(Event).save({ at: moment });
  await database.exec("INSERT INTO events (at) VALUES (:moment)", { moment });
  const byEntity = await database.getRepository(Event).findBy({ at: moment });
  const byText = await database.exec<{ at: string }>("SELECT at FROM events WHERE at = :moment", { moment });
  console.log(
    JSON.stringify({
      offset: moment.getTimezoneOffset(),
      byEntity: byEntity.map(({ at }) => at.toISOString()),
      byText: byText.rows.map(({ at }) => at),
    }),
  );
}

main(String(process.argv[2]), new Date(String(process.argv[3])));
