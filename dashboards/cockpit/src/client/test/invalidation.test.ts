import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { declarations, Invalidator, queryKeysOf, targetedKeys } from "../src/index.ts";
import { eventOf } from "./support/events.ts";

const ticket = (n: number, action = "created") =>
  eventOf(n, { type: `copilot.support_ticket.${action}`, entityType: "copilot.support_ticket", entityId: `t${n}`, action });

let refreshed: string[][];
let invalidator: Invalidator;

beforeEach(() => {
  vi.useFakeTimers();
  refreshed = [];
  invalidator = new Invalidator({ refresh: (keys) => refreshed.push([...keys]) });
});

afterEach(() => {
  vi.useRealTimers();
});

describe("the keys of an event", () => {
  it("are those of its type and of its entity", () => {
    expect(queryKeysOf(ticket(1))).toEqual([
      "tickets",
      "global-ops",
      "activity-history",
      "entity-history:copilot.support_ticket:t1",
    ]);
  });

  it("are those of its entity type when the type is not declared", () => {
    expect(queryKeysOf(ticket(1, "reopened"))).toContain("tickets");
  });

  it("are the default for a module that declares nothing", () => {
    expect(queryKeysOf(eventOf(1))).toEqual(["activity-history", "entity-history:cloudtrail.s3:arn:aws:s3:::baker221b"]);
  });
});

describe("the declarations", () => {
  it("are well formed: the entity type is the type without its action", () => {
    for (const { type, entityType } of declarations) expect(type.slice(0, type.lastIndexOf("."))).toBe(entityType);
  });
});

describe("a burst", () => {
  it("refreshes each key once, 350 ms after its last event", () => {
    invalidator.add([ticket(1)]);
    vi.advanceTimersByTime(300);
    invalidator.add([ticket(1), eventOf(2)]);
    vi.advanceTimersByTime(349);
    expect(refreshed).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(refreshed).toHaveLength(1);
    expect(refreshed[0]?.sort()).toEqual([
      "activity-history",
      "entity-history:cloudtrail.s3:arn:aws:s3:::baker221b",
      "entity-history:copilot.support_ticket:t1",
      "global-ops",
      "tickets",
    ]);
  });

  it("merges keys: a later event takes nothing from an earlier one", () => {
    invalidator.add([ticket(1)]);
    invalidator.add([eventOf(1)]);
    vi.advanceTimersByTime(350);
    expect(refreshed[0]).toContain("tickets");
  });

  it("that never ends still refreshes every 3.5 s", () => {
    for (let n = 0; n < 200; n++) {
      invalidator.add([eventOf(n)]);
      vi.advanceTimersByTime(50);
    }
    expect(refreshed.length).toBeGreaterThanOrEqual(2);
    expect(refreshed.length).toBeLessThanOrEqual(3);
  });

  it("after it, the next one starts from nothing", () => {
    invalidator.add([ticket(1)]);
    vi.advanceTimersByTime(400);
    invalidator.add([eventOf(2)]);
    vi.advanceTimersByTime(400);
    expect(refreshed[1]).not.toContain("tickets");
  });

  it("of a reset refreshes everything that events can refresh", () => {
    invalidator.reset();
    invalidator.add([eventOf(1)]);
    vi.advanceTimersByTime(350);
    expect(refreshed).toHaveLength(1);
    expect(refreshed[0]).toEqual(expect.arrayContaining([...targetedKeys]));
  });

  it("is dropped when the invalidator stops", () => {
    invalidator.add([eventOf(1)]);
    invalidator.stop();
    vi.advanceTimersByTime(5_000);
    expect(refreshed).toEqual([]);
  });
});
