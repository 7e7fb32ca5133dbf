import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { type CodeBlock, fileNameOf, isProgram, nameOf, ROOT } from "./code-blocks";
import { checkSignature, surround } from "./surroundings";

interface Placed {
  readonly block: CodeBlock;
  /** Lines of the generated file before the block. */
  readonly offset: number;
}

/** The TypeScript blocks of all documents and the package itself, compiled by one run of `tsc` into a folder. */
export class CompiledBlocks {
  readonly #folder: string;
  readonly #placed = new Map<string, Placed>();
  readonly #problems = new Map<CodeBlock | undefined, string[]>();

  constructor(blocks: readonly CodeBlock[]) {
    mkdirSync(join(ROOT, "build"), { recursive: true });
    // In the repository, where its node_modules are found.
    this.#folder = mkdtempSync(join(ROOT, "build", "documentation-"));
    for (const block of blocks) this.#place(block);
    this.#compile();
    this.#linkPackage();
  }

  /** What the compiler says of a block, or else of the surroundings: `README.md:12: error TS…`. */
  problemsOf(block?: CodeBlock): readonly string[] {
    return this.#problems.get(block) ?? [];
  }

  /** The compiled file. */
  fileOf(block: CodeBlock): string {
    const source = this.#sourceOf(block);
    return join(this.#folder, "out", relative(ROOT, source)).replace(/\.ts$/, ".js");
  }

  fixture(name: string): string {
    return join(this.#folder, "out/test/docs/fixtures", `${name}.js`);
  }

  /** A place for a JavaScript file, from which the package is found by its name. */
  get scratch(): string {
    return join(this.#folder, "out");
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #sourceOf(block: CodeBlock): string {
    return join(this.#folder, "blocks", nameOf(block), fileNameOf(block));
  }

  #place(block: CodeBlock): void {
    const path = this.#sourceOf(block);
    if (this.#placed.has(path)) throw new Error(`Two blocks of ${block.document} are ${fileNameOf(block)}.`);
    const whole = { before: "", code: block.code, after: "" };
    const parts = block.detail.startsWith("signature ")
      ? checkSignature(block)
      : isProgram(block)
        ? whole
        : { ...whole, ...surround(block) };
    this.#placed.set(path, { block, offset: parts.before.split("\n").length - 1 });
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, parts.before + parts.code + parts.after);
  }

  #compile(): void {
    const config = join(this.#folder, "tsconfig.json");
    const compilerOptions = {
      noEmit: false,
      rootDir: ROOT,
      outDir: join(this.#folder, "out"),
      // A part of a program shows what it is about and leaves out what it does with it.
      noUnusedLocals: false,
      noUnusedParameters: false,
      noImplicitReturns: false,
      declaration: false,
    };
    const include = [join(this.#folder, "blocks"), join(ROOT, "test/docs/fixtures"), join(ROOT, "src")];
    writeFileSync(config, JSON.stringify({ extends: join(ROOT, "tsconfig.json"), compilerOptions, include }));
    const tsc = join(ROOT, "node_modules/.bin/tsc");
    const { stdout, error } = spawnSync(tsc, ["-p", config, "--pretty", "false"], {
      cwd: ROOT,
      encoding: "utf8",
    });
    if (error) throw error;
    for (const line of stdout.split("\n")) this.#note(line);
  }

  #note(line: string): void {
    const [, file = "", number = "", message = ""] = /^(.+?)\((\d+),\d+\): (error .*)$/.exec(line) ?? [];
    const placed = this.#placed.get(join(ROOT, file));
    if (!placed && !line.includes("error")) return;
    const { block, offset } = placed ?? {};
    const text = block
      ? `${block.document}:${block.line + Number(number) - 1 - (offset ?? 0)}: ${message}`
      : line;
    this.#problems.set(block, [...(this.#problems.get(block) ?? []), text]);
  }

  /** As npm would install it, with what was just compiled as its build. */
  #linkPackage(): void {
    const out = join(this.#folder, "out");
    const installed = join(out, "node_modules/typeorm-sqlite-database");
    mkdirSync(installed, { recursive: true });
    cpSync(join(ROOT, "package.json"), join(installed, "package.json"));
    symlinkSync(join(out, "src"), join(installed, "dist"));
    // Nameless, or the package would be looked for in the repository's own dist/.
    writeFileSync(join(this.#folder, "package.json"), JSON.stringify({ type: "commonjs" }));
  }
}
