import { type Token, type TokenKind, tokenize } from "./tokenizer";

/** The tokens that mean something to SQLite's parser: no spaces, no comments. */
export class StatementTokens {
  readonly #tokens: readonly Token[];

  constructor(readonly sql: string) {
    this.#tokens = tokenize(sql).filter(({ kind }) => kind !== "space" && kind !== "comment");
  }

  get length(): number {
    return this.#tokens.length;
  }

  at(index: number): Token | undefined {
    return this.#tokens[index];
  }

  ofKind(kind: TokenKind): Token[] {
    return this.#tokens.filter((token) => token.kind === kind);
  }

  /** The bare word at the index in upper case, else "". A quoted name is never a keyword. */
  word(index: number): string {
    const token = this.#tokens[index];
    return token?.kind === "word" ? this.#text(token).toUpperCase() : "";
  }

  /** The name at the index in lower case and without its quotes, else "". SQLite takes a string for a name, too. */
  name(index: number): string {
    const token = this.#tokens[index];
    if (token?.kind === "word") return this.#text(token).toLowerCase();
    if (token?.kind !== "identifier" && token?.kind !== "string") return "";
    return this.#text(token).slice(1, -1).toLowerCase();
  }

  /** Whether the token at the index is this operator, parenthesis, comma or point. */
  is(index: number, punctuation: string): boolean {
    const token = this.#tokens[index];
    return token?.kind === "punctuation" && this.sql[token.start] === punctuation;
  }

  /** The index of the first token at or after `from` that is no semicolon. Empty statements are none to SQLite. */
  statementStart(from: number): number {
    let index = from;
    while (this.#tokens[index]?.kind === "semicolon") index++;
    return index;
  }

  /** The index of the semicolon that ends the statement beginning at `start`, or `length`. */
  statementEnd(start: number): number {
    const isTrigger = this.#isTrigger(start);
    for (let index = start; index < this.length; index++) {
      if (this.#tokens[index]?.kind !== "semicolon") continue;
      if (!isTrigger || this.#endsTrigger(index)) return index;
    }
    return this.length;
  }

  /** How many tokens the EXPLAIN or EXPLAIN QUERY PLAN at the index has. */
  explainLength(index: number): 0 | 1 | 3 {
    if (this.word(index) !== "EXPLAIN") return 0;
    return this.word(index + 1) === "QUERY" && this.word(index + 2) === "PLAN" ? 3 : 1;
  }

  #isTrigger(start: number): boolean {
    let index = start + this.explainLength(start);
    if (this.word(index++) !== "CREATE") return false;
    if (this.word(index) === "TEMP" || this.word(index) === "TEMPORARY") index++;
    return this.word(index) === "TRIGGER";
  }

  // Each statement of a trigger's body ends with a semicolon, so only the END of the body can follow one. The END of
  // a CASE never does. sqlite3_complete() goes by the same rule (https://sqlite.org/c3ref/complete.html).
  #endsTrigger(semicolon: number): boolean {
    return this.word(semicolon - 1) === "END" && this.#tokens[semicolon - 2]?.kind === "semicolon";
  }

  #text(token: Token): string {
    return this.sql.slice(token.start, token.end);
  }
}
