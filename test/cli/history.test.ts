import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { GONE } from "../../src/cli/torture/entities";
import { History } from "../../src/cli/torture/history";
import { type Entry, Ledger, positionsOf } from "../../src/cli/torture/ledger";
import { temporaryFolder } from "../support/temporary-folder";

const temporary = temporaryFolder();

/** What may be of batch `b` for one who looked after the first entries, and knows of the others. */
function expectation(before: Entry[], after: Entry[]) {
  const folder = temporary.file("ledgers");
  mkdirSync(folder);
  const ledger = new Ledger(join(folder, "w1.log"));
  for (const entry of before) ledger.append(entry);
  const since = positionsOf(folder);
  for (const entry of after) ledger.append(entry);
  ledger.close();
  const { acknowledged, begun } = History.read(folder, since).expectationOf("b");
  return [acknowledged, ...begun];
}

const intent = (state: string): Entry => ({ kind: "intent", batch: "b", state });
const acknowledged: Entry = { kind: "acknowledged", batch: "b" };
const rejected: Entry = { kind: "rejected", batch: "b", code: "SQLITE_BUSY" };
const doomed: Entry = { kind: "doomed", batch: "b" };
const rolledBack: Entry = { kind: "rejected", batch: "b", code: "DELIBERATE" };

test.each<[string, Entry[], Entry[], string[]]>([
  ["acknowledged before is certain", [intent("one"), acknowledged], [], ["one"]],
  ["acknowledged later may not have been there yet", [intent("one")], [acknowledged], [GONE, "one"]],
  ["begun later may not have been there yet either", [], [intent("one"), acknowledged], [GONE, "one"]],
  [
    "acknowledged last counts, and what comes after may be",
    [intent("one"), acknowledged, intent("two"), acknowledged],
    [intent("three"), acknowledged],
    ["two", "three"],
  ],
  ["rejected never was", [intent("one"), acknowledged, intent("two"), rejected], [], ["one"]],
  ["rejected later never was", [intent("one"), acknowledged, intent("two")], [rejected], ["one"]],
  [
    "rolled back on purpose takes nothing else away",
    [intent("one"), acknowledged, doomed, rolledBack],
    [],
    ["one"],
  ],
  ["rolled back later neither", [], [intent("one"), acknowledged, doomed, rolledBack], [GONE, "one"]],
  ["settled by a former check is certain", [{ kind: "settled", batch: "b", state: "one" }], [], ["one"]],
])("what was %s", (_, before, after, expected) => {
  expect(expectation(before, after)).toEqual(expected);
});
