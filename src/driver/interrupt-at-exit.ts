/** What runs statements that can be interrupted. */
interface Interruptible {
  interrupt(): void;
}

const open = new Set<Interruptible>();

function interruptAll(): void {
  for (const handle of open) handle.interrupt();
}

/**
 * Interrupts what runs on `handle` when the process exits: libuv joins its threads then, and `process.exit()` would wait
 * for the last row of the last statement. Returns what ends that; to be called before the handle is closed.
 */
export function interruptAtExit(handle: Interruptible): () => void {
  if (open.size === 0) process.on("exit", interruptAll);
  open.add(handle);
  return () => {
    open.delete(handle);
    if (open.size === 0) process.off("exit", interruptAll);
  };
}
