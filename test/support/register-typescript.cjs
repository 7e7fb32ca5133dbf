// Lets a child process `require` TypeScript: node -r register-typescript.cjs script.ts
const { readFileSync } = require("node:fs");
const Module = require("node:module");
const { join } = require("node:path");
const { transformSync } = require("@swc/core");

// The package by its name, as its users have it, without a build.
const resolve = Module._resolveFilename;
Module._resolveFilename = function (request, ...rest) {
  const own = /^typeorm-sqlite-database(?:\/(\w+))?$/.exec(request);
  return resolve.call(this, own ? join(__dirname, "../../src", own[1] ?? "", "index.ts") : request, ...rest);
};

Module._extensions[".ts"] = (module, filename) => {
  const { code } = transformSync(readFileSync(filename, "utf8"), {
    filename,
    swcrc: false,
    jsc: {
      target: "es2022",
      parser: { syntax: "typescript", decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true },
    },
    module: { type: "commonjs" },
  });
  module._compile(code, filename);
};
