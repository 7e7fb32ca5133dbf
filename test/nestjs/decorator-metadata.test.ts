import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Global, Inject, Injectable, Module, Optional } from "@nestjs/common";
import { ConfigurationError, SqliteDatabase } from "../../src";
import { SqliteDatabaseModule, Transactional } from "../../src/nestjs";
import { plainEnvironment } from "../support/plain-environment";
import { testApplications } from "./applications";

/** What an application says that tsx compiled, which emits no decorator metadata. */
function withTsx(name: string): string {
  const tsx = pathToFileURL(require.resolve("tsx")).href;
  const script = join(__dirname, "without-metadata.ts");
  return spawnSync(process.execPath, ["--import", tsx, script, name], {
    encoding: "utf8",
    cwd: __dirname,
    env: plainEnvironment,
  }).stdout;
}

describe("without emitDecoratorMetadata", () => {
  test("an application that names its types and tokens works", () => {
    expect(withTsx("Explicit")).toBe("1 written\n");
  });

  test.each(["Silent", "Last"])(
    "a constructor that Nest cannot know fails the start with the remedy (%s)",
    (name) => {
      const output = withTsx(name);
      expect(output).toMatch(
        new RegExp(
          `ConfigurationError: .*constructor of ${name} takes: its compiler emitted no decorator metadata`,
        ),
      );
      expect(output).toMatch(
        /emitDecoratorMetadata in tsconfig\.json.*decoratorMetadata in jsc\.transform.*esbuild, and tsx/,
      );
      expect(output).toContain("@Inject(Token)");
    },
  );

  test("Nest and TypeORM refuse by themselves what they can see", () => {
    expect(withTsx("First")).toContain("can't resolve dependencies of the First (?, NoteRepository)");
    expect(withTsx("column")).toContain("ColumnTypeUndefinedError");
  });
});

describe("with decorator metadata", () => {
  const applications = testApplications();

  test("no class is refused for what its constructor does without", async () => {
    @Injectable()
    class WithOptional {
      constructor(@Optional() @Inject("missing") readonly missing?: string) {}
    }

    @Injectable()
    class Inherited extends WithOptional {}

    class Undecorated {
      constructor(readonly options?: object) {}
    }

    @Global()
    @Module({
      providers: [
        WithOptional,
        Inherited,
        Undecorated,
        {
          provide: "made",
          inject: [SqliteDatabase],
          useFactory: (database: SqliteDatabase) => new Undecorated(database),
        },
      ],
    })
    class Everything {}

    const started = applications.start({ imports: [SqliteDatabaseModule.forRoot(":memory:"), Everything] });
    await expect(started).resolves.toBeDefined();
  });

  test("a provider without @Injectable() is told of that first", async () => {
    class Undecorated {
      constructor(readonly database: SqliteDatabase) {}

      @Transactional()
      async write(): Promise<void> {}
    }

    const started = applications.start({
      imports: [SqliteDatabaseModule.forRoot(":memory:")],
      providers: [Undecorated],
    });
    await expect(started).rejects.toThrow(ConfigurationError);
    await expect(started).rejects.toThrow(
      /constructor of Undecorated takes: the class has no @Injectable\(\), or its compiler emitted no decorator metadata/,
    );
  });
});
