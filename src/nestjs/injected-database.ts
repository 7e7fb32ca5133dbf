import { Inject, type InjectionToken, Optional } from "@nestjs/common";
import { getDataSourceToken } from "@nestjs/typeorm";
import { ConfigurationError, type SqliteDatabase, SqliteDataSource } from "..";
import { getDatabaseToken } from "./database-token";

/**
 * Has Nest inject the database of a name into every instance of the classes that ask for it. So an instance, also one
 * made for a single request, has the database of the application that made it, however many there are in the process.
 */
export class InjectedDatabase {
  static readonly #byName = new Map<string, InjectedDatabase>();

  readonly #database = new InjectedValue<SqliteDatabase>("database");
  readonly #dataSource = new InjectedValue<unknown>("data source");

  private constructor(readonly name: string) {}

  static named(name: string): InjectedDatabase {
    const known = InjectedDatabase.#byName.get(name);
    if (known) return known;
    const injected = new InjectedDatabase(name);
    InjectedDatabase.#byName.set(name, injected);
    return injected;
  }

  /** The names of the databases that a class, or one that it extends, asked for. */
  static namesFor(prototype: object): string[] {
    return [...InjectedDatabase.#byName.values()]
      .filter((injected) => injected.#database.isAskedForBy(prototype))
      .map(({ name }) => name);
  }

  askFor(prototype: object): void {
    this.#database.askFor(prototype, getDatabaseToken(this.name));
    this.#dataSource.askFor(prototype, getDataSourceToken(this.name) as InjectionToken);
  }

  /** @throws ConfigurationError where a test has overridden the data source alone, so that repositories use another one */
  of(instance: object | undefined): SqliteDatabase | undefined {
    const database = instance && this.#database.of(instance);
    const dataSource = instance && this.#dataSource.of(instance);
    if (database && dataSource instanceof SqliteDataSource && dataSource !== database.dataSource) {
      throw new ConfigurationError(
        "The data source of the application is not that of its SqliteDatabase, so its repositories would not take part " +
          "in a session. Override getDatabaseToken() instead of getDataSourceToken(); the data source comes from it.",
      );
    }
    return database;
  }
}

/** A value that Nest sets at instances, and that cannot be seen there. */
class InjectedValue<Value> {
  readonly #key: symbol;
  readonly #values = new WeakMap<object, Value>();

  constructor(description: string) {
    this.#key = Symbol(description);
  }

  isAskedForBy(prototype: object): boolean {
    return this.#key in prototype;
  }

  askFor(prototype: object, token: InjectionToken): void {
    if (this.isAskedForBy(prototype)) return;
    const values = this.#values;
    Object.defineProperty(prototype, this.#key, {
      set(this: object, value: Value) {
        values.set(this, value);
      },
    });
    Inject(token)(prototype, this.#key);
    // A unit test may construct the class without any database.
    Optional()(prototype, this.#key);
  }

  of(instance: object): Value | undefined {
    return this.#values.get(instance);
  }
}
