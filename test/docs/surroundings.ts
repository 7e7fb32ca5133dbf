import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type CodeBlock, nameOf, ROOT } from "./code-blocks";

/** What the documents name without importing it. */
const TYPEORM = [
  "DataSource",
  "EntityManager",
  "EntitySchema",
  "EntityTarget",
  "In",
  "Logger",
  "Migration",
  "NamingStrategyInterface",
  "ObjectLiteral",
  "QueryFailedError",
  "QueryRunner",
  "Repository",
];

/** The module in `fixtures/` that has a block's entities and variables: the one named like the document, or `blog`. */
export function fixtureOf(block: CodeBlock): string {
  const own = nameOf(block);
  return existsSync(join(__dirname, "fixtures", `${own}.ts`)) ? own : "blog";
}

/** A part of a program becomes the body of a function, with everything around it that it names. */
export function surround(block: CodeBlock): { before: string; after: string } {
  const fixture = fixtureOf(block);
  const before = [
    imports(exportsOf("src/index.ts"), "typeorm-sqlite-database"),
    imports(TYPEORM, "typeorm"),
    imports(exportsOf(`test/docs/fixtures/${fixture}.ts`), `../../../../test/docs/fixtures/${fixture}`),
    "export async function run() {\n",
  ];
  return { before: before.join("\n"), after: "\n}\n" };
}

/** A program of its own that compiles only if the members that are shown are those that there are. */
export function checkSignature(block: CodeBlock): { before: string; code: string; after: string } {
  const [, target = ""] = block.detail.split(/\s+/);
  const name = target.replace(/<.*/, "");
  const constructs = /^new /m.test(block.code);
  // A class is shown in parts, an interface as a whole.
  const isInterface = /(Options|Stats|Holder)$/.test(name);
  const missing = isInterface ? "Exclude<keyof Real<Row>, keyof Documented<Row>>" : "never";
  const before = [
    imports(exportsOf("src/index.ts"), "typeorm-sqlite-database"),
    imports(TYPEORM, "typeorm"),
    `import type { ValidatorOptions, ValidationError } from "class-validator";`,
    `type Real<T> = ${constructs ? `typeof ${name}` : target};`,
    "interface Row { row: true }",
    // An optional property of the library takes `undefined` too, which no document need say.
    "type Said<X> = { [K in keyof X]: object extends Pick<X, K> ? Exclude<X[K], undefined> : X[K] };",
    "export interface Documented<T = unknown> {\n",
  ];
  const code = block.code
    .replaceAll(/\bthis\b/g, name)
    .replaceAll(/^new \w+(\(.*\))$/gm, constructs ? `new $1: ${name}` : "$&");
  const after = constructs
    ? `\n}\nexport const documented: Documented = ${name};\n`
    : `\n}
type Shown = Said<Pick<Real<Row>, keyof Documented<Row>>>;
export function check(real: Shown, documented: Said<Documented<Row>>, missing: ${missing}) {
  documented = real;
  real = documented;
  const none: never = missing;
}
`;
  return { before: before.join("\n"), code, after };
}

function imports(names: readonly string[], from: string): string {
  return `import { ${names.join(", ")} } from ${JSON.stringify(from)};`;
}

/** The names that a module of this repository exports, types included. */
function exportsOf(file: string): string[] {
  const text = readFileSync(join(ROOT, file), "utf8");
  const declared = text.matchAll(
    /^export (?:abstract )?(?:async )?(?:class|const|let|function|interface|type) (\w+)/gm,
  );
  const listed = text.matchAll(/^export (?:type )?\{([^}]+)\}/gm);
  const all = text.matchAll(/^export \* from "\.\/(\w+)"/gm);
  return [
    ...[...declared].map(([, name = ""]) => name),
    ...[...listed].flatMap(([, names = ""]) =>
      names.split(",").map((one) => one.trim().replace(/^type /, "")),
    ),
    ...[...all].flatMap(([, module = ""]) => exportsOf(join(file, "..", `${module}.ts`))),
  ].filter((name) => name !== "");
}
