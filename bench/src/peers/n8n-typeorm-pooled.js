"use strict";

const { sqlite3WithPragmas } = require("../pragmas");
const { typeormModule } = require("./typeorm");

module.exports = typeormModule({
  title: "@n8n/typeorm, sqlite-pooled",
  packages: ["@n8n/typeorm", "sqlite3"],
  load: () => require("@n8n/typeorm"),
  options: () => ({
    type: "sqlite-pooled",
    enableWAL: true,
    poolSize: 20,
    acquireTimeout: 60_000,
    destroyTimeout: 5_000,
    driver: sqlite3WithPragmas(require("sqlite3")),
  }),
});
