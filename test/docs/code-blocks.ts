import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

export const ROOT = join(__dirname, "../..");

/** A fenced block of a document. */
export interface CodeBlock {
  /** Relative to the repository. */
  readonly document: string;
  /** Of the first line of its code, counted from 1. */
  readonly line: number;
  readonly language: string;
  /** What follows the language after the fence: `signature SqliteDatabase`. */
  readonly detail: string;
  readonly code: string;
}

/** Whose code blocks are run. */
export function findDocuments(): string[] {
  const examples = readdirSync(join(ROOT, "examples"), { recursive: true, encoding: "utf8" })
    .filter((path) => basename(path) === "README.md")
    .map((path) => `examples/${path}`);
  const pages = readdirSync(join(ROOT, "docs")).filter((name) => name.endsWith(".md"));
  return ["README.md", "CONTRIBUTING.md", ...pages.map((name) => `docs/${name}`), ...examples].sort();
}

export function readDocument(document: string): string {
  return readFileSync(join(ROOT, document), "utf8");
}

export function codeBlocks(document: string, text = readDocument(document)): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  let open: { fence: string; info: string; line: number } | undefined;
  let code: string[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    const [, indent = "", fence, info = ""] = /^(\s*)(`{3,}|~{3,})\s*(.*?)\s*$/.exec(line) ?? [];
    if (open && fence?.startsWith(open.fence) && info === "") {
      const [language = "", ...detail] = open.info.split(/\s+/);
      blocks.push({ document, line: open.line, language, detail: detail.join(" "), code: code.join("\n") });
      open = undefined;
    } else if (open) {
      code.push(line);
    } else if (fence !== undefined) {
      if (indent !== "") throw new Error(`${document}:${index + 1}: a code block must not be indented.`);
      open = { fence, info, line: index + 2 };
      code = [];
    }
  }
  if (open) throw new Error(`${document}:${open.line}: the code block has no end.`);
  return blocks;
}

export function nameOf({ document }: CodeBlock): string {
  return document.replace(/\.md$/, "").replaceAll("/", "-");
}

/** Whether it stands on its own, with its imports, and is not a part that needs surroundings. */
export function isProgram({ code }: CodeBlock): boolean {
  return /^(import|export) /m.test(code);
}

/** `// data-source.ts` on the first line is the name by which other programs of the document import it. */
export function fileNameOf(block: CodeBlock): string {
  const [, given] = /^\/\/ ([\w./-]+\.ts)\n/.exec(block.code) ?? [];
  return given ? basename(given) : `line-${block.line}.ts`;
}
