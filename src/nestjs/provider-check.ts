import "reflect-metadata";
import type { Type } from "@nestjs/common";
import type { ModulesContainer } from "@nestjs/core";
import { ConfigurationError } from "..";
import { DEFAULT_NAME, getDatabaseToken } from "./database-token";
import { InjectedDatabase } from "./injected-database";

/**
 * Refuses what would fail later, and far from its cause: constructors whose parameters Nest cannot know, and
 * `@Transactional()` methods of a database that the application does not have.
 *
 * @throws ConfigurationError
 */
export function checkProviders(modules: ModulesContainer): void {
  const all = [...modules.values()];
  const has = (name: string) => all.some(({ providers }) => providers.has(getDatabaseToken(name)));
  for (const type of all.flatMap(classesOf)) {
    const unknown = InjectedDatabase.namesFor(type.prototype).find((name) => !has(name));
    if (unknown !== undefined) throw unknownDatabase(type, unknown);
    if (lacksMetadata(type)) throw missingMetadata(type);
  }
}

function classesOf({ providers, controllers, injectables }: Modules): Type[] {
  return [providers, controllers, injectables]
    .flatMap((wrappers) => [...wrappers.values()])
    .filter(({ metatype, inject }) => typeof metatype === "function" && metatype.prototype && !inject)
    .map(({ metatype }) => metatype as Type);
}

type Modules = ModulesContainer extends Map<string, infer Module> ? Module : never;

/** A class that is decorated for Nest, whose compiler left out what its constructor takes. */
function lacksMetadata(type: Type): boolean {
  if (Reflect.hasMetadata("design:paramtypes", type) || Reflect.getOwnMetadataKeys(type).length === 0) {
    return false;
  }
  const named: { index: number; param: unknown }[] = Reflect.getMetadata("self:paramtypes", type) ?? [];
  const optional: number[] = Reflect.getMetadata("optional:paramtypes", type) ?? [];
  const known = new Set([...named.filter(({ param }) => param).map(({ index }) => index), ...optional]);
  return Array.from({ length: type.length }, (_, index) => index).some((index) => !known.has(index));
}

/** How Nest marks a class that is decorated as a provider or a controller. */
const MARKS = ["__injectable__", "__controller__"];

function missingMetadata(type: Type): ConfigurationError {
  // A compiler emits what the constructor takes only for a class that has a decorator itself.
  const isMarked = MARKS.some((mark) => Reflect.hasOwnMetadata(mark, type));
  const cause = isMarked ? "" : "the class has no @Injectable(), or ";
  return new ConfigurationError(
    `Nest cannot know what the constructor of ${type.name} takes: ${cause}its compiler emitted no decorator metadata. ` +
      "With tsc, set experimentalDecorators and emitDecoratorMetadata in tsconfig.json; with swc, legacyDecorator and " +
      "decoratorMetadata in jsc.transform. esbuild, and tsx with it, cannot emit it whatever tsconfig.json says: write " +
      '@Inject(Token) before every parameter there, and the type into every @Column("text").',
  );
}

function unknownDatabase({ name }: Type, database: string): ConfigurationError {
  const options = database === DEFAULT_NAME ? "" : `, { name: "${database}" }`;
  return new ConfigurationError(
    `${name} has a @Transactional() method on the database "${database}", which this application does not have. ` +
      `Import SqliteDatabaseModule.forRoot(location${options}), or correct the name.`,
  );
}
