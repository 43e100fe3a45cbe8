export * from "./envelope.ts";
export { EventStream, type ControlListener, type EventSourceLike, type EventsListener, type StreamOptions } from "./stream.ts";
export { SharedStream, type SharedStreamOptions } from "./shared.ts";
export { Session, type Credentials } from "./session.ts";
export type { Connection, Status } from "./status.ts";
export type { Control } from "./control.ts";
export { forgetCursors, type KeyValueStorage, type Scope } from "./cursor.ts";
export { defaultStreamLimits, feedItemsMax, type StreamLimits } from "./limits.ts";
export {
  HistoryClient,
  type HistoryFilter,
  type HistoryOptions,
  type ArchivedThrough,
  type HistoryPage,
  type PageRequest,
} from "./history.ts";
export { Problem, problemOf } from "./problem.ts";
export { Invalidator, queryKeysOf, targetedKeys, type InvalidatorOptions } from "./invalidation.ts";
export { declarations, defaultQueryKeys, type Declaration, type EventType } from "./registry.generated.ts";
export { Feed, newestFirst, withArrived, withBreak, withHistory, emptyFeed, type FeedItems } from "./feed.ts";
