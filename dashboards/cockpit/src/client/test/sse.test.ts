import { describe, expect, it } from "vitest";
import { LineTooLongError, SseParser, type SseItem } from "../src/sse.ts";

const encoder = new TextEncoder();

function parse(text: string, cut = text.length): SseItem[] {
  const parser = new SseParser(1_000);
  const bytes = encoder.encode(text);
  const items: SseItem[] = [];
  for (let at = 0; at < bytes.length; at += cut) items.push(...parser.push(bytes.subarray(at, at + cut)));
  return items;
}

const message = (data: string, id?: string, event = ""): SseItem => ({ kind: "message", event, data, id });

describe("the event stream parser", () => {
  it("reads one frame with id, name and data in any order", () => {
    expect(parse("data: {}\nid: 7\nevent: tick\n\n")).toEqual([message("{}", "7", "tick")]);
  });

  it.each(["\n", "\r", "\r\n"])("takes %j as a line end", (end) => {
    const text = ["id: 1", "data: a", "data: b", "", ": comment", "data: c", "", ""].join(end);
    expect(parse(text)).toEqual([message("a\nb", "1"), message("c")]);
  });

  it("gives the same answer wherever the chunks are cut", () => {
    const text = '\uFEFFretry: 1500\r\n\r\nid: ä1\r\ndata: {"name":"Zoë 🛩 北京"}\r\n\r\nid: 2\rdata: x\r\rdata: y\n\n';
    const whole = parse(text);
    expect(whole).toHaveLength(4);
    for (let cut = 1; cut <= 24; cut++) expect(parse(text, cut)).toEqual(whole);
  });

  it("drops an event that the end of the stream cut off", () => {
    expect(parse("data: whole\n\nid: 9\ndata: half\n")).toEqual([message("whole")]);
  });

  it("moves the position by an id without data and delivers nothing", () => {
    expect(parse("id: c1\n\n")).toEqual([{ kind: "position", id: "c1" }]);
  });

  it("ignores comments, unknown fields, ids with NUL and a retry that is no number", () => {
    expect(parse(": hi\nfoo: bar\nid: a\0b\nretry: 5s\ndata\n\n")).toEqual([message("")]);
  });

  it("removes one space after the colon and no more", () => {
    expect(parse("data:  two\ndata:none\n\n")).toEqual([message(" two\nnone")]);
  });

  it("refuses a line without end", () => {
    expect(() => parse(`data: ${"x".repeat(2_000)}`, 100)).toThrow(LineTooLongError);
  });
});
