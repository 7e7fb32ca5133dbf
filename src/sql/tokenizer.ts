import {
  digitsEnd,
  endAfter,
  endBefore,
  isDigit,
  isNameCode,
  numberEnd,
  quotedEnd,
  spaceEnd,
  tclKeyEnd,
  wordEnd,
} from "./lexical";

/** What a {@link Token} is. Quoted names are `identifier`, bare names and keywords are `word`. */
export type TokenKind =
  | "space"
  | "comment"
  | "string"
  | "identifier"
  | "word"
  | "number"
  | "blob"
  | "parameter"
  | "semicolon"
  | "punctuation"
  | "escapedColon"
  | "illegal";

/** A piece of SQL text: `sql.slice(start, end)`. */
export interface Token {
  readonly kind: TokenKind;
  readonly start: number;
  readonly end: number;
}

/**
 * Splits SQL text by the rules of SQLite's own tokenizer (`sqlite3GetToken()` in tokenize.c), so that a colon in a
 * string, a quoted name or a comment is never mistaken for a parameter. The tokens cover the text without a gap.
 *
 * Guarantees: it never throws, whatever the text; something unterminated runs to the end; the time is linear.
 *
 * Added to SQLite's rules: `\:` (`escapedColon`) and `:...name` (a `parameter`, TypeORM's spelling for a list).
 * An operator of several characters comes as one `punctuation` for each.
 *
 * @example
 * tokenize("SELECT ':a', :a").map((token) => token.kind);
 * // ["word", "space", "string", "punctuation", "space", "parameter"]
 */
export function tokenize(sql: string): Token[] {
  const tokens: Token[] = [];
  let start = 0;
  while (start < sql.length) {
    const token = tokenAt(sql, start);
    tokens.push(token);
    start = token.end;
  }
  return tokens;
}

// From the first character, as the character classes of tokenize.c do.
function tokenAt(sql: string, start: number): Token {
  const next = sql[start + 1];
  switch (sql[start]) {
    case " ":
    case "\n":
    case "\t":
    case "\r":
    case "\f":
      return { kind: "space", start, end: spaceEnd(sql, start + 1) };
    case ",":
    case "(":
    case ")":
    case "=":
    case "*":
    case "+":
    case "<":
    case ">":
    case "|":
    case "&":
    case "%":
    case "~":
    case "!":
      return { kind: "punctuation", start, end: start + 1 };
    case "?":
      return { kind: "parameter", start, end: digitsEnd(sql, start + 1) };
    case "'":
      return { kind: "string", start, end: quotedEnd(sql, start, "'") };
    case '"':
      return { kind: "identifier", start, end: quotedEnd(sql, start, '"') };
    case "`":
      return { kind: "identifier", start, end: quotedEnd(sql, start, "`") };
    case "[":
      return { kind: "identifier", start, end: endAfter(sql, "]", start + 1) };
    case ":":
    case "@":
    case "$":
    case "#":
      return variableAt(sql, start);
    case ";":
      return { kind: "semicolon", start, end: start + 1 };
    case "-":
      // The newline is no part of the comment.
      if (next === "-") return { kind: "comment", start, end: endBefore(sql, "\n", start + 2) };
      return { kind: "punctuation", start, end: start + 1 };
    case "/":
      // `/*` as the very last characters are two operators to SQLite, hence the length.
      if (next === "*" && start + 2 < sql.length) {
        return { kind: "comment", start, end: endAfter(sql, "*/", start + 2) };
      }
      return { kind: "punctuation", start, end: start + 1 };
    case ".":
      if (isDigit(next)) return { kind: "number", start, end: numberEnd(sql, start) };
      return { kind: "punctuation", start, end: start + 1 };
    case "x":
    case "X":
      if (next === "'") return { kind: "blob", start, end: endAfter(sql, "'", start + 2) };
      return { kind: "word", start, end: wordEnd(sql, start) };
    case "\\":
      if (next === ":") return { kind: "escapedColon", start, end: start + 2 };
      return { kind: "illegal", start, end: start + 1 };
    case "\uFEFF":
      // A byte order mark counts as a space where a token begins, and as a letter inside a name.
      return { kind: "space", start, end: start + 1 };
    default:
      if (isDigit(sql[start])) return { kind: "number", start, end: numberEnd(sql, start) };
      if (isNameCode(sql.charCodeAt(start))) return { kind: "word", start, end: wordEnd(sql, start) };
      return { kind: "illegal", start, end: start + 1 };
  }
}

// The names of https://sqlite.org/c3ref/bind_blob.html; `::` and a suffix in parentheses may be part of one, as in
// Tcl's `$namespace::array(key)`. SQLite allows both after every prefix, so `:a::b` is one name and no cast.
function variableAt(sql: string, start: number): Token {
  if (sql.startsWith("...", start + 1) && isNameCode(sql.charCodeAt(start + 4))) {
    return { kind: "parameter", start, end: wordEnd(sql, start + 4) };
  }
  let end = start + 1;
  let named = false;
  while (end < sql.length) {
    const character = sql[end];
    if (isNameCode(sql.charCodeAt(end))) {
      named = true;
      end++;
    } else if (character === ":" && sql[end + 1] === ":") {
      end += 2;
    } else if (character === "(" && named) {
      end = tclKeyEnd(sql, end);
      if (sql[end] !== ")") return { kind: "illegal", start, end };
      return { kind: "parameter", start, end: end + 1 };
    } else break;
  }
  if (named) return { kind: "parameter", start, end };
  // All the colons of a PostgreSQL cast such as `x::text` at once, lest the second one begin a parameter.
  while (sql[end] === ":") end++;
  return { kind: "illegal", start, end };
}
