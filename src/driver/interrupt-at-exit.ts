/** What runs statements that can be interrupted. */
interface Interruptible {
  isBusy(): boolean;
  interrupt(): void;
}

/** Milliseconds in which a statement that was just sent begins on its thread; before that it cannot be interrupted. */
const BEGUN_AFTER = 100;
const PAUSE = 2;

const open = new Set<Interruptible>();

function interruptAll(): void {
  const busy = [...open].filter((connection) => connection.isBusy());
  if (busy.length === 0) return;
  const end = performance.now() + BEGUN_AFTER;
  const never = new Int32Array(new SharedArrayBuffer(4));
  // No callback comes any more that would tell when they have ended.
  while (performance.now() < end) {
    for (const connection of busy) connection.interrupt();
    Atomics.wait(never, 0, 0, PAUSE);
  }
}

/**
 * Interrupts what runs on a connection when the process exits: libuv joins its threads then, and `process.exit()` would
 * wait for the last row of the last statement. Returns what ends that; to be called before the handle is closed.
 */
export function interruptAtExit(connection: Interruptible): () => void {
  if (open.size === 0) process.on("exit", interruptAll);
  open.add(connection);
  return () => {
    open.delete(connection);
    if (open.size === 0) process.off("exit", interruptAll);
  };
}
