/** Every bound of the client, in one place, with what happens when it is reached. */
export interface StreamLimits {
  /** First reconnect delay, until the server names another with `retry:`. */
  readonly backoffBaseMs: number;
  /** Longest reconnect delay, before `Retry-After` is taken into account. */
  readonly backoffMaxMs: number;
  /** A longer `Retry-After` or `retry:` is cut to this, so that a typing error cannot park a client for a day. */
  readonly serverDelayMaxMs: number;
  /** A shorter `retry:` is raised to this, so that a typing error cannot make a client hammer the server. */
  readonly serverDelayMinMs: number;
  /** Silence after which the connection counts as stale and is made anew. Any byte, also a heartbeat, ends the silence. */
  readonly staleAfterMs: number;
  /** Ids remembered for duplicate suppression; the oldest is forgotten first. */
  readonly seenIdsMax: number;
  /** Longest SSE line in UTF-16 units. A longer one ends the connection: the peer is not speaking our protocol. */
  readonly lineCharsMax: number;
  /** Cursor writes to storage are collected for this long. */
  readonly cursorWriteMs: number;
  /** Longest wait for the application to say where to begin; then the stream begins live. */
  readonly beginWaitMaxMs: number;
  /** A remembered cursor older than this is not used on a cold start; the page begins live and reads history instead. */
  readonly cursorAgeMaxMs: number;
}

export const defaultStreamLimits: StreamLimits = {
  backoffBaseMs: 2_000,
  backoffMaxMs: 15_000,
  serverDelayMaxMs: 300_000,
  serverDelayMinMs: 100,
  staleAfterMs: 45_000,
  seenIdsMax: 4_096,
  lineCharsMax: 1_048_576,
  cursorWriteMs: 500,
  beginWaitMaxMs: 5_000,
  cursorAgeMaxMs: 12 * 3_600_000,
};

/** Quiet time after the last event of a burst before its query keys are refreshed. */
export const invalidateQuietMs = 350;
/** Longest wait from the first event of a burst: an endless burst still refreshes this often. */
export const invalidateWaitMaxMs = 3_500;
/** Events kept by a feed; the oldest fall out (history still has them). */
export const feedItemsMax = 1_500;
/** History answers remembered for `If-None-Match`; the least recently used is dropped. */
export const historyCacheMax = 32;
/** Silence of the tab that holds the shared connection before another takes over. Background timers may sleep for 60 s. */
export const leaderSilenceMaxMs = 75_000;
