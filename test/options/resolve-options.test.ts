import "reflect-metadata";
import { runInNewContext } from "node:vm";
import { DefaultNamingStrategy, EntitySchema, type Logger } from "typeorm";
import { ConfigurationError } from "../../src/errors";
import {
  type ResolvedOptions,
  resolveOptions,
  type SqliteDatabaseOptions,
} from "../../src/options/sqlite-database-options";

class User {}
class Post {}
const Tag = new EntitySchema({ name: "Tag", columns: { id: { type: Number, primary: true } } });
class AddUsers {
  async up() {}
  async down() {}
}

const logger: Logger = {
  logQuery() {},
  logQueryError() {},
  logQuerySlow() {},
  logSchemaBuild() {},
  logMigration() {},
  log() {},
};

/** The message that the constructor would throw for options that no compiler has seen. */
function refusal(options: unknown): string {
  try {
    resolveOptions(options as SqliteDatabaseOptions);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError);
    return (error as ConfigurationError).message;
  }
  throw new Error("the options were accepted");
}

const DEFAULTS: ResolvedOptions = {
  entities: [],
  echo: false,
  poolSize: 20,
  maxOverflow: 10,
  poolTimeout: 30,
  poolRecycle: 3600,
  poolPrePing: true,
  createAll: true,
  synchronize: false,
  busyTimeout: 5,
  closeTimeout: 10,
  validate: true,
  pragmas: {},
  migrations: [],
  migrationsRun: false,
  subscribers: [],
  cache: false,
};
const KEYS = [...Object.keys(DEFAULTS), "namingStrategy"];

describe("options", () => {
  test("nothing given is the defaults", () => {
    expect(resolveOptions()).toStrictEqual(DEFAULTS);
    expect(resolveOptions({})).toStrictEqual(DEFAULTS);
    expect(resolveOptions(Object.create(null) as SqliteDatabaseOptions)).toStrictEqual(DEFAULTS);
  });

  test("undefined is the default", () => {
    expect(resolveOptions(Object.fromEntries(KEYS.map((key) => [key, undefined])))).toStrictEqual(DEFAULTS);
  });

  test.each(KEYS)("%s: null is refused", (key) => {
    expect(refusal({ [key]: null })).toMatch(new RegExp(`^Invalid option: ${key} must be .*\\(got null\\)$`));
  });

  test.each<[SqliteDatabaseOptions]>([
    [{ poolSize: 1 }],
    [{ poolSize: 500 }],
    [{ maxOverflow: 0 }],
    [{ maxOverflow: -1 }],
    [{ poolTimeout: 0 }],
    [{ poolTimeout: 0.5 }],
    [{ poolTimeout: 3600 }],
    [{ busyTimeout: 0 }],
    [{ busyTimeout: 3600 }],
    [{ closeTimeout: 0 }],
    [{ closeTimeout: 2.5 }],
    [{ poolRecycle: -1 }],
    [{ poolRecycle: 0.1 }],
    [{ poolRecycle: 86_400 }],
    [{ poolPrePing: false }],
    [{ createAll: false }],
    [{ synchronize: true }],
    [{ migrationsRun: true }],
    [{ echo: true }],
    [{ echo: logger }],
    [{ entities: [User, Tag, "dist/entities/*.js"] }],
    [{ entities: { User, Tag } }],
    [{ migrations: [AddUsers, "dist/migrations/*.js"] }],
    [{ migrations: { AddUsers } }],
    [{ subscribers: [Post, "dist/subscribers/*.js"] }],
    [{ subscribers: { Post } }],
    [{ namingStrategy: new DefaultNamingStrategy() }],
    [{ cache: true }],
    [{ cache: { duration: 5000, tableName: "cached" } }],
    [{ validate: false }],
    [{ validate: { groups: ["write"], stopAtFirstError: true } }],
    [{ pragmas: { synchronous: "FULL", cache_size: -2000, recursive_triggers: true } }],
    [{ pragmas: { Foreign_Keys: "OFF", journal_mode: "delete", encoding: "UTF-16", busy_timeout: 0 } }],
  ])("%j is taken as it is", (options) => {
    expect(resolveOptions(options)).toStrictEqual({ ...DEFAULTS, ...options });
  });

  test("options may come from an instance, as configuration classes make them", () => {
    class Configuration {
      poolSize = 3;
    }
    expect(resolveOptions(new Configuration()).poolSize).toBe(3);
  });

  test("options may come from another realm", () => {
    const foreign = runInNewContext(`({ entities: { }, pragmas: { synchronous: "FULL" }, cache: { } })`);
    expect(resolveOptions(foreign as SqliteDatabaseOptions).pragmas).toEqual({ synchronous: "FULL" });
  });

  test("what was given is left alone, and what came out cannot be changed", () => {
    const pragmas = Object.freeze({ synchronous: "FULL" });
    const entities = [User];
    Object.freeze(entities);
    const options = Object.freeze({ entities, pragmas });
    const resolved = resolveOptions(options);
    expect(options).toStrictEqual({ entities: [User], pragmas: { synchronous: "FULL" } });
    expect(resolved.pragmas).not.toBe(pragmas);
    expect(() => Object.assign(resolved, { poolSize: 1 })).toThrow(TypeError);
    expect(resolveOptions().entities).not.toBe(resolveOptions().entities);
  });
});

describe("numbers", () => {
  test.each(["poolSize", "maxOverflow", "poolTimeout", "poolRecycle", "busyTimeout", "closeTimeout"])(
    "%s: what is no number, and no finite one, is refused",
    (key) => {
      const wrong = [Number.NaN, Number.NEGATIVE_INFINITY, "5", 5n, true, [5], new Date(5)];
      for (const value of wrong)
        expect(refusal({ [key]: value })).toContain(`Invalid option: ${key} must be`);
      expect(refusal({ [key]: "5" })).toContain("(got '5')");
    },
  );

  test.each([
    ["poolSize", [0, -1, 1.5, Number.POSITIVE_INFINITY], "must be a whole number, at least 1"],
    [
      "maxOverflow",
      [-2, 0.5, Number.POSITIVE_INFINITY],
      "must be a whole number, at least -1; -1 is no limit",
    ],
    ["poolTimeout", [-1, -0.001], "must be a number of seconds from 0 to 3600"],
    ["busyTimeout", [-1], "must be a number of seconds from 0 to 3600"],
    ["closeTimeout", [-1], "must be a number of seconds from 0 to 3600"],
    [
      "poolRecycle",
      [0, -2, -0.5, Number.POSITIVE_INFINITY],
      "must be a number of seconds above 0, or -1 for never",
    ],
  ])("%s: %j are out of range", (key, values, problem) => {
    for (const value of values) {
      expect(refusal({ [key]: value })).toBe(`Invalid option: ${key} ${problem} (got ${value})`);
    }
  });

  test.each(["poolTimeout", "busyTimeout", "closeTimeout"])("%s: milliseconds are recognized", (key) => {
    expect(refusal({ [key]: 30_000 })).toBe(
      `Invalid option: ${key} is in seconds; did you mean 30? (got 30000)`,
    );
    expect(refusal({ [key]: 3601 })).toContain("is in seconds; did you mean 3.601?");
    expect(refusal({ [key]: 3_600_000 })).toContain("is in seconds; did you mean 3600?");
    for (const beyond of [7_200_000, 1e9, Number.POSITIVE_INFINITY]) {
      expect(refusal({ [key]: beyond })).toContain("is in seconds; did you mean 3600, the most there is?");
    }
  });
});

describe("flags", () => {
  test.each(["poolPrePing", "createAll", "synchronize", "migrationsRun"])("%s is true or false", (key) => {
    for (const value of ["true", 1, 0, "", {}]) {
      expect(refusal({ [key]: value })).toContain(`${key} must be true or false (got`);
    }
  });
});

describe("echo", () => {
  test.each(["all", "debug", 1, ["query"], () => {}])("%p is neither a flag nor a Logger", (value) => {
    expect(refusal({ echo: value })).toContain("echo must be true, false or a TypeORM Logger");
  });

  test("a Logger has all of its methods, wherever they come from", () => {
    const { logMigration: _, ...rest } = logger;
    expect(refusal({ echo: rest })).toContain("it lacks logMigration (got [Object])");
    const inherited = Object.create(logger) as Logger;
    expect(resolveOptions({ echo: inherited }).echo).toBe(inherited);
  });
});

describe("lists of TypeORM", () => {
  test.each(["entities", "migrations", "subscribers"])("%s: what is no list is refused", (key) => {
    for (const value of [User, "dist/*.js", Tag, new Set([User]), new Map([["User", User]]), 5, new Post()]) {
      expect(refusal({ [key]: value })).toContain(`${key} must be an array; each of its items is a`);
    }
  });

  test.each(["entities", "migrations", "subscribers"])("%s: every item is checked", (key) => {
    for (const item of [5, null, new User(), {}, [User], ""]) {
      expect(refusal({ [key]: [User, item] })).toContain(`Invalid option: ${key}[1] must be a`);
    }
    expect(refusal({ [key]: { User, Gone: undefined } })).toContain(`Invalid option: ${key}.Gone must be a`);
  });

  test("a class that is undefined because of a circular import says so", () => {
    expect(refusal({ entities: [User, undefined] })).toBe(
      "Invalid option: entities[1] must be a decorated class, an EntitySchema or a glob string" +
        " (got undefined); do two files import each other?",
    );
    expect(refusal({ entities: new Array(1) })).toContain("entities[0]");
  });

  test("only entities may be an EntitySchema", () => {
    expect(refusal({ migrations: [Tag] })).toContain(
      "migrations[0] must be a migration class or a glob string",
    );
    expect(refusal({ subscribers: [Tag] })).toContain("subscribers[0] must be a subscriber class or a glob");
  });

  test("a module's other exports are skipped where TypeORM skips them", () => {
    const Role = { admin: 1 };
    const exports = Object.assign(Object.create(null) as object, { User, Role, LIMIT: 5 });
    expect(resolveOptions({ entities: exports } as SqliteDatabaseOptions).entities).toBe(exports);
    expect(resolveOptions({ subscribers: exports } as SqliteDatabaseOptions).subscribers).toBe(exports);
    expect(refusal({ migrations: { AddUsers, Role } })).toContain("migrations.Role");
    expect(refusal({ entities: { Role } })).toContain("holds nothing that is a decorated class");
    expect(resolveOptions({ entities: {} }).entities).toEqual({});
  });
});

describe("namingStrategy, validate and cache", () => {
  test("a naming strategy is an instance", () => {
    expect(refusal({ namingStrategy: DefaultNamingStrategy })).toContain("put new before the class");
    for (const value of [{}, "snake", []]) {
      expect(refusal({ namingStrategy: value })).toContain("namingStrategy must be a TypeORM");
    }
  });

  test("validate is a flag or an object", () => {
    for (const value of ["true", 1, [], new Map(), () => true]) {
      expect(refusal({ validate: value })).toContain(
        "validate must be true, false or class-validator's ValidatorOptions",
      );
    }
  });

  test("cache is a flag or an object", () => {
    for (const value of [1000, "redis", [], new Map()]) {
      expect(refusal({ cache: value })).toContain("cache must be true, false or TypeORM's cache options");
    }
  });
});

describe("pragmas", () => {
  test.each([[[]], ["synchronous=FULL"], [5], [new Map()]])("%j is no object", (value) => {
    expect(refusal({ pragmas: value })).toContain("pragmas must be an object such as");
  });

  test.each(["foreign keys", "main.synchronous", "x=1;--", "", "cache_size;", "é", "pragma1"])(
    "%j is no name of a pragma",
    (name) => {
      expect(refusal({ pragmas: { [name]: 1 } })).toContain(`pragmas.${name} is no name of a pragma`);
    },
  );

  test.each([
    "FULL; DROP TABLE users",
    "'x'",
    '"x"',
    "",
    " FULL",
    "a b",
    "a(b)",
    "FULL\n",
    1.5,
    Number.NaN,
    null,
    {},
  ])("%p is no value of a pragma", (value) => {
    expect(refusal({ pragmas: { synchronous: value } })).toContain("pragmas.synchronous must be a word");
  });

  test("busy_timeout points at busyTimeout", () => {
    for (const value of [5000, "5000", true, "x"]) {
      expect(refusal({ pragmas: { Busy_Timeout: value } })).toContain(
        "pragmas.Busy_Timeout stays 0; set the option busyTimeout, in seconds, which waits in JavaScript, so the event loop stays free",
      );
    }
    for (const value of [0, "0", false]) {
      expect(resolveOptions({ pragmas: { busy_timeout: value } }).pragmas).toEqual({ busy_timeout: value });
    }
  });

  test.each(["EXCLUSIVE", "exclusive", 1])("locking_mode stays NORMAL, and is not %p", (value) => {
    expect(refusal({ pragmas: { Locking_Mode: value } })).toContain(
      "pragmas.Locking_Mode stays NORMAL: one connection would lock out all others",
    );
  });

  test.each(["NORMAL", "normal"])("locking_mode %p changes nothing and passes", (value) => {
    expect(resolveOptions({ pragmas: { locking_mode: value } }).pragmas).toEqual({ locking_mode: value });
  });

  test("query_only is the pool's", () => {
    expect(refusal({ pragmas: { query_only: true } })).toContain("pragmas.query_only is set by the pool");
  });

  test.each(["key", "KEY", "rekey", "hexkey", "hexrekey", "textkey", "textrekey"])(
    "%s is refused, as there is no encryption, and its value is not shown",
    (name) => {
      const message = refusal({ pragmas: { [name]: "hunter2" } });
      expect(message).toContain(`pragmas.${name} is not possible: this SQLite has no encryption`);
      expect(message).not.toContain("hunter2");
    },
  );

  test("every wrong pragma is listed", () => {
    const message = refusal({ pragmas: { query_only: 1, "a b": 1, cache_size: 2.5 } });
    expect(message).toContain("pragmas.query_only");
    expect(message).toContain("pragmas.a b");
    expect(message).toContain("pragmas.cache_size must be");
  });
});

describe("unknown keys", () => {
  test.each([
    ["poolsize", "poolSize"],
    ["pool_size", "poolSize"],
    ["pool-size", "poolSize"],
    ["pool_pre_ping", "poolPrePing"],
    ["pool_pre_pingg", "poolPrePing"],
    ["max_overflow", "maxOverflow"],
    ["POOL_TIMEOUT", "poolTimeout"],
    ["poolTimout", "poolTimeout"],
    ["entites", "entities"],
    ["synchronise", "synchronize"],
    ["pragma", "pragmas"],
    ["create_all", "createAll"],
    ["logging", "echo"],
    ["logger", "echo"],
    ["timeout", "busyTimeout"],
  ])("%s: did you mean %s?", (key, meant) => {
    const message = refusal({ [key]: 1 });
    expect(message).toBe(`Invalid option: ${key} is no option; did you mean ${meant}? (got 1)`);
  });

  test.each(["database", "type", "x", "each"])("%s resembles none, so all are listed", (key) => {
    expect(refusal({ [key]: "a" })).toBe(
      `Invalid option: ${key} is no option; the options are entities, echo, poolSize, maxOverflow, poolTimeout, poolRecycle, poolPrePing, createAll, synchronize, busyTimeout, closeTimeout, validate, pragmas, migrations, migrationsRun, subscribers, namingStrategy, cache (got 'a')`,
    );
  });

  test.each(["constructor", "__proto__", "toString", "hasOwnProperty", "valueOf"])(
    "%s, which every object has, is unknown as well",
    (key) => {
      expect(refusal(JSON.parse(`{ "${key}": { "poolSize": 0 } }`))).toContain(`${key} is no option`);
      expect(refusal(JSON.parse(`{ "${key}": {}, "poolSize": 0 }`))).toContain("poolSize must be");
    },
  );

  test("a value that may be secret is not shown", () => {
    const message = refusal({
      password: "hunter2",
      encryptionKey: "hunter2",
      extra: { password: "hunter2" },
      url: "postgres://ada:hunter2@host/db",
      cache: "redis://ada:hunter2@host",
    });
    expect(message).not.toContain("hunter2");
    expect(message).toContain("postgres://ada:***@host/db");
  });

  test("an undefined value does not make a key wrong, an empty one does", () => {
    expect(resolveOptions({ unknown: undefined } as SqliteDatabaseOptions)).toStrictEqual(DEFAULTS);
    expect(refusal({ "": 1 })).toContain("is no option");
  });
});

describe("the error", () => {
  test("lists every problem at once", () => {
    expect(refusal({ poolSize: 0, busyTimeout: 5000, poolsize: 1, echo: "all" })).toBe(
      [
        "Invalid options:",
        "- poolsize is no option; did you mean poolSize? (got 1)",
        "- echo must be true, false or a TypeORM Logger (got 'all')",
        "- poolSize must be a whole number, at least 1 (got 0)",
        "- busyTimeout is in seconds; did you mean 5? (got 5000)",
      ].join("\n"),
    );
  });

  test("shortens what was given", () => {
    const message = refusal({
      poolSize: "9".repeat(1000),
      echo: Object.defineProperty(() => {}, "name", { value: "x".repeat(500) }),
    });
    expect(message.length).toBeLessThan(400);
    expect(message).toContain("... 940 more characters");
  });

  test.each([null, 5, "poolSize", [], [User], () => {}])("%p is no options object", (options) => {
    expect(refusal(options)).toContain("the options must be an object such as { poolSize: 5 } (got");
  });

  test("a promise of options asks to be awaited", () => {
    expect(refusal(Promise.resolve({}))).toContain("await it first");
  });
});
