// @vitest-environment happy-dom
import { act, renderHook } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { eventsOf, idsOf } from "../client/test/support/events.ts";
import { queryKeyOf } from "../realtime/realtime.ts";
import { filterOf, filterText, validateHistorySearch } from "./history/search.ts";
import { distinct } from "./history/use-history.ts";
import { validateLiveSearch } from "./live/search.ts";
import { countAbove, useHeld } from "./live/use-held.ts";

const newest = (count: number) => eventsOf(1, count).reverse();

describe("a held list", () => {
  function hold() {
    const held = renderHook(({ count, holding, key }) => useHeld(newest(count), holding, key), {
      initialProps: { count: 3, holding: false, key: "" },
    });
    const show = (count: number, holding: boolean, key = "") => {
      held.rerender({ count, holding, key });
      return held.result.current;
    };
    return { show, held };
  }

  it("does not move while it is held, counts what waits, and catches up afterwards", () => {
    const { show } = hold();
    expect(show(3, true).shown).toHaveLength(3);
    expect(show(5, true)).toMatchObject({ waiting: 2 });
    expect(show(5, true).shown).toHaveLength(3);
    expect(show(5, false)).toMatchObject({ waiting: 0 });
    expect(show(6, false).shown).toHaveLength(6);
  });

  it("shows what waits on demand and stays held", () => {
    const { show, held } = hold();
    show(3, true);
    show(5, true);
    act(() => held.result.current.release());
    expect(held.result.current.waiting).toBe(0);
    expect(show(7, true)).toMatchObject({ waiting: 2 });
  });

  it("is taken anew when the filter changes", () => {
    const { show } = hold();
    show(3, true);
    expect(show(5, true, "other").shown).toHaveLength(5);
  });

  it("counts by distance, also when its first row has fallen out of the feed", () => {
    expect(countAbove(newest(3), newest(5))).toBe(2);
    expect(countAbove(newest(3), eventsOf(10, 13).reverse())).toBe(4);
    expect(countAbove([], newest(2))).toBe(2);
  });
});

describe("the history page's address", () => {
  it("keeps the known filters and drops the rest", () => {
    expect(validateHistorySearch({ q: "x", module: "", token: "secret", severity: "error", entityId: 7 })).toEqual({
      q: "x",
      severity: "error",
    });
    expect(validateLiveSearch({ q: "x", range: "1h" })).toEqual({ q: "x" });
  });

  it("becomes the server's filter, relative ranges from a whole minute", () => {
    const now = Date.parse("2026-11-20T12:00:42.500Z");
    expect(filterOf({ range: "24h", severity: "error,critical" }, now)).toMatchObject({
      timeStart: "2026-11-19T12:00:00.000Z",
      severity: ["error", "critical"],
    });
    expect(filterOf({ range: "custom", from: "2026-11-01T00:00", to: "bad" }, now)).toMatchObject({
      timeStart: new Date("2026-11-01T00:00").toISOString(),
      timeEnd: undefined,
    });
  });

  it("is shown in words", () => {
    expect(filterText("entityType", "copilot.agent")).toBe("Entity type: copilot.agent");
    expect(filterText("from", "2026-11-01T08:00")).toBe("From: 2026-11-01 08:00");
  });
});

describe("history pages", () => {
  it("make one list without repeats", () => {
    const page = (from: number, to: number) => ({
      items: eventsOf(from, to).reverse(),
      nextCursor: undefined,
      archivedThrough: undefined,
    });
    expect(idsOf(distinct([page(4, 6), page(1, 4)]))).toEqual(idsOf(newest(6)));
  });
});

describe("query keys of the event map", () => {
  it("become TanStack keys; an entity's id keeps its colons", () => {
    expect(queryKeyOf("activity-history")).toEqual(["activity-history"]);
    expect(queryKeyOf("entity-history:cloudtrail.s3:arn:aws:s3:::b")).toEqual([
      "entity-history",
      "cloudtrail.s3",
      "arn:aws:s3:::b",
    ]);
  });
});
