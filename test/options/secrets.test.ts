import { inspect } from "node:util";
import { describe as show } from "../../src/options/describe";
import { isSecretName, maskSecrets } from "../../src/options/secrets";

describe("maskSecrets", () => {
  test.each(["app.db", "sqlite:///a.db?mode=ro", "a:b", "user@host", "https://host/a", "file:///a@b.db", ""])(
    "%j has nothing to hide",
    (text) => {
      expect(maskSecrets(text)).toBe(text);
    },
  );

  test("a password may contain what ends a password, lines included", () => {
    expect(maskSecrets("redis://u:p@ss/w\n?#@host")).toBe("redis://u:***@host");
  });

  test("hides the values of query keys that sound secret, and those only", () => {
    expect(maskSecrets("a?user=ada&password=x&timeout=3&apiKey=y")).toBe(
      "a?user=ada&password=***&timeout=3&apiKey=***",
    );
  });
});

test("a name that is escaped hides its value too", () => {
  expect(maskSecrets("a?p%61ssword=x&%6Dode=ro&%E0key=y")).toBe("a?p%61ssword=***&%6Dode=ro&%E0key=***");
});

test("a name sounds secret in every spelling", () => {
  for (const name of ["password", "PASSWD", "pwd", "client_secret", "apiKey", "hexkey", "authToken"]) {
    expect(isSecretName(name)).toBe(true);
  }
  expect(isSecretName("poolSize")).toBe(false);
});

describe("describe", () => {
  test("shows plain values, and only the kind of objects", () => {
    const values = [
      5,
      "a",
      true,
      null,
      undefined,
      5n,
      Number.NaN,
      { password: "x" },
      ["x"],
      new Map(),
      class User {},
    ];
    expect(values.map(show)).toEqual([
      "5",
      "'a'",
      "true",
      "null",
      "undefined",
      "5n",
      "NaN",
      "[Object]",
      "[Array]",
      "Map(0) {}",
      "[class User]",
    ]);
  });

  test("stays on one line, short, and without passwords", () => {
    expect(show(new String("postgres://u:secret@h"))).toBe("[String: 'postgres://u:***@h']");
    expect(show(new Error("one\ntwo"))).toMatch(/^Error: one two .{1,50}…$/);
  });

  test("does not let a value describe itself", () => {
    expect(show({ [inspect.custom]: () => "secret" })).not.toContain("secret");
  });
});
