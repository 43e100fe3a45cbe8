import { describe, expect, it, vi } from "vitest";
import { emptyFeed, Feed, feedItemsMax, withArrived, withBreak, withHistory, type FeedItems } from "../src/index.ts";
import { eventOf, eventsOf, idsOf } from "./support/events.ts";

const shown = (feed: FeedItems) => [...feed.arrived, ...feed.earlier].map((event) => Number(event.id.slice(-6)));
const page = (from: number, to: number) => eventsOf(from, to).reverse();

describe("a feed", () => {
  it("puts the newest arrival on top, also when it happened long ago", () => {
    const feed = withArrived(withHistory(emptyFeed, page(1, 3)), [eventOf(9), eventOf(8, { timestamp: "1999-01-01T00:00:00Z" })]);
    expect(shown(feed)).toEqual([8, 9, 3, 2, 1]);
  });

  it("shows an event once, whichever way it came first", () => {
    const streamFirst = withHistory(withArrived(emptyFeed, eventsOf(1, 3)), page(2, 5));
    expect(shown(streamFirst)).toEqual([3, 2, 1, 5, 4]);
    const historyFirst = withArrived(withHistory(emptyFeed, page(1, 4)), eventsOf(2, 5));
    expect(shown(historyFirst)).toEqual([5, 4, 3, 2, 1]);
  });

  it("returns the same object when nothing is new", () => {
    const feed = withHistory(withArrived(emptyFeed, eventsOf(1, 3)), page(1, 3));
    expect(withHistory(feed, page(1, 3))).toBe(feed);
    expect(withArrived(feed, eventsOf(1, 3))).toBe(feed);
  });

  it("takes duplicates inside one batch once", () => {
    expect(shown(withArrived(emptyFeed, [eventOf(1), eventOf(1), eventOf(2)]))).toEqual([2, 1]);
    expect(shown(withHistory(emptyFeed, [eventOf(2), eventOf(2), eventOf(1)]))).toEqual([2, 1]);
  });

  it("orders everything by time after a break", () => {
    const broken = withHistory(withBreak(withArrived(emptyFeed, eventsOf(1, 3))), page(6, 8));
    expect(broken.arrived).toEqual([]);
    expect(shown(broken)).toEqual([8, 7, 6, 3, 2, 1]);
  });

  it("keeps 1,500 and drops the oldest", () => {
    const feed = withArrived(withHistory(emptyFeed, page(1, 50)), eventsOf(51, 1_600));
    expect(shown(feed)).toHaveLength(feedItemsMax);
    expect(shown(feed)[0]).toBe(1_600);
    expect(shown(feed).at(-1)).toBe(101);
  });
});

describe("the feed's store", () => {
  it("tells of many arrivals once per turn", () => {
    const turns: (() => void)[] = [];
    const feed = new Feed((run) => turns.push(run));
    const changed = vi.fn();
    feed.subscribe(changed);
    for (const event of eventsOf(1, 100)) feed.arrive([event]);
    expect(turns).toHaveLength(1);
    turns[0]?.();
    expect(changed).toHaveBeenCalledTimes(1);
    expect(idsOf(feed.getItems().arrived)).toHaveLength(100);
  });

  it("does not lose arrivals that wait when history comes in between", () => {
    const turns: (() => void)[] = [];
    const feed = new Feed((run) => turns.push(run));
    feed.arrive(eventsOf(3, 4));
    feed.addHistory(page(1, 3));
    turns[0]?.();
    expect(shown(feed.getItems())).toEqual([4, 3, 2, 1]);
  });
});
