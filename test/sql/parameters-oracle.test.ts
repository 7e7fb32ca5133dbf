import fc from "fast-check";
import { bindParameters, type ParameterValue } from "../../src/sql/parameters";
import { MemoryDatabase } from "./memory-database";

// What SQLite gives for named parameters, without any rewriting, is what the rewritten statement must give.

let database: MemoryDatabase;

beforeAll(async () => {
  database = new MemoryDatabase();
  await database.exec("CREATE TABLE numbers (n); INSERT INTO numbers VALUES (0), (1), (2), (3), (4), (NULL)");
});

afterAll(() => database.close());

// Text full of what could be taken for a parameter, or for the end of what surrounds it.
const noise = fc
  .array(fc.constantFrom(...":a|@b|$c|?|?1|'|\"|`|]|[|--|/*|*/|;|\\:|\\|é|\n| |x'".split("|")), {
    maxLength: 6,
  })
  .map((pieces) => pieces.join(""));
const comment = fc.oneof(
  noise.map((text) => `/*${text.replace(/\*+\/+/g, "")} */`),
  noise.map((text) => `--${text.replaceAll("\n", "")}\n`),
);
const space = fc.oneof(fc.constantFrom(" ", "\n", "\t "), comment);
const literal = fc.oneof(
  noise.map((text) => `'${text.replaceAll("'", "''")}'`),
  fc.constantFrom("x'3a61'", "X''", "1_000", "0x1F", "1.5e-3", ".5", "NULL"),
);
const alias = fc.oneof(
  noise.map((text) => `"${text.replaceAll('"', '""')}"`),
  noise.map((text) => `\`${text.replaceAll("`", "``")}\``),
  noise.map((text) => `[${text.replaceAll("]", "")}]`),
  fc.constantFrom("a$b", "é", "_1"),
);
const name = fc.constantFrom(
  "a",
  "b",
  "_",
  "a1",
  "1",
  "é",
  "a$b",
  "constructor",
  "__proto__",
  "n::s",
  "n(k)",
  "::g",
);
const parameter = fc.tuple(fc.constantFrom(":", "@", "$"), name).map((parts) => parts.join(""));
const value: fc.Arbitrary<null | number | string | Buffer> = fc.oneof(
  fc.constant(null),
  fc.integer(),
  fc.double({ noNaN: true }),
  fc.string(),
  fc.string({ unit: "grapheme" }),
  fc.uint8Array({ minLength: 1 }).map((bytes) => Buffer.from(bytes)),
);

test("named parameters among strings, quoted names, comments and blobs get their values, and no others do", async () => {
  const term = fc.oneof(literal, parameter);
  const column = fc.tuple(space, term, space, fc.constantFrom("||", "IS", "<"), space, term, space);
  // Without an alias, its text is the name of a column.
  const columns = fc.array(fc.tuple(column, fc.option(alias)), { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(columns, fc.array(value, { minLength: 12, maxLength: 12 }), async (list, values) => {
      const sql = `SELECT${list.map(([parts, as]) => parts.join("") + (as === null ? "" : `AS ${as}`)).join(",")}`;
      const used = list.flatMap(([parts]) => [parts[1], parts[5]]).filter((text) => /^[:@$]/.test(text));
      const names = [...new Set(used.map((text) => text.slice(1)))];
      const given = Object.fromEntries(names.map((each, index) => [each, values[index] ?? null]));
      const native = Object.fromEntries(used.map((text) => [text, given[text.slice(1)]]));
      const bound = bindParameters(sql, given);
      expect(bound.values).toHaveLength(new Set(used).size);
      expect(await database.all(bound.sql, bound.values)).toEqual(await database.all(sql, native));
    }),
    { numRuns: 1000 },
  );
});

test("? and ?NNN get the values that SQLite gives them", async () => {
  const mark = fc.oneof(
    fc.constant("?"),
    fc.integer({ min: 1, max: 5 }).map((number) => `?${number}`),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(mark, { minLength: 1, maxLength: 6 }), fc.array(value), async (marks, some) => {
      let highest = 0;
      const numbers = marks.map((text) => {
        const number = text === "?" ? highest + 1 : Number(text.slice(1));
        highest = Math.max(highest, number);
        return number;
      });
      // A number that nobody uses would be refused.
      fc.pre(new Set(numbers).size === highest);
      const values = Array.from({ length: highest }, (_, index) => some[index] ?? index);
      const sql = `SELECT ${marks.map((text, index) => `${text} AS c${index}`).join(", ")}`;
      const bound = bindParameters(sql, values);
      expect(await database.all(bound.sql, bound.values)).toEqual(await database.all(sql, values));
    }),
  );
});

test("lists match what the same list matches when it is written out", async () => {
  const number = fc.integer({ min: -1, max: 5 });
  const element = fc.oneof(
    number,
    fc.array(number, { maxLength: 3 }),
    fc.constant([]),
    number.map((written) => ({ written })),
  );
  const gap = fc.constantFrom("", " ", "/* , */", "-- )\n");
  await fc.assert(
    fc.asyncProperty(
      fc.array(element, { minLength: 1, maxLength: 6 }),
      gap,
      fc.boolean(),
      async (elements, gap, not) => {
        const given: Record<string, ParameterValue | readonly ParameterValue[]> = {};
        const terms = elements.map((each, index) => {
          if (typeof each === "object" && "written" in each) return String(each.written);
          given[`p${index}`] = each;
          return `:p${index}`;
        });
        const all = elements.flatMap((each) =>
          typeof each === "object" && "written" in each ? each.written : each,
        );
        const query = `SELECT n FROM numbers WHERE n ${not ? "NOT IN" : "IN"} (`;
        const bound = bindParameters(`${query}${terms.map((term) => gap + term + gap).join(",")})`, given);
        expect(await database.all(bound.sql, bound.values)).toEqual(
          await database.all(`${query}${all.join(", ")})`),
        );
      },
    ),
    { numRuns: 300 },
  );
});

test("an empty list matches nothing, and NOT IN everything", async () => {
  for (const list of [":ids", "(:ids)", "(:...ids)", "(:ids, :ids)"]) {
    const [none, every] = ["IN", "NOT IN"].map((operator) =>
      bindParameters(`SELECT count(*) AS c FROM numbers WHERE n ${operator} ${list}`, { ids: [] }),
    );
    expect(await database.all(none?.sql ?? "")).toEqual([{ c: 0 }]);
    expect(await database.all(every?.sql ?? "")).toEqual([{ c: 6 }]);
  }
});

test("the limit is that of SQLite", async () => {
  const ids = new Array<number>(32_766).fill(3);
  const most = bindParameters("SELECT n FROM numbers WHERE n IN (:ids)", { ids });
  expect(await database.all(most.sql, most.values)).toEqual([{ n: 3 }]);
  expect(await database.refusal(most.sql.replace("?", "?, ?"), [...ids, 3])).toMatch(
    /too many SQL variables/,
  );
});

test("a parameter that SQLite sees is bound or refused, whatever the text", async () => {
  const piece = fc.oneof(
    fc.constantFrom("\\:", ":", "#", "?", "@", "$", "a", "::", "(", ")", ",", "IN", " "),
    noise,
  );
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 8 }), async (pieces) => {
      const given = { a: 1, b: 1, c: 1 };
      for (const parameters of [given, { a: 1 }, [1], [1, 1], {}]) {
        let bound: ReturnType<typeof bindParameters>;
        try {
          bound = bindParameters(`SELECT ${pieces.join("")}`, parameters);
        } catch {
          continue;
        }
        if ((await database.refusal(bound.sql, bound.values)) !== undefined) continue;
        // One value more has no place, so the statement has no parameter but ours.
        expect(await database.refusal(bound.sql, [...bound.values, 1])).toMatch(/SQLITE_RANGE/);
      }
    }),
    { numRuns: 1000 },
  );
});

test("dates compare equal with those that TypeORM stores, and sort", async () => {
  const bound = bindParameters("SELECT :a < :b AS earlier, datetime(:b) AS b", {
    a: new Date("2024-02-29T23:59:59.998Z"),
    b: new Date("2024-02-29T23:59:59.999Z"),
  });
  expect(await database.all(bound.sql, bound.values)).toEqual([{ earlier: 1, b: "2024-02-29 23:59:59" }]);
});
