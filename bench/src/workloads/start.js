"use strict";

const { join } = require("node:path");

const tablesOf = async (handle) =>
  (
    await handle.raw(
      "SELECT t.name AS name, group_concat(c.name) AS columns FROM sqlite_schema t, pragma_table_info(t.name) c " +
        "WHERE t.name LIKE 'table%' GROUP BY t.name ORDER BY t.name",
    )
  ).map(({ name, columns }) => ({ name, columns }));

/** The database is opened, and tables are made, in a new file; how it is closed is not measured. */
const createTables = (tables) => ({
  name: `create-${tables}`,
  title: `\`init\` and tables for ${tables} entities`,
  unit: "ms",
  needs: "createTables",
  operations: 1,
  quick: 1,
  async verify({ module, folder }) {
    const handle = await module.createTables(join(folder, "verify.db"), tables);
    const found = await tablesOf(handle);
    await handle.close();
    return found;
  },
  async run(context) {
    context.handle = await context.module.createTables(
      join(context.folder, `round-${context.round}.db`),
      tables,
    );
  },
  finish: ({ handle }) => handle.close(),
});

module.exports = {
  createTables,
  workloads: [
    createTables(50),
    {
      name: "cold-start",
      title: "cold start, `require` to first row",
      unit: "ms",
      template: "small",
      cold: true,
      operations: 1,
      quick: 1,
    },
  ],
};
