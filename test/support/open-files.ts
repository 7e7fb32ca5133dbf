import { readdirSync, readlinkSync } from "node:fs";

/** The files below `prefix` that this process has open, sorted; deleted ones end in " (deleted)". Linux only. */
export function openFiles(prefix: string): string[] {
  const files: string[] = [];
  for (const descriptor of readdirSync("/proc/self/fd")) {
    try {
      const file = readlinkSync(`/proc/self/fd/${descriptor}`);
      if (file.startsWith(prefix)) files.push(file);
    } catch {
      // Closed meanwhile, as is the one that the folder was read through.
    }
  }
  return files.sort();
}
