import { join } from "node:path";
import { runScript } from "../support/child-process";
import { testDatabases } from "../support/databases";
import { NOTES, Note } from "../support/small-entities";

const databases = testDatabases();

test.each(["idle", "running", "opening", "backing up"])(
  "process.exit() with open sessions and statements (%s) keeps the exit code, what was committed, and nothing else",
  async (how) => {
    const script = join(__dirname, "exiting.ts");
    // One that does not end is killed, and then has no exit code.
    expect(await runScript(script, [databases.path, how], 10_000)).toEqual({
      code: 7,
      signal: null,
      output: "",
    });
    const database = await databases.open({ entities: [Note] });
    expect((await database.exec(NOTES)).scalars()).toEqual(["committed"]);
    expect(await database.checkIntegrity()).toMatchObject({ ok: true });
    await database.getRepository(Note).insert({ text: "goes on" });
  },
);
