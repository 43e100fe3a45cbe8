/** What a reconnect delay depends on. */
export interface Backoff {
  /** Failures since the last success; 0 for the first retry. */
  readonly failures: number;
  readonly baseMs: number;
  readonly maxMs: number;
  /** The server's own wish (`Retry-After`), which is a lower bound. */
  readonly atLeastMs?: number | undefined;
  /** Uniform in [0, 1). */
  readonly random: number;
}

/**
 * `base × 2ⁿ`, capped, then spread over its upper half so that many clients do not return in one moment. A server's wish is
 * never undercut; the spread is then added on top of it.
 */
export function backoffMs(backoff: Backoff): number {
  const full = Math.min(backoff.maxMs, backoff.baseMs * 2 ** Math.min(backoff.failures, 30));
  const spread = (full / 2) * (1 + backoff.random);
  return Math.round(backoff.atLeastMs === undefined ? spread : backoff.atLeastMs + (full / 2) * backoff.random);
}

/** `Retry-After` in milliseconds: whole seconds or an HTTP date; undefined when absent or unreadable. */
export function retryAfterMs(header: string | null, nowMs: number): number | undefined {
  if (header === null || header.trim() === "") return undefined;
  const seconds = /^\d+$/.test(header.trim()) ? Number(header) * 1_000 : Date.parse(header) - nowMs;
  return Number.isNaN(seconds) ? undefined : Math.max(0, seconds);
}
