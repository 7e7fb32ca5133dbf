import { DatabaseError } from "../errors";
import type { Connection } from "./connection";

/** Where to look: a transaction, or a connection on its own. */
type Place = { run<T>(use: (connection: Connection) => Promise<T>): Promise<T> };

/**
 * Makes up for the foreign keys that are off while a schema is changed: what would break them fails before the commit.
 * Rows that pointed to nothing before are not held against the change. On guard only between the two calls that say so.
 */
export class ForeignKeyGuard {
  #isOn = false;
  #before: Map<string, number> | undefined;

  begin(): void {
    this.#isOn = true;
  }

  end(): void {
    this.#isOn = false;
    this.#before = undefined;
  }

  /** To be called before the first statement that changes anything; `undefined` if there is nothing to wait for. */
  remember(place: Place): Promise<void> | undefined {
    return this.#isOn && !this.#before ? this.#look(place) : undefined;
  }

  async #look(place: Place): Promise<void> {
    this.#before ??= await violations(place);
  }

  /**
   * To be called before the commit; or, where there was no transaction, when everything is done.
   *
   * @throws DatabaseError naming tables and numbers of rows
   */
  async check(place: Place, { isDone = false } = {}): Promise<void> {
    const before = this.#before;
    if (!before) return;
    this.#before = undefined;
    const broken = [...(await violations(place))].filter(([key, count]) => count > (before.get(key) ?? 0));
    if (broken.length === 0) return;
    const list = broken.map(([key, count]) => `${key} (${count} rows)`).join(", ");
    throw new DatabaseError(
      "FOREIGN_KEY_CHECK",
      isDone
        ? `The migration has left rows that refer to nothing: ${list}. It ran without a transaction, so what it ` +
            "changed is kept; move or delete those rows now."
        : `The migration would leave rows that refer to nothing: ${list}. Nothing was changed; ` +
            "move or delete those rows first, in the same migration.",
    );
  }
}

async function violations(place: Place): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const { table, parent } of await place.run((connection) =>
    connection.all("PRAGMA foreign_key_check"),
  )) {
    const key = `${table} -> ${parent}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}
