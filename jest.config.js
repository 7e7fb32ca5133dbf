const compile = [
  "@swc/jest",
  {
    jsc: {
      target: "es2022",
      parser: { syntax: "typescript", decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true },
    },
    module: { type: "commonjs" },
  },
];

/** @type {import("jest").Config} */
module.exports = {
  testEnvironment: "node",
  roots: ["<rootDir>/test"],
  testMatch: ["**/*.test.ts"],
  testTimeout: 30_000,
  // Most tests wait for processes and files; jest would leave one of two cores idle.
  maxWorkers: "100%",
  transform: { "^.+\\.ts$": compile, "/node_modules/@nestjs/.+\\.js$": compile },
  // Nest 12 is ES modules only, which jest's own loader cannot require.
  transformIgnorePatterns: ["/node_modules/(?!@nestjs/)"],
};
