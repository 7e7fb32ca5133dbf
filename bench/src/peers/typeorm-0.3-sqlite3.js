"use strict";

const { sqlite3WithPragmas } = require("../pragmas");
const { typeormModule } = require("./typeorm");

module.exports = typeormModule({
  title: "TypeORM 0.3 + sqlite3",
  packages: ["typeorm-0.3", "sqlite3"],
  load: () => require("typeorm-0.3"),
  options: () => ({ type: "sqlite", enableWAL: true, driver: sqlite3WithPragmas(require("sqlite3")) }),
});
