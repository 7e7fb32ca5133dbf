import fc from "fast-check";
import { type TokenKind, tokenize } from "../../src/sql/tokenizer";
import { MemoryDatabase } from "./memory-database";

/** What each token is and says, without the spaces between them. */
function read(sql: string): [TokenKind, string][] {
  return tokenize(sql)
    .filter(({ kind }) => kind !== "space")
    .map(({ kind, start, end }) => [kind, sql.slice(start, end)]);
}

function kinds(sql: string): TokenKind[] {
  return read(sql).map(([kind]) => kind);
}

describe("strings and quoted names", () => {
  test.each(["'it''s :a'", "''", "''''", "'a\\'", "'-- ? /* '", "'line\nbreak'"])(
    "%s is one string",
    (sql) => {
      expect(read(sql)).toEqual([["string", sql]]);
    },
  );

  test("a backslash does not escape a quote", () => {
    expect(read("'\\':a'")).toEqual([
      ["string", "'\\'"],
      ["parameter", ":a"],
      ["string", "'"],
    ]);
  });

  test.each(['"a""b:c"', "`a``b:c`", "[a:b]", '"?"', "[]", "[a[b]"])("%s is one quoted name", (sql) => {
    expect(read(sql)).toEqual([["identifier", sql]]);
  });

  test("a bracket is closed by the first closing bracket, doubled or not", () => {
    expect(read("[a]]")).toEqual([
      ["identifier", "[a]"],
      ["illegal", "]"],
    ]);
  });

  test.each([
    ["'a :b", "string"],
    ["'a''", "string"],
    ['"a :b', "identifier"],
    ["`a :b", "identifier"],
    ["[a :b", "identifier"],
    ["x'00 :b", "blob"],
    ["/* :b", "comment"],
    ["-- :b", "comment"],
  ])("%s is unterminated and runs to the end", (sql, kind) => {
    expect(read(sql)).toEqual([[kind, sql]]);
  });
});

describe("comments", () => {
  test("a line comment ends before the newline", () => {
    expect(read("-- :a\r:b\n:c")).toEqual([
      ["comment", "-- :a\r:b"],
      ["parameter", ":c"],
    ]);
  });

  test("a block comment ends at the first end mark, which cannot share its star with the begin mark", () => {
    expect(read("/*/ :a /* */:b/**/")).toEqual([
      ["comment", "/*/ :a /* */"],
      ["parameter", ":b"],
      ["comment", "/**/"],
    ]);
  });

  test("a begin mark at the very end is two operators, as in SQLite", () => {
    expect(kinds("1/*")).toEqual(["number", "punctuation", "punctuation"]);
  });

  test("a single dash or slash is an operator", () => {
    expect(kinds("1-2/3->4")).toEqual([
      ...["number", "punctuation", "number", "punctuation", "number"],
      ...["punctuation", "punctuation", "number"],
    ]);
  });
});

describe("parameters", () => {
  test.each(["?", "?12", ":name", "@name", "$name", ":1", ":_", ":é", ":a$b", ":...ids", "#a"])(
    "%s is one parameter",
    (sql) => expect(read(sql)).toEqual([["parameter", sql]]),
  );

  test.each(["$a::b", "$::a", "$a(b)", "$a::b(c:d)", ":a::text", ":::a"])(
    "%s is one parameter, as Tcl writes them",
    (sql) => expect(read(sql)).toEqual([["parameter", sql]]),
  );

  test("the key of a Tcl array cannot have a space", () => {
    expect(read(":a(b c)")[0]).toEqual(["illegal", ":a(b"]);
    expect(read(":a(b")).toEqual([["illegal", ":a(b"]]);
  });

  test("a parenthesis without a name before it belongs to no parameter", () => {
    expect(kinds(":(a)")).toEqual(["illegal", "punctuation", "word", "punctuation"]);
  });

  test("a PostgreSQL cast is no parameter", () => {
    expect(read("a::text")).toEqual([
      ["word", "a"],
      ["illegal", "::"],
      ["word", "text"],
    ]);
    expect(read("'a'::::text").map(([kind]) => kind)).toEqual(["string", "illegal", "word"]);
  });

  test.each([":", "@", "$", "#", ": a", ":-a", ":...", ":... a"])("%s is no parameter", (sql) => {
    expect(kinds(sql)).not.toContain("parameter");
    expect(kinds(sql)).toContain("illegal");
  });

  test("parameters need no space around them", () => {
    expect(read("IN:a||?2,?")).toEqual([
      ["word", "IN"],
      ["parameter", ":a"],
      ["punctuation", "|"],
      ["punctuation", "|"],
      ["parameter", "?2"],
      ["punctuation", ","],
      ["parameter", "?"],
    ]);
  });

  test("an escaped colon is neither a parameter nor the beginning of one", () => {
    expect(read("\\:a")).toEqual([
      ["escapedColon", "\\:"],
      ["word", "a"],
    ]);
    expect(kinds("\\a")).toEqual(["illegal", "word"]);
  });
});

describe("names, numbers and blobs", () => {
  test.each(["a$b", "_a1", "é", "a\u00a0b", "名前", "a\u{1f600}", "a\ufeffb", "xa", "X"])(
    "%s is one word",
    (sql) => expect(read(sql)).toEqual([["word", sql]]),
  );

  test.each([
    ...["1", "1.5", ".5", "1.", "1e5", "1.5E-10", ".5e+3", "0x1F", "1_000", "0xff_ff", "1_0.0_1e1_0"],
    ...["1abc", "0xg", "1e", "1$a"],
  ])("%s is one number, good or not", (sql) => {
    expect(read(sql)).toEqual([["number", sql]]);
  });

  test("a number ends where SQLite ends it", () => {
    expect(read("1.5.5 1e+:a 0x1.5").map(([, text]) => text)).toEqual([
      ...["1.5", ".5", "1e", "+", ":a", "0x1", ".5"],
    ]);
    expect(kinds("t.a")).toEqual(["word", "punctuation", "word"]);
  });

  test.each(["x'00ff'", "X''", "x'not hex :a'"])("%s is one blob", (sql) => {
    expect(read(sql)).toEqual([["blob", sql]]);
  });

  test("a blob ends at the first quote, for it has none to double", () => {
    expect(kinds("x'0''1'")).toEqual(["blob", "string"]);
    expect(kinds("ax'00'")).toEqual(["word", "string"]);
  });

  test("a byte order mark is a space where a token begins", () => {
    expect(tokenize("\ufeffSELECT\v").map(({ kind }) => kind)).toEqual(["space", "word", "illegal"]);
    expect(tokenize(" \v\t\r\n").map(({ kind }) => kind)).toEqual(["space"]);
  });
});

describe("any text", () => {
  // Mostly what the rules are about, so that they meet.
  const alphabet = fc.constantFrom(..."'\"`[]-*/\n;:@$#?.\\xXa1_(),=é\ufeff ".split(""), ":...", "0x", "e+");
  const text = fc.oneof(fc.string({ unit: alphabet, maxLength: 40 }), fc.string({ unit: "grapheme" }));

  test("the tokens cover any text without a gap", () => {
    fc.assert(
      fc.property(fc.oneof(text, fc.string({ unit: "binary" })), (sql) => {
        let end = 0;
        for (const token of tokenize(sql)) {
          expect(token.start).toBe(end);
          expect(token.end).toBeGreaterThan(token.start);
          end = token.end;
        }
        expect(end).toBe(sql.length);
      }),
      { numRuns: 2000 },
    );
  });

  test("SQLite sees the same tokens", async () => {
    const database = new MemoryDatabase();
    await fc.assert(
      fc.asyncProperty(text, async (sql) => {
        for (const { kind, start, end } of tokenize(sql)) {
          // No statement begins with what is left, so SQLite complains of its first token, in full.
          const complaint = (await database.refusal(sql.slice(start))) ?? "";
          const seen = /^SQLITE_ERROR: (?:near|unrecognized token:?) "(.*?)"(?:: syntax error)?$/s.exec(
            complaint,
          )?.[1];
          const token = sql.slice(start, end);
          if (kind === "space" || kind === "comment" || kind === "semicolon") expect(seen).not.toBe(token);
          else if (kind === "escapedColon") expect(seen).toBe("\\");
          else if (/^[:@$#](:|\.{3})/.test(token)) expect(token.startsWith(seen ?? "-")).toBe(true);
          else if (kind === "punctuation") expect(seen?.startsWith(token)).toBe(true);
          else expect(seen).toBe(token);
        }
      }),
      { numRuns: 2000 },
    );
    await database.close();
  });

  // Were any of these quadratic, a text of this length would take minutes.
  test.each([
    "'",
    "''",
    "[",
    "x'",
    "/*",
    "--",
    "$a(",
    ":",
    "::",
    ":...",
    "1_",
    "1e",
    ".5",
    "\\:",
    "\ufeff",
    "\v",
  ])("200,000 times %j take linear time", (piece) => {
    const sql = piece.repeat(200_000);
    expect(tokenize(sql).at(-1)?.end).toBe(sql.length);
  });
});
