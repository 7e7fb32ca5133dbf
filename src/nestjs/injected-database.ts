import { Inject, Optional } from "@nestjs/common";
import type { SqliteDatabase } from "..";
import { getDatabaseToken } from "./database-token";

/**
 * Has Nest inject the database of a name into every instance of the classes that ask for it. So an instance, also one
 * made for a single request, has the database of the application that made it, however many there are in the process.
 */
export class InjectedDatabase {
  static readonly #byName = new Map<string, InjectedDatabase>();

  readonly #key: symbol;
  readonly #databases = new WeakMap<object, SqliteDatabase>();

  private constructor(readonly name: string) {
    this.#key = Symbol(`database "${name}"`);
  }

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
      .filter((injected) => injected.#key in prototype)
      .map(({ name }) => name);
  }

  askFor(prototype: object): void {
    if (this.#key in prototype) return;
    const databases = this.#databases;
    Object.defineProperty(prototype, this.#key, {
      set(this: object, database: SqliteDatabase) {
        databases.set(this, database);
      },
    });
    Inject(getDatabaseToken(this.name))(prototype, this.#key);
    // A unit test may construct the class without any database.
    Optional()(prototype, this.#key);
  }

  of(instance: object | undefined): SqliteDatabase | undefined {
    return instance && this.#databases.get(instance);
  }
}
