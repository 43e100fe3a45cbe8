import type { EventEnvelope } from "./envelope.ts";
import { feedItemsMax } from "./limits.ts";
import { Listeners } from "./listeners.ts";

/**
 * What a live feed shows: events of the stream in the order of their arrival, newest first, above the newest events of
 * history. Each id once, bounded.
 */
export interface FeedItems {
  /** Arrived on the stream; newest arrival first. */
  readonly arrived: readonly EventEnvelope[];
  /** Read from history and not seen on the stream; newest first by time. */
  readonly earlier: readonly EventEnvelope[];
}

export const emptyFeed: FeedItems = { arrived: [], earlier: [] };

/** Puts stream events (oldest first, as they come) on top. One that history had already is moved up to its place. */
export function withArrived(feed: FeedItems, events: readonly EventEnvelope[], max = feedItemsMax): FeedItems {
  const known = new Set(feed.arrived.map((event) => event.id));
  const fresh = events.filter((event) => !known.has(event.id) && known.add(event.id)).reverse();
  if (fresh.length === 0) return feed;
  const arrived = [...fresh, ...feed.arrived].slice(0, max);
  return bounded({ arrived, earlier: feed.earlier.filter((event) => !known.has(event.id)) }, max);
}

/** Adds what history has and the stream has not brought. */
export function withHistory(feed: FeedItems, page: readonly EventEnvelope[], max = feedItemsMax): FeedItems {
  const known = new Set([...feed.arrived, ...feed.earlier].map((event) => event.id));
  const fresh = page.filter((event) => !known.has(event.id) && known.add(event.id));
  if (fresh.length === 0) return feed;
  return bounded({ arrived: feed.arrived, earlier: [...feed.earlier, ...fresh].sort(newestFirst) }, max);
}

/** After a break in continuity the arrival order says nothing any more: everything is ordered by its own time. */
export function withBreak(feed: FeedItems): FeedItems {
  if (feed.arrived.length === 0) return feed;
  return { arrived: [], earlier: [...feed.arrived, ...feed.earlier].sort(newestFirst) };
}

/** Newest first by time, then by id, which is the order of history. */
export function newestFirst(a: EventEnvelope, b: EventEnvelope): number {
  const byTime = Date.parse(b.timestamp) - Date.parse(a.timestamp);
  if (byTime !== 0) return byTime;
  return a.id < b.id ? 1 : a.id > b.id ? -1 : 0;
}

/** Holds a feed outside of any view, and tells of changes at most once per `schedule`d turn. */
export class Feed {
  readonly #schedule: (run: () => void) => void;
  readonly #changed = new Listeners<[]>();
  #items = emptyFeed;
  #waiting: EventEnvelope[] = [];
  #scheduled = false;

  /** `schedule` runs its argument soon, for example before the next paint. */
  constructor(schedule: (run: () => void) => void = queueMicrotask) {
    this.#schedule = schedule;
  }

  readonly getItems = (): FeedItems => this.#items;

  readonly subscribe = (listener: () => void): (() => void) => this.#changed.add(listener);

  arrive(events: readonly EventEnvelope[]): void {
    this.#waiting.push(...events);
    if (this.#waiting.length > 2 * feedItemsMax) this.#waiting = this.#waiting.slice(-feedItemsMax);
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#schedule(() => {
      this.#scheduled = false;
      this.#set(this.#settled());
    });
  }

  addHistory(page: readonly EventEnvelope[]): void {
    this.#set(withHistory(this.#settled(), page));
  }

  /** The stream was reset. */
  break(): void {
    this.#set(withBreak(this.#settled()));
  }

  clear(): void {
    this.#waiting = [];
    this.#set(emptyFeed);
  }

  #settled(): FeedItems {
    const waiting = this.#waiting;
    this.#waiting = [];
    return withArrived(this.#items, waiting);
  }

  #set(items: FeedItems): void {
    if (items === this.#items) return;
    this.#items = items;
    this.#changed.tell();
  }
}

function bounded(feed: FeedItems, max: number): FeedItems {
  return { arrived: feed.arrived, earlier: feed.earlier.slice(0, Math.max(0, max - feed.arrived.length)) };
}
