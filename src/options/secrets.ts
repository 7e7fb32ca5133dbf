/** What stands in a message where a password stood. */
const MASK = "***";

const SECRET_NAME = /pass|pwd|secret|token|key|credential|auth/i;

/** Whether the value under this name should stay out of messages and logs. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name);
}

/**
 * The text with passwords replaced by `***`: in `scheme://user:password@…`, and in query values whose key sounds
 * secret (`password=`, `token=`, `key=`, …). The rest stays readable.
 *
 * @example
 * maskSecrets("postgres://ada:lovelace@host/db"); // "postgres://ada:***@host/db"
 */
export function maskSecrets(text: string): string {
  return (
    text
      // Passwords are often pasted without escaping, with "/", "?" or "@" inside, so mask up to the last "@":
      // hiding too much of a location is harmless, showing half of a password is not. A user has no
      // slash, so "sqlite:///dir:1/a@b.db" stays as it is.
      .replace(/([a-z][\w+.-]+:\/{1,2}[^:/@]*:).*@/is, `$1${MASK}@`)
      // The same with the slashes forgotten: "postgres:ada:lovelace@host".
      .replace(/^(\s*[a-z][\w+.-]+:)(?!\/).*@/is, `$1${MASK}@`)
      .replace(/([?&]([^=&]*)=)[^&]*/g, (pair, before: string, name: string) =>
        isSecretName(unescaped(name)) ? before + MASK : pair,
      )
  );
}

/** Whoever reads the query decodes its names. */
function unescaped(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
