import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { createContext, runInContext } from "node:vm";
import { ConfigurationError } from "../../src/errors";
import { parseLocation } from "../../src/options/location";

/** The error that the constructor would throw. */
function refusal(location: unknown): ConfigurationError {
  try {
    parseLocation(location as string);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError);
    return error as ConfigurationError;
  }
  throw new Error(`${String(location)} was accepted`);
}

describe("a location", () => {
  test.each([
    ["sqlite:///rel.db", resolve("rel.db")],
    ["sqlite:///./app.db", resolve("app.db")],
    ["sqlite:///../up.db", resolve("../up.db")],
    ["sqlite:///data/app.db", resolve("data/app.db")],
    ["sqlite:////abs.db", "/abs.db"],
    ["sqlite:////tmp/deep/abs.db", "/tmp/deep/abs.db"],
    ["sqlite+aiosqlite:///rel.db", resolve("rel.db")],
    ["sqlite+pysqlite:////abs.db", "/abs.db"],
    ["sqlite+pysqlite_numeric:///rel.db", resolve("rel.db")],
    ["SQLite:///rel.db", resolve("rel.db")],
    ["./app.db", resolve("app.db")],
    ["app.db", resolve("app.db")],
    ["/tmp/app.db", "/tmp/app.db"],
    ["data/2024:01.db", resolve("data/2024:01.db")],
    ["./2024:01.db", resolve("2024:01.db")],
    ["C:\\app.db", resolve("C:\\app.db")],
    ["sqlite:///C:/x.db", resolve("C:/x.db")],
    ["file:///abs.db", resolve("/abs.db")],
    ["file:/abs.db", resolve("/abs.db")],
    ["file://localhost/abs.db", resolve("/abs.db")],
  ])("%s is a file at its absolute path", (location, path) => {
    expect(parseLocation(location)).toEqual({ memory: false, path, mode: "rwc", text: location });
  });

  test.each([
    "sqlite:///:memory:",
    "sqlite://",
    ":memory:",
    "sqlite+aiosqlite://",
    "sqlite+aiosqlite:///:memory:",
    ":memory:?mode=rwc",
    "sqlite://?mode=rw",
  ])("%s is in memory", (location) => {
    expect(parseLocation(location)).toMatchObject({ memory: true, path: ":memory:", text: location });
  });

  test("a file called :memory: is reached through its folder", () => {
    expect(parseLocation("./:memory:")).toMatchObject({ memory: false, path: resolve(":memory:") });
  });

  test("a relative location is relative to the working directory of the moment", () => {
    const before = process.cwd();
    const folder = mkdtempSync(join(tmpdir(), "location-"));
    try {
      process.chdir(folder);
      expect(parseLocation("sqlite:///rel.db").path).toBe(join(process.cwd(), "rel.db"));
    } finally {
      process.chdir(before);
      rmSync(folder, { recursive: true });
    }
  });

  test("URL objects with file: and sqlite: are read as their text is", () => {
    expect(parseLocation(pathToFileURL("/tmp/a b#c?d%.db")).path).toBe("/tmp/a b#c?d%.db");
    expect(parseLocation(new URL("sqlite:///rel.db")).path).toBe(resolve("rel.db"));
    expect(parseLocation(new URL("sqlite:////abs.db?mode=ro"))).toMatchObject({
      path: "/abs.db",
      mode: "ro",
    });
    expect(parseLocation(new URL("sqlite+aiosqlite:///a b.db")).path).toBe(resolve("a b.db"));
    expect(parseLocation(new URL("sqlite://")).memory).toBe(true);
    expect(parseLocation(new URL("sqlite:///:memory:")).memory).toBe(true);
  });

  test("a URL object of another realm is a URL as well", () => {
    const foreign = runInContext(`({ href: "file:///abs.db", protocol: "file:" })`, createContext());
    expect(parseLocation(foreign as URL).path).toBe(resolve("/abs.db"));
  });

  test.each([
    ["sqlite:///a%20b.db", resolve("a b.db")],
    ["sqlite:////tmp/%C3%A9t%C3%A9.db", "/tmp/été.db"],
    ["sqlite:///what%3F.db", resolve("what?.db")],
    ["sqlite:///100%25.db", resolve("100%.db")],
    ["file:///a%20b.db", resolve("/a b.db")],
    ["file:///a%23b%3Fc.db", resolve("/a#b?c.db")],
  ])("%s has its percent-escapes decoded", (location, path) => {
    expect(parseLocation(location).path).toBe(path);
  });

  test.each(["100%.db", "a%20b.db", "./%3F.db", "a#b.db"])(
    "%s is a plain path, taken as it stands",
    (location) => {
      expect(parseLocation(location).path).toBe(resolve(location));
    },
  );

  test("a # belongs to the name in a sqlite: URI, as in SQLAlchemy, and is refused in a file: URL", () => {
    expect(parseLocation("sqlite:///a#b.db").path).toBe(resolve("a#b.db"));
    expect(parseLocation(new URL("sqlite:///a#b.db")).path).toBe(resolve("a#b.db"));
    expect(refusal("file:///a#b.db").message).toContain("%23");
    expect(refusal(new URL("file:///a#b.db")).message).toContain("%23");
  });

  test.each([
    "sqlite:///100%.db",
    "sqlite:///a%2.db",
    "sqlite:///%FF.db",
    "file:///100%.db",
    "sqlite:///a.db?mode=%",
  ])("%s has a broken percent-escape and is refused", (location) => {
    expect(refusal(location).message).toContain("%25");
  });
});

describe("the mode of a location", () => {
  test.each(["sqlite:///a.db", "sqlite:////a.db", "a.db", "./a.db", "/a.db", "C:\\a.db", "file:///a.db"])(
    "%s takes ro, rw and rwc, and is rwc without",
    (location) => {
      expect(parseLocation(location).mode).toBe("rwc");
      expect(parseLocation(`${location}?`)).toMatchObject({
        mode: "rwc",
        path: parseLocation(location).path,
      });
      for (const mode of ["ro", "rw", "rwc"]) {
        const parsed = parseLocation(`${location}?mode=${mode}`);
        expect(parsed).toEqual({ ...parseLocation(location), mode, text: `${location}?mode=${mode}` });
      }
    },
  );

  test.each(["memory", "RO", "", "rwx", "ro#top"])("mode=%s is refused naming the modes", (mode) => {
    expect(refusal(`sqlite:///a.db?mode=${mode}`).message).toContain("the modes are ro, rw and rwc");
    expect(refusal(`a.db?mode=${mode}`).message).toContain(`mode=${mode} `);
  });

  test("mode=memory points at :memory:", () => {
    expect(refusal("sqlite:///a.db?mode=memory").message).toContain(`":memory:"`);
  });

  test("percent-escapes in the query are decoded in URIs, and not after a plain path", () => {
    expect(parseLocation("sqlite:///a.db?m%6Fde=r%6F").mode).toBe("ro");
    expect(parseLocation("file:///a.db?m%6Fde=r%6F").mode).toBe("ro");
    expect(refusal("a.db?m%6Fde=ro").message).toContain(`"m%6Fde"`);
    expect(refusal("a.db?mode=%").message).toContain("mode=% does not exist");
  });

  test("a mode given twice is refused", () => {
    expect(refusal("a.db?mode=ro&mode=rw").message).toContain("twice");
  });

  test.each([":memory:?mode=ro", "sqlite://?mode=ro", "sqlite:///:memory:?mode=ro"])(
    "%s could never hold anything and is refused",
    (location) => {
      expect(refusal(location).message).toContain("mode=ro");
    },
  );

  test.each([
    ["sqlite:///a.db?check_same_thread=false", `"check_same_thread"`, "connection of its own"],
    ["sqlite:///a.db?timeout=30", `"timeout"`, "busyTimeout"],
    ["sqlite:///a.db?uri=true", `"uri"`, "leave it out"],
    ["sqlite:///a.db?mode=ro&cache=shared", `"cache"`, "leave it out"],
    ["sqlite:///a.db?constructor=1", `"constructor"`, "mode=ro"],
    ["file:///a.db?immutable=1", `"immutable"`, "mode=ro"],
    ["a.db?Mode=ro", `"Mode"`, "mode=ro"],
    ["a?b.db", `"b.db"`, "%3F"],
    ["sqlite://?vfs=unix", `"vfs"`, "mode=ro"],
  ])("%s has another query key, which is refused by name with the remedy", (location, key, remedy) => {
    const { message } = refusal(location);
    expect(message).toContain(key);
    expect(message).toContain(remedy);
  });

  test("the ? of a long Windows path begins no query", () => {
    expect(parseLocation("\\\\?\\C:\\app.db?mode=ro")).toMatchObject({
      path: resolve("\\\\?\\C:\\app.db"),
      mode: "ro",
    });
  });
});

describe("a location that is refused", () => {
  test.each(["", " ", "\n"])("%j is empty", (location) => {
    expect(refusal(location).message).toContain("it is empty. Write sqlite:///");
  });

  test.each(["a\0.db", "sqlite:///a%00.db", "sqlite:///a\0.db", "file:///a%00.db", "file:///a.db\0", "\0"])(
    "%j contains a NUL character",
    (location) => {
      const { message } = refusal(location);
      expect(message).toContain("NUL");
      expect(message).not.toContain("\0");
    },
  );

  test.each([undefined, null, 5, {}, [], true, new String("a.db"), { href: 5, protocol: "file:" }])(
    "%p is neither a string nor a URL",
    (location) => {
      expect(refusal(location).message).toMatch(/must be/);
    },
  );

  test.each([
    "postgres://host/db",
    "mysql:db",
    "https://host/a.db",
    "sqlite3:///a.db",
    "sqlite+:///a.db",
    "data:a",
  ])("%s has another scheme", (location) => {
    const { message } = refusal(location);
    expect(message).toContain(`"${location}"`);
    expect(message).toContain(`"${location.split(":")[0]}:" is no scheme of SQLite`);
    expect(message).toContain("sqlite:///relative.db");
  });

  test("a URL object of another scheme is refused, also one that looks like a drive", () => {
    expect(refusal(new URL("https://host/a.db")).message).toContain("https://host/a.db");
    expect(refusal(new URL("c:/a.db")).message).toContain("URL object");
  });

  test.each(["sqlite:/one-slash", "sqlite:none.db", "sqlite:", "sqlite::memory:", "sqlite:/"])(
    "%s has too few slashes",
    (location) => {
      expect(refusal(location).message).toContain(
        "did you mean three slashes (sqlite:///relative.db), or four",
      );
    },
  );

  test.each(["sqlite://host/a.db", "sqlite://a.db", "sqlite://./a.db", "sqlite://:memory:", "sqlite://host"])(
    "%s has a host",
    (location) => {
      expect(refusal(location).message).toContain("SQLite has no host; did you mean three slashes");
    },
  );

  test("file: URLs with a host, and relative ones, are refused", () => {
    expect(refusal("file://host/a.db").message).toContain("cannot name a host");
    expect(refusal(new URL("file://host/a.db")).message).toContain("cannot name a host");
    expect(refusal("file:a.db").message).toContain("without file:");
    expect(refusal("file:").message).toContain("without file:");
  });

  test("sqlite:/// names no file, and is not taken for a database in memory", () => {
    expect(refusal("sqlite:///").message).toContain(`An in-memory database is ":memory:" or sqlite://`);
    expect(refusal("sqlite:///?mode=ro").message).toContain("names no file");
  });

  test.each([`"sqlite:///app.db"`, ` sqlite:///app.db`, `'file:///app.db'`])(
    "%s has something before the scheme",
    (it) => {
      expect(refusal(it).message).toContain("remove what stands before the scheme");
    },
  );

  test("a folder is refused, whether it exists or only ends like one", () => {
    const folder = mkdtempSync(join(tmpdir(), "location-"));
    try {
      mkdirSync(join(folder, "inner"));
      writeFileSync(join(folder, "file.db"), "");
      for (const location of [
        folder,
        `sqlite:///${folder}`,
        `sqlite:///${join(folder, "inner")}`,
        pathToFileURL(folder),
        join(folder, "missing/"),
        `${folder}/inner?mode=ro`,
        "sqlite:////",
        "file:///",
        ".",
        "..",
        "missing/",
      ]) {
        expect(refusal(location).message).toContain("it is a folder");
      }
      expect(parseLocation(join(folder, "file.db")).memory).toBe(false);
      expect(parseLocation(join(folder, "missing", "file.db")).memory).toBe(false);
      expect(parseLocation(join(folder, "file.db", "below-a-file.db")).memory).toBe(false);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("passwords in a location", () => {
  test.each([
    ["postgres://user:secret@host/db", "postgres://user:***@host/db"],
    ["postgres://:secret@host/db", "postgres://:***@host/db"],
    ["postgres+asyncpg://user:secret@host/db", "postgres+asyncpg://user:***@host/db"],
    ["postgres://user:se/cr?et@secret@host/db", "postgres://user:***@host/db"],
    ["postgres:/user:secret@host/db", "postgres:/user:***@host/db"],
    ["postgres:user:secret@host/db", "postgres:***@host/db"],
    ["sqlite://user:secret@/app.db", "sqlite://user:***@/app.db"],
    ["file://user:secret@host/app.db", "file://user:***@host/app.db"],
    ["a.db?password=secret", "a.db?password=***"],
    ["sqlite:///a.db?mode=ro&key=secret", "sqlite:///a.db?mode=ro&key=***"],
    ["sqlite:///a.db?auth_token=secret&mode=ro", "sqlite:///a.db?auth_token=***&mode=ro"],
    ["libsql://host/db?authToken=secret", "libsql://host/db?authToken=***"],
    ["sqlite:///a.db?PWD=secret", "sqlite:///a.db?PWD=***"],
  ])("%s is shown as %s", (location, shown) => {
    const error = refusal(location);
    expect(error.message).toContain(JSON.stringify(shown));
    expect(`${error.stack}${JSON.stringify(error)}`).not.toContain("secret");
    expect(error.cause).toBeUndefined();
  });

  test("URL objects are masked, too", () => {
    const { message } = refusal(new URL("postgres://user:secret@host/db"));
    expect(message).toContain("postgres://user:***@host/db");
    expect(message).not.toContain("secret");
  });

  test("a location that is quoted or spaced has its password masked", () => {
    expect(refusal(`"postgres://user:secret@host/db"`).message).not.toContain("secret");
    expect(refusal(` postgres://user:secret@host/db`).message).not.toContain("secret");
  });

  test("what looks like a password in a file's name stays readable", () => {
    for (const location of ["sqlite:///dir:1/a@b.db", "./dir:1/a@b.db", "C:\\dir:1\\a@b.db"]) {
      expect(parseLocation(location).text).toBe(location);
    }
  });
});
