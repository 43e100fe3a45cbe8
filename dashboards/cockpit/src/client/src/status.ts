/**
 * - `connecting`: the first attempt since the start.
 * - `syncing`: the server has answered and the gap is being replayed, or an orderly end is being followed by a new attempt.
 * - `live`: caught up.
 * - `stale`: nothing heard for too long; a new attempt is under way.
 * - `offline`: no connection; a retry is planned or the browser has no network.
 * - `signed_out`: the server refused the caller; only a new start leaves this state.
 * - `idle`: not started, or stopped by the application.
 */
export type Status = "idle" | "connecting" | "syncing" | "live" | "stale" | "offline" | "signed_out";

/** What happened to the connection. */
export type Signal = "start" | "stop" | "accepted" | "caught_up" | "ended" | "lost" | "silent" | "refused";

const following: Readonly<Record<Status, Partial<Record<Signal, Status>>>> = {
  idle: {},
  connecting: { accepted: "syncing", ended: "syncing", lost: "offline", silent: "stale", refused: "signed_out" },
  syncing: { caught_up: "live", lost: "offline", silent: "stale", refused: "signed_out" },
  live: { ended: "syncing", lost: "offline", silent: "stale", refused: "signed_out" },
  stale: { accepted: "syncing", ended: "syncing", lost: "offline", refused: "signed_out" },
  offline: { accepted: "syncing", ended: "syncing", refused: "signed_out" },
  signed_out: {},
};

/** The next state; signals that mean nothing in a state leave it as it is. */
export function nextStatus(status: Status, signal: Signal): Status {
  if (signal === "start") return "connecting";
  if (signal === "stop") return "idle";
  return following[status][signal] ?? status;
}

/** A snapshot of the connection. A new object per change, so that it can be compared by identity. */
export interface Connection {
  readonly status: Status;
  /** Unix milliseconds of the last byte from the server, of any kind; undefined before the first. */
  readonly heardAt: number | undefined;
  /** Unix milliseconds of the next attempt while one is planned. */
  readonly retryAt: number | undefined;
  /** Why the connection last ended, as a stable word or an HTTP status; undefined after a success. */
  readonly reason: string | undefined;
  /** Events delivered since the start, duplicates not counted. */
  readonly received: number;
  /** Events replayed by the last resume, as the server counted them. */
  readonly replayed: number;
}

export const idleConnection: Connection = {
  status: "idle",
  heardAt: undefined,
  retryAt: undefined,
  reason: undefined,
  received: 0,
  replayed: 0,
};
