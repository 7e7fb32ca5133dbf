/** Resolves with `work`, or rejects as soon as the signal is aborted, whatever `work` still does. */
export async function unlessAborted<T>(work: Promise<T> | T, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return await work;
  const outcome = Promise.resolve(work);
  // What it rejects with after that concerns nobody any more.
  outcome.catch(() => {});
  let abort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
  try {
    return await Promise.race([outcome, aborted]);
  } finally {
    if (abort) signal.removeEventListener("abort", abort);
  }
}
