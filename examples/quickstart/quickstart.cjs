const { EntitySchema } = require("typeorm");
const { SqliteDatabase } = require("typeorm-sqlite-database");

const User = new EntitySchema({
  name: "User",
  tableName: "users",
  columns: {
    id: { type: "integer", primary: true, generated: true },
    username: { type: "text" },
    age: { type: "integer", default: 0 },
  },
});

async function main() {
  const database = await new SqliteDatabase("sqlite:///./app.db", { entities: [User] }).init();

  const { id } = await database.getRepository(User).save({ username: "ada", age: 36 });

  await database.session(async (session) => {
    const user = await session.get(User, id); // loaded and tracked
    if (user) user.username = "ada.lovelace";
  }); // flushed and committed here; any throw rolls back

  const adults = await database.exec("SELECT * FROM users WHERE age > :age", { age: 21 }, { readonly: true });
  console.log(adults.all()); // [ { id: 1, username: 'ada.lovelace', age: 36 } ]

  await database.close();
}

main();
