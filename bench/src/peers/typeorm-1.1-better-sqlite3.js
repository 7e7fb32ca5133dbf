"use strict";

const { statements } = require("../pragmas");
const { typeormModule } = require("./typeorm");

module.exports = typeormModule({
  title: "TypeORM 1.1 + better-sqlite3",
  packages: ["typeorm-1.1", "better-sqlite3"],
  load: () => require("typeorm-1.1"),
  options: () => ({
    type: "better-sqlite3",
    enableWAL: true,
    prepareDatabase: (database) => {
      for (const statement of statements) database.exec(statement);
    },
  }),
});
