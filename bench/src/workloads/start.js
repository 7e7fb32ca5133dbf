"use strict";

const { join } = require("node:path");

const tablesOf = async (handle) =>
  (
    await handle.raw(
      "SELECT t.name AS name, group_concat(c.name) AS columns FROM sqlite_schema t, pragma_table_info(t.name) c " +
        "WHERE t.name LIKE 'table%' GROUP BY t.name ORDER BY t.name",
    )
  ).map(({ name, columns }) => ({ name, columns }));

/** Databases are opened, and tables are made, in new files, one after another; how they are closed is not measured. */
const createTables = (tables) => ({
  name: `create-${tables}`,
  title: `\`init\` and tables for ${tables} entities`,
  unit: "ms",
  needs: "createTables",
  operations: 5,
  quick: 1,
  async verify({ module, folder }) {
    const handle = await module.createTables(join(folder, "verify.db"), tables);
    const found = await tablesOf(handle);
    await handle.close();
    return found;
  },
  async run(context) {
    const { module, folder, count, round } = context;
    context.handles = [];
    for (let index = 0; index < count; index++) {
      context.handles.push(await module.createTables(join(folder, `round-${round}-${index}.db`), tables));
    }
  },
  async finish({ handles }) {
    for (const handle of handles) await handle.close();
  },
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
