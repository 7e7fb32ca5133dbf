import "reflect-metadata";
import { IsEmail } from "class-validator";
import { Column, Entity, PrimaryGeneratedColumn } from "typeorm";
import { ConstraintError, SqliteDatabase } from "typeorm-sqlite-database";

@Entity()
class User {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ unique: true })
  @IsEmail()
  email!: string;
}

async function main(): Promise<void> {
  await using database = await new SqliteDatabase("sqlite:///./typescript.db", { entities: [User] }).init();
  const user: User = await database.session(async (session) =>
    session.manager.save(User, { email: "ada@example.org" }),
  );
  const [found] = (await database.exec<User>("SELECT * FROM user WHERE id = :id", { id: user.id })).rows;
  if (found?.email !== user.email) throw new Error("not found");
  await database
    .getRepository(User)
    .insert({ email: user.email })
    .then(
      () => Promise.reject(new Error("not refused")),
      (error: unknown) => {
        if (!(error instanceof ConstraintError) || error.kind !== "unique") throw error;
      },
    );
  console.log("TypeScript: ok");
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
