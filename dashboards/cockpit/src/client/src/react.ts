import { useEffect, useSyncExternalStore } from "react";
import type { Control } from "./control.ts";
import type { EventEnvelope } from "./envelope.ts";
import type { Feed, FeedItems } from "./feed.ts";
import type { Connection } from "./status.ts";
import type { EventSourceLike } from "./stream.ts";

/** The connection of now; renders again when it changes. */
export function useConnection(stream: EventSourceLike): Connection {
  return useSyncExternalStore(
    (listener) => stream.subscribe(listener),
    () => stream.getConnection(),
  );
}

/** The feed of now; renders again when it changes. */
export function useFeed(feed: Feed): FeedItems {
  return useSyncExternalStore(feed.subscribe, feed.getItems);
}

/** Calls back for events while the component is mounted. Keep `listener` stable. */
export function useEvents(stream: EventSourceLike, listener: (events: readonly EventEnvelope[], replay: boolean) => void): void {
  useEffect(() => stream.onEvents(listener), [stream, listener]);
}

/** Calls back for control frames while the component is mounted. Keep `listener` stable. */
export function useControl(stream: EventSourceLike, listener: (control: Control) => void): void {
  useEffect(() => stream.onControl(listener), [stream, listener]);
}
