import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TemporaryFolder {
  /** Made when it is first asked for. */
  readonly path: string;
  /** The path of a file in it. */
  file(name: string): string;
}

/**
 * A folder of its own for each test of the file or `describe` that calls this; it is removed after the test.
 *
 * Jest runs `afterEach` hooks in the order in which they were declared, so this comes after whatever else has to
 * close its files first.
 */
export function temporaryFolder(): TemporaryFolder {
  let path: string | undefined;
  const current = (): string => {
    path ??= mkdtempSync(join(tmpdir(), "typeorm-sqlite-database-"));
    return path;
  };
  afterEach(() => {
    if (path !== undefined) rmSync(path, { recursive: true, force: true });
    path = undefined;
  });
  return {
    get path() {
      return current();
    },
    file: (name) => join(current(), name),
  };
}
