import { readdirSync } from "node:fs";
import { join } from "node:path";
import * as library from "../../src";
import { resolveOptions } from "../../src/options/resolve-options";
import { Session } from "../../src/session/session";
import { Result } from "../../src/sql/result";
import { codeBlocks, ROOT, readDocument } from "./code-blocks";

const DOCUMENT = "docs/api.md";
const text = readDocument(DOCUMENT);
const signatures = codeBlocks(DOCUMENT).filter(({ detail }) => detail.startsWith("signature "));

/** The cells of the table below a heading or a text, without the backticks. */
function rowsAfter(start: string): string[][] {
  const [table = ""] = /(^\|.*\n)+/m.exec(text.slice(text.indexOf(start))) ?? [];
  return table
    .trim()
    .split("\n")
    .slice(2)
    .map((row) => row.split(/ ?\| ?/).slice(1, -1));
}

function codeOf(cell: string | undefined): string {
  return (cell ?? "").replaceAll("`", "");
}

/** What the signature blocks of a class declare. */
function documented(target: string): string[] {
  return signatures
    .filter(({ detail }) => detail.split(" ")[1]?.replace(/<.*/, "") === target)
    .flatMap(({ code }) => [...code.matchAll(/^(\w+|\[Symbol\.\w+\])\??[(<:]/gm)])
    .map(([, name = ""]) => name);
}

function membersOf(...prototypes: object[]): string[] {
  const names = prototypes
    .flatMap((prototype) => Reflect.ownKeys(prototype))
    .map((key) => (typeof key === "symbol" ? `[Symbol.${key.description?.split(".").pop()}]` : key));
  return [...new Set(names)].filter((name) => name !== "constructor").sort();
}

test("every public member has its signature", () => {
  const { SqliteDatabase, Database } = library;
  expect(documented("SqliteDatabase").sort()).toEqual(
    membersOf(SqliteDatabase.prototype, Database.prototype),
  );
  expect(documented("Session").sort()).toEqual(membersOf(Session.prototype));
  const result = new Result({ rows: [], columns: [], changes: 0, lastInsertRowid: 0 });
  expect(documented("Result").sort()).toEqual(membersOf(Result.prototype, result));
});

test("every option has its row, with its default", () => {
  const defaults: Record<string, unknown> = { ...resolveOptions(), namingStrategy: "TypeORM's" };
  const rows = rowsAfter("### Options");
  expect(rows.map(([name]) => codeOf(name)).sort()).toEqual(Object.keys(defaults).sort());
  for (const [name, standard] of rows) {
    const value = defaults[codeOf(name)];
    expect(`${codeOf(name)}: ${codeOf(standard)}`).toBe(
      `${codeOf(name)}: ${typeof value === "string" ? value : JSON.stringify(value)}`,
    );
  }
});

test("every error has its row, those of the library with their code", () => {
  const { DatabaseError, QueryError } = library;
  const classes = Object.values(library).filter(
    (value): value is typeof value & (new (...values: unknown[]) => Error) =>
      value === QueryError ||
      value.prototype instanceof QueryError ||
      value.prototype instanceof DatabaseError,
  );
  const raised = classes
    .filter(({ prototype }) => prototype instanceof DatabaseError)
    .map((Raised) => [Raised.name, (new Raised("", []) as library.DatabaseError).code]);
  expect(rowsAfter("| class | `code` | when |").map((row) => row.slice(0, 2).map(codeOf))).toEqual(
    expect.arrayContaining(raised),
  );
  const refused = rowsAfter("| class | when |").map(([name]) => codeOf(name));
  expect(refused).toEqual(
    expect.arrayContaining(
      classes
        .map(({ prototype }) => prototype)
        .filter((one) => one instanceof QueryError)
        .map((one) => one.constructor.name),
    ),
  );
});

test("every code of a plain DatabaseError has its row", () => {
  const raised = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .flatMap((file) => [...readDocument(join("src", file)).matchAll(/new DatabaseError\(\s*"(\w+)"/g)])
    .map(([, code = ""]) => code);
  expect(
    rowsAfter("A plain `DatabaseError`")
      .map(([code]) => codeOf(code))
      .sort(),
  ).toEqual([...new Set(raised)].sort());
});

test("every name that the package exports is there", () => {
  const index = readDocument("src/index.ts");
  const types = [...index.matchAll(/\{([^}]+)\}/g)].flatMap(([, names = ""]) => names.split(","));
  const names = [...Object.keys(library), ...types.map((name) => name.trim().replace(/^type /, ""))];
  expect(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(text))).toEqual([]);
});
