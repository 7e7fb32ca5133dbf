// Puts the modules that index.ts is made of into one file, in the place of those that tsc has written: finding, reading
// and compiling 130 of them took a tenth of the time that a program needs from `require` to its first row.
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { build } from "esbuild";

const bundle = join("dist", "index.js");
const { metafile, outputFiles } = await build({
  entryPoints: ["src/index.ts"],
  outfile: bundle,
  write: false,
  bundle: true,
  packages: "external",
  platform: "node",
  target: "node20.19",
  metafile: true,
  logLevel: "warning",
});

const folders = new Set(
  Object.keys(metafile.inputs).map((module) => dirname(module.replace(/^src/, "dist"))),
);
for (const folder of folders) {
  for (const name of readdirSync(folder)) if (name.endsWith(".js")) rmSync(join(folder, name));
}

// A class that refers to itself is called _Session by esbuild, also where it is shown to someone. Its keepNames would
// name every function again whenever it is made.
let [{ text }] = outputFiles;
for (const [, name] of text.matchAll(/^var (\w+) = class _\1\b/gm)) {
  text = text.replace(new RegExp(`\\b_${name}\\b`, "g"), name);
}
// Only comments can have a character beyond ASCII now, and a single one doubles what all of the text takes in memory.
writeFileSync(bundle, text.replace(/[\u0080-\uffff]/g, "?"));
