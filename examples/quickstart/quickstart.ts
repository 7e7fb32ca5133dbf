import "reflect-metadata";
import { Column, Entity, PrimaryGeneratedColumn } from "typeorm";
import { SqliteDatabase } from "typeorm-sqlite-database";

@Entity("users")
class User {
  @PrimaryGeneratedColumn() id!: number;
  @Column() username!: string;
  @Column({ default: 0 }) age!: number;
}

async function main() {
  await using database = await new SqliteDatabase("sqlite:///./app.db", { entities: [User] }).init();

  const { id } = await database.getRepository(User).save({ username: "ada", age: 36 });

  await database.session(async (session) => {
    const user = await session.get(User, id); // loaded and tracked
    if (user) user.username = "ada.lovelace";
  }); // flushed and committed here; any throw rolls back

  const adults = await database.exec<User>(
    "SELECT * FROM users WHERE age > :age",
    { age: 21 },
    { readonly: true },
  );
  console.log(adults.all()); // [ { id: 1, username: 'ada.lovelace', age: 36 } ]
}

main();
