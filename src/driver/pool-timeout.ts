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
  const held = holders
    .map(
      ({ label, age, statement }) =>
        `"${label}" for ${age.toFixed(1)} s${statement ? `, last: ${shorten(statement)}` : ""}`,
    )
    .join("; ");
  return new PoolTimeoutError(
    `${wanted} did not come free for "${label}" within poolTimeout (${timeout / 1000} s). ` +
      `Held by: ${held || "nobody (connecting)"}. ` +
      (isSandbox
        ? "A sandbox has one connection: code that keeps two transactions open at once cannot run in it."
        : "Keep transactions short, or raise poolTimeout."),
    holders,
    { cause },
  );
}

function shorten(sql: string): string {
  const line = sql.replace(/\s+/g, " ").trim();
  return line.length > 120 ? `${line.slice(0, 117)}…` : line;
}
