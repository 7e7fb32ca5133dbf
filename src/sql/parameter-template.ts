import { ParameterError } from "../errors";
import { noStatement, secondStatement } from "./not-one-statement";
import { findSlots, type Slot } from "./parameter-slot";
import { kindOfStatement } from "./statement-kind";
import { StatementTokens } from "./statement-tokens";
import { type Token, tokenize } from "./tokenizer";

/** What can be told of one statement before its values are known. */
export class ParameterTemplate {
  readonly slots: readonly Slot[];
  /** The keys of the slots, each with its label. */
  readonly labels: ReadonlyMap<string | number, string>;
  readonly style: "none" | "named" | "positional";
  /** The statement as it is sent when no value is a list. */
  readonly sql: string;
  readonly #statement: string;
  /** What is replaced in the statement, from left to right: slots, and escaped colons. */
  readonly #edits: readonly (Slot | Token)[];

  /** @throws {ParameterError} unless the text is one statement with one style of parameters */
  constructor(statement: string) {
    const tokens = new StatementTokens(statement);
    const start = assertOneStatement(tokens);
    const escapedColons = tokens.ofKind("escapedColon");
    this.slots = findSlots(tokens);
    this.labels = new Map(this.slots.map(({ key, label }) => [key, label]));
    this.style = styleOf(this.labels);
    this.#statement = statement;
    this.#edits = [...this.slots, ...escapedColons].sort((a, b) => a.start - b.start);
    this.sql = this.render([]);
    // The arguments of CREATE VIRTUAL TABLE may be any tokens at all (https://sqlite.org/lang_createvtab.html).
    if (kindOfStatement(tokens, start, tokens.length) !== "schema")
      assertNoOtherParameters(this.#render([], () => "?"));
  }

  /** The statement as it is sent, given the length of the list in each slot, or `undefined` for a single value. */
  render(lengths: readonly (number | undefined)[]): string {
    return this.#render(lengths, ({ mark }) => mark);
  }

  #render(lengths: readonly (number | undefined)[], markOf: (slot: Slot) => string): string {
    let sql = "";
    let copied = 0;
    let slot = 0;
    for (const edit of this.#edits) {
      let { start, end } = edit;
      let replacement = ":";
      if ("key" in edit) {
        const length = lengths[slot++];
        replacement = length === undefined ? markOf(edit) : marks(length);
        if (edit.place === "list") replacement = `(${replacement})`;
        if (edit.place === "element" && length === 0) {
          // An empty list takes one comma with it: the one before, unless there is none or another has taken it.
          if (edit.commaBefore !== undefined && edit.commaBefore >= copied) start = edit.commaBefore;
          else if (edit.commaAfter !== undefined) end = edit.commaAfter + 1;
        }
      }
      sql += this.#statement.slice(copied, start) + replacement;
      copied = end;
    }
    return sql + this.#statement.slice(copied);
  }
}

function marks(count: number): string {
  return count === 0 ? "" : `?${", ?".repeat(count - 1)}`;
}

function assertOneStatement(tokens: StatementTokens): number {
  // sqlite3 hands the text on as a C string, so that what follows a NUL would be lost without a word.
  if (tokens.sql.includes("\0")) {
    throw new ParameterError(
      "SQL text ends at a NUL character for SQLite. Bind what contains it as a value.",
    );
  }
  const start = tokens.statementStart(0);
  if (start === tokens.length) throw noStatement();
  const second = tokens.at(tokens.statementStart(tokens.statementEnd(start)));
  if (!second) return start;
  throw secondStatement(tokens.sql, second.start, "Use execScript() for several.");
}

function styleOf(labels: ReadonlyMap<string | number, string>): ParameterTemplate["style"] {
  const styles = new Set([...labels.keys()].map((key) => (typeof key === "string" ? "named" : "positional")));
  if (styles.size < 2) return styles.values().next().value ?? "none";
  throw new ParameterError(
    `A statement has either named or ? parameters, and this one has both: ${[...labels.values()].join(", ")}.`,
  );
}

// An escaped colon before a name, and SQLite's undocumented `#name`, are parameters that nobody would bind: they would
// be NULL, and move the values of all that follow.
function assertNoOtherParameters(sql: string): void {
  const other = tokenize(sql).find(
    ({ kind, start, end }) => kind === "parameter" && sql.slice(start, end) !== "?",
  );
  if (!other) return;
  throw new ParameterError(
    `SQLite would take ${sql.slice(other.start, other.end)} for a parameter of its own. ` +
      "Put it into a string or into a quoted name, where no colon needs to be escaped.",
  );
}
