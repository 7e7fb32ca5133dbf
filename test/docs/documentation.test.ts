import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { format, promisify } from "node:util";
import { plainEnvironment } from "../support/plain-environment";
import { type CodeBlock, codeBlocks, findDocuments, isProgram, ROOT } from "./code-blocks";
import { CompiledBlocks } from "./compiled-blocks";
import { shellProblems } from "./shell-commands";
import { fixtureOf } from "./surroundings";

const blocks = findDocuments().flatMap((document) => codeBlocks(document));
let compiled: CompiledBlocks;
let folder: string;
const home = process.cwd();

beforeAll(() => {
  compiled = new CompiledBlocks(
    blocks.filter((block) => block.language === "ts" && kindOf(block) !== "ts recipe"),
  );
});
afterAll(() => compiled?.remove());

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "typeorm-sqlite-database-"));
  process.chdir(folder);
});
afterEach(() => {
  jest.restoreAllMocks();
  process.chdir(home);
  rmSync(folder, { recursive: true, force: true });
});

/** What a block says that it prints, `console.log(…); // this`, is what it prints. */
function expectPrinted(block: CodeBlock, printed: readonly string[]): void {
  const promised = [...block.code.matchAll(/console\.log\(.*\);? *\/\/ (.+)$/gm)].map(([, text]) => text);
  expect(printed.filter((line) => promised.includes(line))).toEqual(promised);
}

function fail(error: unknown): never {
  throw error;
}

async function runProgram(block: CodeBlock, file: string): Promise<void> {
  const preload = ["-r", join(__dirname, "stop-when-listening.cjs")];
  const ended = promisify(execFile)(process.execPath, [...preload, file], {
    cwd: folder,
    timeout: 25_000,
    env: plainEnvironment,
  });
  // A server that shuts down on a signal ends by that signal.
  const { stdout } = await ended.catch((error) =>
    error.signal === "SIGTERM" && !error.killed ? error : fail(error),
  );
  expectPrinted(block, stdout.split("\n"));
}

/** A part of a program, between the opening and the closing of its surroundings. */
async function runPart(block: CodeBlock): Promise<void> {
  const printed: string[] = [];
  jest.spyOn(console, "log").mockImplementation((...values) => {
    printed.push(format(...values).replaceAll(/\s*\n\s*/g, " "));
  });
  const fixture = await import(compiled.fixture(fixtureOf(block)));
  await fixture.open(block);
  try {
    const { run } = await import(compiled.fileOf(block));
    await run();
  } finally {
    await fixture.close();
  }
  expectPrinted(block, printed);
}

async function runTypeScript(block: CodeBlock): Promise<void> {
  expect(compiled.problemsOf(block)).toEqual([]);
  if (isProgram(block)) await runProgram(block, compiled.fileOf(block));
  else await runPart(block);
}

async function runJavaScript(block: CodeBlock): Promise<void> {
  const file = join(compiled.scratch, `line-${block.line}.${/^import /m.test(block.code) ? "mjs" : "cjs"}`);
  writeFileSync(file, block.code);
  await runProgram(block, file);
}

/** By the words after the fence; nothing else may stand there. */
const CHECKS: Record<string, { promise: string; check(block: CodeBlock): Promise<void> | void }> = {
  ts: { promise: "runs", check: runTypeScript },
  "ts signature": {
    promise: "is what the types say",
    check: (block) => expect(compiled.problemsOf(block)).toEqual([]),
  },
  "ts recipe": {
    promise: "is the file that is run by test/testing/recipes.test.ts or scripts/check-testing-recipes.mjs",
    check: ({ code, detail }) => {
      const [, file = ""] = detail.split(" ");
      expect(`${code}\n`).toBe(readFileSync(join(ROOT, "examples/testing", file), "utf8"));
    },
  },
  js: { promise: "runs", check: runJavaScript },
  "sh served": {
    promise: "is run by examples/nest-api.test.ts",
    check: ({ document }) => expect(document).toBe("examples/nest-api/README.md"),
  },
  sh: { promise: "names commands that exist", check: ({ code }) => expect(shellProblems(code)).toEqual([]) },
};

function kindOf({ language, detail }: CodeBlock): string {
  return [language, ...detail.split(" ").slice(0, 1)].join(" ").trim();
}

test("the surroundings of the code blocks compile", () => {
  expect(compiled.problemsOf()).toEqual([]);
});

test("there are blocks to run", () => {
  expect(blocks.filter(({ document }) => document === "README.md")).not.toEqual([]);
});

for (const block of blocks) {
  const kind = CHECKS[kindOf(block)];
  test(`${block.document}, line ${block.line}: ${kind?.promise ?? "is run by somebody"}`, async () => {
    if (!kind) throw new Error(`Nobody runs the language "${kindOf(block)}".`);
    await kind.check(block);
  });
}

describe("examples/quickstart", () => {
  const EXAMPLES = join(ROOT, "examples/quickstart");

  test("quickstart.ts is the first program of README.md", () => {
    const [first] = blocks.filter((block) => block.document === "README.md" && isProgram(block));
    expect(`${first?.code}\n`).toBe(readFileSync(join(EXAMPLES, "quickstart.ts"), "utf8"));
  });

  test.each(["quickstart.cjs", "quickstart.mjs"])("%s runs", async (name) => {
    const code = readFileSync(join(EXAMPLES, name), "utf8");
    const file = join(compiled.scratch, name);
    writeFileSync(file, code);
    await runProgram({ document: name, line: 1, language: "js", detail: "", code }, file);
  });
});

describe("a block", () => {
  const blockOf = (text: string) => codeBlocks("docs/x.md", text)[0];

  test("of an unknown language has nobody to run it", () => {
    expect(blockOf("a\n```ruby\nputs 1\n```\n")).toMatchObject({ language: "ruby", line: 3, code: "puts 1" });
    expect(Object.keys(CHECKS)).not.toContain("ruby");
  });

  test("that is indented or does not end is refused", () => {
    expect(() => blockOf("- a\n  ```ts\n  1;\n  ```\n")).toThrow(
      "docs/x.md:2: a code block must not be indented",
    );
    expect(() => blockOf("```ts\n1;\n")).toThrow("docs/x.md:2: the code block has no end");
  });

  test("of the shell may name only commands that exist", () => {
    expect(shellProblems("npm ci && npm run nothing # 1\nnpx rimraf x")).toHaveLength(2);
  });
});
