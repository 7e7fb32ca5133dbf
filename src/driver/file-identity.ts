import { statSync } from "node:fs";
import { stat } from "node:fs/promises";

/** Device and inode of the file at a path: another one in its place has others. */
export async function identify(path: string): Promise<string> {
  return identityOf(await stat(path, { bigint: true }));
}

/** The same without a turn of the event loop; `undefined` if there is no such file. */
export function identifyNow(path: string): string | undefined {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stats && identityOf(stats);
}

function identityOf({ dev, ino }: { readonly dev: bigint; readonly ino: bigint }): string {
  return `${dev}:${ino}`;
}
