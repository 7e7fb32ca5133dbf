/*
 * Where the pieces of SQL text end, by the rules of SQLite's tokenize.c. Each function takes the text and an offset,
 * and gives the offset behind the piece; whatever is unterminated ends with the text.
 */

// `$` may stand inside a name, and everything beyond ASCII is a letter to SQLite: a no-break space as well.
const NAME_CODES = Uint8Array.from({ length: 128 }, (_, code) =>
  Number(/[\w$]/.test(String.fromCharCode(code))),
);

/** Whether the UTF-16 code unit may be part of a bare name. */
export function isNameCode(code: number): boolean {
  return code >= 0x80 || NAME_CODES[code] === 1;
}

export function isDigit(character: string | undefined): boolean {
  return character !== undefined && character >= "0" && character <= "9";
}

export function wordEnd(sql: string, from: number): number {
  let end = from;
  while (isNameCode(sql.charCodeAt(end))) end++;
  return end;
}

/** A vertical tab may go on a space, though it cannot begin one. */
export function spaceEnd(sql: string, from: number): number {
  let end = from;
  while (isSpace(sql.charCodeAt(end))) end++;
  return end;
}

export function digitsEnd(sql: string, from: number): number {
  let end = from;
  while (isDigit(sql[end])) end++;
  return end;
}

// `_` separates digits. Letters right after a number, unless hexadecimal, make it illegal but belong to the same token.
const NUMBER = /(?:\d[\d_]*)?(?:\.[\d_]*)?(?:e[+-]?\d[\d_]*)?[\w$\u0080-\uFFFF]*/iy;

/** A number beginning at `start` with a digit, or with a point and a digit. */
export function numberEnd(sql: string, start: number): number {
  NUMBER.lastIndex = start;
  NUMBER.test(sql);
  return NUMBER.lastIndex;
}

/**
 * A quote inside is doubled, and a backslash is not special
 * (https://sqlite.org/lang_expr.html#literal_values_constants_).
 */
export function quotedEnd(sql: string, start: number, quote: string): number {
  let end = endAfter(sql, quote, start + 1);
  while (sql[end] === quote) end = endAfter(sql, quote, end + 1);
  return end;
}

export function endAfter(sql: string, terminator: string, from: number): number {
  const found = sql.indexOf(terminator, from);
  return found < 0 ? sql.length : found + terminator.length;
}

export function endBefore(sql: string, terminator: string, from: number): number {
  const found = sql.indexOf(terminator, from);
  return found < 0 ? sql.length : found;
}

/** The key of a Tcl array, from the opening parenthesis to a space or before the closing parenthesis. */
export function tclKeyEnd(sql: string, start: number): number {
  let end = start + 1;
  while (end < sql.length && sql[end] !== ")" && !isSpace(sql.charCodeAt(end))) end++;
  return end;
}

function isSpace(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d);
}
