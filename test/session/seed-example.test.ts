import { Column, Entity, PrimaryGeneratedColumn } from "typeorm";
import { ReadonlyError } from "../../src/errors";
import { SqliteDatabase } from "../../src/sqlite-database";
import { rawRead } from "../support/raw-database";
import { temporaryFolder } from "../support/temporary-folder";

const folder = temporaryFolder();

@Entity("users")
class User {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  username!: string;

  @Column("integer")
  age!: number;

  @Column({ default: "inactive" })
  status!: string;
}

test("the example of the original class: load, change, commit, raw select, raw update, vacuum, close", async () => {
  const path = folder.file("app.db");
  const database = new SqliteDatabase(`sqlite:///${path}`, { entities: [User] });
  await database.init();
  await database.session((session) => {
    session.add([
      session.manager.create(User, { username: "old_name", age: 30 }),
      session.manager.create(User, { username: "young", age: 12 }),
      session.manager.create(User, { username: "grown", age: 40 }),
    ]);
  });

  const id = 1;
  const user = await database.session(async (session) => {
    const user = await session.get(User, id);
    if (!user) throw new Error("no such user");
    user.username = "new_name";
    return user;
  });
  expect(user).toMatchObject({ id: 1, username: "new_name", age: 30 });
  expect(await rawRead(path, "SELECT username FROM users WHERE id = 1")).toEqual([{ username: "new_name" }]);

  const adults = await database.exec<User>(
    "SELECT * FROM users WHERE age > :age ORDER BY id",
    { age: 21 },
    { readonly: true },
  );
  expect(adults.rows.map(({ username }) => username)).toEqual(["new_name", "grown"]);
  await expect(database.exec("DELETE FROM users", {}, { readonly: true })).rejects.toThrow(ReadonlyError);

  const { changes } = await database.exec("UPDATE users SET status = :status WHERE id IN (:ids)", {
    status: "active",
    ids: [1, 2, 3],
  });
  expect(changes).toBe(3);
  expect(await rawRead(path, "SELECT DISTINCT status FROM users")).toEqual([{ status: "active" }]);

  await database.vacuum();
  await database.close();
  expect(database.isInitialized).toBe(false);
});
