import { describe, expect, it } from "vitest";
import { eventOf } from "../client/test/support/events.ts";
import { actorName, matches, sentenceOf, shortId } from "./event-text.ts";
import { tokensOf } from "./json-view.tsx";
import { severitiesOf } from "./severity.tsx";
import { ago, periodOf, relativeTime } from "./time.ts";

const now = new Date(2026, 10, 20, 12, 0, 0).getTime();
const before = (ms: number) => new Date(now - ms).toISOString();

describe("relative times", () => {
  it.each([
    [-2_000, "now"],
    [4_999, "now"],
    [12_000, "12 s ago"],
    [5 * 60_000, "5 min ago"],
    [3 * 3_600_000, "3 h ago"],
    [6 * 86_400_000, "6 d ago"],
  ])("%i ms ago is %j", (ms, text) => {
    expect(relativeTime(before(ms), now)).toBe(text);
  });

  it("become a date after a week, with the year when it is another", () => {
    expect(relativeTime(new Date(2026, 9, 3, 8, 5).toISOString(), now)).toBe("3 Oct, 08:05");
    expect(relativeTime(new Date(2023, 6, 10, 11, 42).toISOString(), now)).toBe("10 Jul 2023, 11:42");
  });

  it("show what cannot be read as it is", () => {
    expect(relativeTime("yesterday", now)).toBe("yesterday");
  });

  it("have a short form for lengths", () => {
    expect([0, 59_000, 61_000, 86_400_000].map(ago)).toEqual(["now", "59 s", "1 min", "1 d"]);
  });
});

describe("periods", () => {
  it.each([
    [new Date(2026, 10, 20, 0, 0), "Today"],
    [new Date(2026, 10, 19, 23, 59), "This week"],
    [new Date(2026, 10, 16, 0, 0), "This week"],
    [new Date(2026, 10, 15, 23, 59), "This month"],
    [new Date(2026, 10, 1, 0, 0), "This month"],
    [new Date(2026, 9, 31, 23, 59), "Older"],
  ])("%s is %s on Friday, 20 November", (date, period) => {
    expect(periodOf(date.toISOString(), now)).toBe(period);
  });
});

describe("an event's sentence", () => {
  it("is its message, or its entity type and action", () => {
    expect(sentenceOf(eventOf(1, { message: "Bucket policy was read" })).message).toBe("Bucket policy was read");
    expect(sentenceOf(eventOf(1, { message: "  " }))).toMatchObject({
      message: undefined,
      entityType: "cloudtrail.s3",
      action: "get_bucket_policy",
    });
  });

  it("names entities and actors by the telling part", () => {
    expect(shortId("arn:aws:iam::123837392027:user/benjamin")).toBe("benjamin");
    expect(shortId("arn:aws:s3:::baker221b")).toBe("baker221b");
    expect(shortId("0190c5e4-7a57")).toBe("0190c5e4-7a57");
    expect(actorName(null)).toBe("system");
    expect(actorName({ userId: "arn:aws:iam::1:role/ops" })).toBe("ops");
    expect(actorName({ userId: "u1", name: "Dana" })).toBe("Dana");
  });
});

describe("the feed's filter", () => {
  const all = { text: "", module: "", severity: [] };

  it("finds all words anywhere in what identifies an event", () => {
    expect(matches(eventOf(1), { ...all, text: "BENJAMIN bucket" })).toBe(true);
    expect(matches(eventOf(1), { ...all, text: "benjamin queue" })).toBe(false);
  });

  it("narrows by module and by any of several severities", () => {
    expect(matches(eventOf(1), { ...all, module: "copilot" })).toBe(false);
    expect(matches(eventOf(1, { severity: "error" }), { ...all, severity: ["error", "critical"] })).toBe(true);
    expect(matches(eventOf(1), { ...all, severity: ["error"] })).toBe(false);
  });

  it("reads severities from the address and drops what it does not know", () => {
    expect(severitiesOf("critical,loud,info")).toEqual(["info", "critical"]);
    expect(severitiesOf(undefined)).toEqual([]);
  });
});

describe("coloured JSON", () => {
  it("is the same text in parts", () => {
    const text = JSON.stringify({ a: 'x "y" \\', n: -1.5e3, t: true, z: null, list: ["1", {}] }, null, 2);
    const tokens = tokensOf(text);
    expect(tokens.map((token) => token.text).join("")).toBe(text);
    expect(tokens.filter((token) => token.kind === "key").map((token) => token.text)).toEqual([
      '"a"',
      '"n"',
      '"t"',
      '"z"',
      '"list"',
    ]);
    expect(tokens.filter((token) => token.kind === "text").map((token) => token.text)).toEqual(['"x \\"y\\" \\\\"', '"1"']);
  });
});
