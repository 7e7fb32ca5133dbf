import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";

/** Whether this user may mount a disk of its own, as root in a container mostly may. */
export const canMount =
  spawnSync("unshare", ["--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).status === 0;

/** Makes the disk at a path read-only, or writable again. */
export function remount(path: string, how: "ro" | "rw"): void {
  const { status, stderr } = spawnSync("mount", ["-o", `remount,${how}`, path]);
  if (status !== 0) throw new Error(`mount: ${stderr}`);
}

/** A disk of `kilobytes` at a path, until the function that it returns is called. */
export function smallDisk(path: string, kilobytes: number): () => void {
  mkdirSync(path, { recursive: true });
  const { status, stderr } = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${kilobytes}k`, "tmpfs", path]);
  if (status !== 0) throw new Error(`mount: ${stderr}`);
  return () => {
    spawnSync("umount", [path]);
  };
}
