import { describe, expect, it } from "vitest";
import { backoffMs, retryAfterMs } from "../src/backoff.ts";
import { parseControl } from "../src/control.ts";
import { parseEnvelope, moduleOf, severityOf } from "../src/envelope.ts";
import { SeenIds } from "../src/seen.ts";
import { nextStatus, type Signal, type Status } from "../src/status.ts";
import { eventOf } from "./support/events.ts";

describe("reconnect delays", () => {
  const delay = (failures: number, random: number, atLeastMs?: number) =>
    backoffMs({ failures, random, atLeastMs, baseMs: 2_000, maxMs: 15_000 });

  it("double from 2 s to the cap of 15 s", () => {
    const longest = [0, 1, 2, 3, 4, 60].map((failures) => delay(failures, 0.999999));
    expect(longest).toEqual([2_000, 4_000, 8_000, 15_000, 15_000, 15_000]);
  });

  it("are spread over the upper half", () => {
    expect(delay(1, 0)).toBe(2_000);
    expect(delay(1, 0.5)).toBe(3_000);
  });

  it("never undercut what the server asked for", () => {
    expect(delay(0, 0, 30_000)).toBe(30_000);
    expect(delay(0, 0.5, 30_000)).toBe(30_500);
  });

  it("understand both forms of Retry-After", () => {
    const now = Date.parse("2026-01-01T00:00:00Z");
    expect(retryAfterMs("7", now)).toBe(7_000);
    expect(retryAfterMs("Thu, 01 Jan 2026 00:00:09 GMT", now)).toBe(9_000);
    expect(retryAfterMs("Wed, 31 Dec 2025 00:00:00 GMT", now)).toBe(0);
    expect(retryAfterMs("soon", now)).toBeUndefined();
    expect(retryAfterMs(null, now)).toBeUndefined();
  });
});

describe("the connection's state", () => {
  const walk = (...signals: Signal[]) => signals.reduce<Status>(nextStatus, "idle");

  it.each<[Status, Signal[]]>([
    ["connecting", ["start"]],
    ["syncing", ["start", "accepted"]],
    ["live", ["start", "accepted", "caught_up"]],
    ["offline", ["start", "lost"]],
    ["syncing", ["start", "lost", "accepted"]],
    ["live", ["start", "lost", "accepted", "caught_up"]],
    ["stale", ["start", "accepted", "caught_up", "silent"]],
    ["offline", ["start", "accepted", "caught_up", "silent", "lost"]],
    ["syncing", ["start", "accepted", "caught_up", "ended"]],
    ["signed_out", ["start", "refused"]],
    ["signed_out", ["start", "accepted", "caught_up", "refused", "lost", "accepted"]],
    ["connecting", ["start", "refused", "start"]],
    ["idle", ["start", "accepted", "caught_up", "stop"]],
    ["idle", ["accepted", "lost"]],
  ])("is %s after %j", (status, signals) => {
    expect(walk(...signals)).toBe(status);
  });
});

describe("control frames", () => {
  it("read a reset with its code and cursor", () => {
    const data = '{"type":"reset","reason":"last_event_id_out_of_window","code":"cursor_expired","lastEventId":"x","cursor":"c9"}';
    const expected = { type: "reset", reason: "last_event_id_out_of_window", code: "cursor_expired", cursor: "c9" };
    expect(parseControl("reset", data)).toEqual(expected);
  });

  it("survive a body that is not what they expect", () => {
    expect(parseControl("ready", "[]")).toEqual({ type: "ready", cursor: undefined, replayed: 0 });
    expect(parseControl("close", "no json")).toEqual({ type: "close", reason: "unknown", reconnect: true });
  });
});

describe("envelopes", () => {
  it("are refused without their required fields", () => {
    expect(parseEnvelope(JSON.stringify(eventOf(1)))).toEqual(eventOf(1));
    expect(parseEnvelope('{"id":"a"}')).toBeUndefined();
    expect(parseEnvelope("{")).toBeUndefined();
  });

  it("name their module and severity also in the older form", () => {
    const { module: _module, severity: _severity, ...older } = eventOf(1);
    expect(moduleOf(older)).toBe("cloudtrail");
    expect(severityOf(older)).toBe("info");
  });
});

describe("remembered ids", () => {
  it("forget the oldest first and stay within their bound", () => {
    const seen = new SeenIds(2);
    expect(["a", "b", "a", "c", "a"].map((id) => seen.add(id))).toEqual([true, true, false, true, true]);
    expect(seen.size).toBe(2);
  });
});
