import "reflect-metadata";
import { ConfigurationError, type SessionOptions } from "..";
import { DEFAULT_NAME } from "./database-token";
import { InjectedDatabase } from "./injected-database";

/** How the session of a `@Transactional()` method is run. */
export interface TransactionalOptions extends Pick<SessionOptions, "readonly" | "timeout" | "label"> {
  /**
   * The name of the database.
   *
   * @default "default"
   */
  readonly database?: string | undefined;
  /**
   * Named in timeouts, by those who wait for this session.
   *
   * @default "Class.method"
   */
  readonly label?: string | undefined;
}

type AsyncMethod = (...parameters: never[]) => Promise<unknown>;

/**
 * Runs a method of a provider or controller in `database.session()`: committed before its promise resolves, rolled back
 * before it rejects with the very same error. Repositories, data source and manager, injected anywhere, take part.
 * A call inside another session is a savepoint.
 *
 * The class must be constructed by Nest, whatever its scope, in an application with {@link SqliteDatabaseModule}.
 *
 * @throws ConfigurationError on what is no method; the call rejects with it if the object has no database, and, after
 * rolling back, if the method does not return a promise
 * @throws ReadonlyError, SessionTimeoutError, PoolTimeoutError from the call, as `session()` does
 * @example
 * @Transactional()
 * async rename(id: number, name: string) {
 *   await this.users.update(id, { name });
 *   await this.events.insert({ text: `renamed ${id}` });
 * }
 */
export function Transactional({ database = DEFAULT_NAME, ...options }: TransactionalOptions = {}) {
  return <Method extends AsyncMethod>(
    target: object,
    key: string | symbol,
    descriptor: TypedPropertyDescriptor<Method>,
  ): void => {
    const method = descriptor?.value;
    if (typeof target === "function" || typeof method !== "function") {
      throw new ConfigurationError(
        `@Transactional() is for methods of an object, and ${String(key)} is none.`,
      );
    }
    const where = `${target.constructor.name}.${String(key)}`;
    const injected = InjectedDatabase.named(database);
    injected.askFor(target);

    const transactional = async function (this: object | undefined, ...parameters: never[]) {
      const opened = injected.of(this);
      if (!opened) throw notInjected(where, target.constructor.name, database);
      const work = () => promised(method.apply(this, parameters), where);
      return await opened.session(work, { ...options, label: options.label ?? where });
    };
    descriptor.value = disguised(transactional as Method, method);
  };
}

/** What other decorators left at the method, such as a route, a guard or a description, is found at `wrapper` too. */
function disguised<Method extends AsyncMethod>(wrapper: Method, method: Method): Method {
  for (const key of Reflect.getOwnMetadataKeys(method)) {
    Reflect.defineMetadata(key, Reflect.getOwnMetadata(key, method), wrapper);
  }
  return Object.defineProperties(wrapper, {
    name: { value: method.name, configurable: true },
    length: { value: method.length, configurable: true },
  });
}

/** The session would be over before the rows of a generator or an observable are asked for. */
function promised(result: unknown, where: string): Promise<unknown> {
  if (result instanceof Promise) return result;
  if (typeof result === "object" && result !== null && "then" in result) return Promise.resolve(result);
  throw new ConfigurationError(
    `${where} is @Transactional(), but did not return a promise. Make it async, and await in it what it uses.`,
  );
}

function notInjected(where: string, type: string, database: string): ConfigurationError {
  const name = database === DEFAULT_NAME ? "" : `, { name: "${database}" }`;
  return new ConfigurationError(
    `${where} is @Transactional(), but its object has no database. Import ` +
      `SqliteDatabaseModule.forRoot(location${name}) in the application, and let Nest construct ${type}, from a ` +
      "module's providers or controllers, not by useValue, useFactory or new.",
  );
}
