import { type ConnectionHolder, PoolTimeoutError } from "../errors";
import type { Role } from "./admission";

interface Waited {
  readonly role: Role;
  /** Who waited. */
  readonly label: string;
  /** Milliseconds. */
  readonly timeout: number;
  readonly isSandbox: boolean;
}

/** What it was that did not come in time, who holds it, and what to do about it. */
export function poolTimeout(
  { role, label, timeout, isSandbox }: Waited,
  holders: readonly ConnectionHolder[],
  cause: Error,
): PoolTimeoutError {
  const wanted = role === "writer" ? "The writer's turn" : "A reader connection";
  return new PoolTimeoutError(
    `${wanted} did not come free for "${label}" within poolTimeout (${timeout / 1000} s). ` +
      `Held by: ${described(holders) || "nobody (connecting)"}. ` +
      (isSandbox
        ? "A sandbox has one connection: code that keeps two transactions open at once cannot run in it."
        : "Keep transactions short, or raise poolTimeout."),
    holders,
    { cause },
  );
}

/** What waited for a savepoint to end, which may itself wait for that. `timeout` is in milliseconds. */
export function savepointTimeout(
  { label, timeout }: Pick<Waited, "label" | "timeout">,
  holder: ConnectionHolder,
  cause: Error,
): PoolTimeoutError {
  return new PoolTimeoutError(
    `A savepoint in "${label}" did not end within poolTimeout (${timeout / 1000} s), and what comes after it waits. ` +
      `Held by: ${described([holder])}. If that one waits for this one, as for what both have asked a data loader for, ` +
      "neither goes on: await it before anything else in its session, or raise poolTimeout.",
    [holder],
    { cause },
  );
}

function described(holders: readonly ConnectionHolder[]): string {
  return holders
    .map(
      ({ label, age, statement }) =>
        `"${label}" for ${age.toFixed(1)} s${statement ? `, last: ${shorten(statement)}` : ""}`,
    )
    .join("; ");
}

function shorten(sql: string): string {
  const line = sql.replace(/\s+/g, " ").trim();
  return line.length > 120 ? `${line.slice(0, 117)}…` : line;
}
