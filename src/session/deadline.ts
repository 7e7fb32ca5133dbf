import { setMaxListeners } from "node:events";
import { anySignal } from "../driver/any-signal";
import { ConfigurationError, SessionTimeoutError } from "../errors";
import { describe } from "../options/describe";
import { inSeconds, MAX_SECONDS } from "../options/option-checks";

interface DeadlineOptions {
  /** Seconds. */
  readonly timeout?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The time that something has, and the signal that ends it early. */
export class Deadline {
  /** Aborted by the caller's signal, or with a `SessionTimeoutError`; `undefined` if nothing ends it. */
  readonly signal: AbortSignal | undefined;
  readonly #timer: NodeJS.Timeout | undefined;

  /** @throws ConfigurationError for a timeout that is none, or is meant in milliseconds */
  constructor(what: string, { timeout, signal }: DeadlineOptions) {
    if (timeout === undefined) {
      this.signal = heardByMany(signal);
      return;
    }
    if (typeof timeout !== "number" || !(timeout >= 0)) {
      throw new ConfigurationError(
        `timeout must be a number of seconds from 0 on (got ${describe(timeout)}).`,
      );
    }
    if (timeout > MAX_SECONDS) throw new ConfigurationError(`timeout ${inSeconds(timeout)} (got ${timeout})`);
    const timedOut = new AbortController();
    this.signal = heardByMany(anySignal(timedOut.signal, signal));
    this.#timer = setTimeout(() => {
      timedOut.abort(
        new SessionTimeoutError(
          `${what} did not end within its timeout (${timeout} s); it was rolled back.`,
          timeout,
        ),
      );
    }, timeout * 1000);
  }

  /** To be called when it is over. */
  end(): void {
    clearTimeout(this.#timer);
  }
}

/** Each statement that it may end listens to it, which Node takes for a leak when they are more than ten. */
function heardByMany(signal: AbortSignal | undefined): AbortSignal | undefined {
  if (signal) setMaxListeners(0, signal);
  return signal;
}
