import { statSync } from "node:fs";
import { stat } from "node:fs/promises";

/** Device and inode of the file at a path, another one in its place having others; and whether it has 0 bytes. */
export async function identify(path: string): Promise<{ identity: string; isEmpty: boolean }> {
  const stats = await stat(path, { bigint: true });
  return { identity: identityOf(stats), isEmpty: stats.size === 0n };
}

/** Device and inode without a turn of the event loop; `undefined` if there is no such file. */
export function identifyNow(path: string): string | undefined {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stats && identityOf(stats);
}

function identityOf({ dev, ino }: { readonly dev: bigint; readonly ino: bigint }): string {
  return `${dev}:${ino}`;
}
