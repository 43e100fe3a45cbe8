import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { EventStream, Session, type Control, type EventEnvelope, type StreamLimits } from "../src/index.ts";
import { eventOf, eventsOf, idsOf, MemoryStorage } from "./support/events.ts";
import { StreamServer, until } from "./support/stream-server.ts";

const quick: Partial<StreamLimits> = { backoffBaseMs: 10, backoffMaxMs: 40, serverDelayMinMs: 1, cursorWriteMs: 5 };

let server: StreamServer;
let stream: EventStream | undefined;

interface Setup {
  limits?: Partial<StreamLimits>;
  storage?: MemoryStorage;
  user?: string;
  tokens?: (string | undefined)[];
  surroundings?: EventTarget;
  beginAt?: () => Promise<string | undefined>;
}

/** A stream against the server, with everything that it delivers. */
function open({ limits = {}, storage, user = "u1", tokens = ["t1"], surroundings, beginAt }: Setup = {}) {
  const [first, ...later] = tokens;
  let token = first;
  let refreshes = 0;
  const refresh = async () => {
    refreshes++;
    const next = later.shift();
    token = next ?? token;
    return next;
  };
  const events: EventEnvelope[] = [];
  const replayed: string[] = [];
  const controls: Control[] = [];
  const opened = new EventStream({
    url: server.url(),
    session: new Session({ token: () => token, refresh }),
    scope: { tenant: "s3", user },
    storage,
    limits: { ...quick, ...limits },
    random: () => 0.5,
    surroundings,
    beginAt,
  });
  opened.onEvents((batch, replay) => {
    events.push(...batch);
    if (replay) replayed.push(...idsOf(batch));
  });
  opened.onControl((control) => controls.push(control));
  stream = opened;
  opened.start();
  return { stream: opened, events, replayed, controls, refreshes: () => refreshes, status: () => opened.getConnection().status };
}

beforeEach(async () => {
  server = await StreamServer.start();
});

afterEach(async () => {
  stream?.stop();
  await server.stop();
});

describe("a stream", () => {
  it("sends the token as a header, never in the address, and becomes live", async () => {
    const { status } = open();
    const peer = await server.peer(1);
    expect(peer.request.url).toBe("/api/events");
    expect(peer.header("authorization")).toBe("Bearer t1");
    expect(peer.header("accept")).toBe("text/event-stream");
    expect(peer.header("last-event-id")).toBeUndefined();
    expect(status()).toBe("connecting");
    peer.accept().write("retry: 20\n: hello\n\n");
    await until(() => status() === "syncing", "syncing");
    peer.ready("c0");
    await until(() => status() === "live", "live");
  });

  it("delivers events in order, and counts them", async () => {
    const { stream, events } = open();
    const peer = (await server.peer(1)).accept().ready("c0");
    eventsOf(1, 50).forEach((event, index) => peer.event(`c${index + 1}`, event));
    await until(() => events.length === 50, "50 events");
    expect(idsOf(events)).toEqual(idsOf(eventsOf(1, 50)));
    expect(stream.getConnection().received).toBe(50);
  });

  it("takes named events as well, for servers that name them", async () => {
    const { events } = open();
    (await server.peer(1)).accept().write(`id: c1\nevent: ${eventOf(1).type}\ndata: ${JSON.stringify(eventOf(1))}\n\n`);
    await until(() => events.length === 1, "the event");
  });

  it("puts events together whose bytes arrive one by one", async () => {
    const { events } = open();
    const peer = (await server.peer(1)).accept();
    const text = `id: c1\r\ndata: ${JSON.stringify(eventOf(1, { message: "Zoë 🛩 北京" }))}\r\n\r\n`;
    for (const byte of new TextEncoder().encode(text)) {
      peer.write(new Uint8Array([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => events.length === 1, "the event");
    expect(events[0]?.message).toBe("Zoë 🛩 北京");
  });

  it("skips an event that it cannot read and goes on", async () => {
    const { events } = open();
    (await server.peer(1)).accept().write("id: c1\ndata: {nonsense\n\n").event("c2", eventOf(2));
    await until(() => events.length === 1, "the second event");
  });
});

describe("resume", () => {
  it("continues after the last whole frame when the connection dies inside one", async () => {
    const { events, replayed, status } = open();
    const first = (await server.peer(1)).accept().ready("c0").event("c1", eventOf(1)).event("c2", eventOf(2));
    await until(() => events.length === 2, "two events");
    first.write(`id: c3\ndata: {"id":"event-0000`);
    first.destroy();
    const second = await server.peer(2);
    expect(second.header("last-event-id")).toBe("c2");
    second.accept().event("c3", eventOf(3)).ready("c3", 1).event("c4", eventOf(4));
    await until(() => events.length === 4, "four events");
    expect(idsOf(events)).toEqual(idsOf(eventsOf(1, 4)));
    expect(replayed).toEqual(idsOf([eventOf(3)]));
    expect(status()).toBe("live");
    expect(stream?.getConnection().replayed).toBe(1);
  });

  it("shows an event once although the server sends it again", async () => {
    const { events } = open();
    const first = (await server.peer(1)).accept().event("c1", eventOf(1)).event("c2", eventOf(2));
    await until(() => events.length === 2, "two events");
    first.destroy();
    (await server.peer(2)).accept().event("c1", eventOf(1)).event("c2", eventOf(2)).event("c3", eventOf(3));
    await until(() => events.length === 3, "the third");
    expect(idsOf(events)).toEqual(idsOf(eventsOf(1, 3)));
  });

  it("works from the priming id when nothing else had come", async () => {
    open();
    const first = (await server.peer(1)).accept().write("id: c0\n\n");
    await until(() => stream?.getConnection().heardAt !== undefined, "the priming frame");
    first.write(": bye\n\n");
    first.response.end();
    expect((await server.peer(2)).header("last-event-id")).toBe("c0");
  });

  it("moves with heartbeats and with ready", async () => {
    const { controls } = open();
    const first = (await server.peer(1)).accept().ready("c5").control("heartbeat", { ts: 1.5, cursor: "c7" });
    await until(() => controls.length === 2, "the heartbeat");
    first.destroy();
    expect((await server.peer(2)).header("last-event-id")).toBe("c7");
  });

  it("remembers the position per tenant and user over page loads", async () => {
    const storage = new MemoryStorage();
    const one = open({ storage });
    (await server.peer(1)).accept().event("c1", eventOf(1));
    await until(() => one.events.length === 1, "the event");
    one.stream.stop();
    expect(storage.keys()).toEqual(["slipstream.cursor:s3:u1:"]);
    const other = open({ storage, user: "u2" });
    expect((await server.peer(2)).header("last-event-id")).toBeUndefined();
    other.stream.stop();
    open({ storage });
    expect((await server.peer(3)).header("last-event-id")).toBe("c1");
  });

  it("begins where the application says, when nothing is remembered", async () => {
    const storage = new MemoryStorage();
    let asked = 0;
    const beginAt = async () => `a${++asked}`;
    const one = open({ storage, beginAt });
    expect((await server.peer(1)).header("last-event-id")).toBe("a1");
    one.stream.stop();
    open({ storage, beginAt });
    expect((await server.peer(2)).header("last-event-id")).toBe("a1");
    expect(asked).toBe(1);
  });

  it.each<[string, () => Promise<string | undefined>]>([
    ["fails", () => Promise.reject(new Error("no history"))],
    ["knows nothing", () => Promise.resolve(undefined)],
    ["does not answer", () => new Promise(() => undefined)],
  ])("begins live when the application %s", async (_, beginAt) => {
    open({ beginAt, limits: { beginWaitMaxMs: 30 } });
    expect((await server.peer(1)).header("last-event-id")).toBeUndefined();
  });

  it("does not use a remembered position that is too old", async () => {
    const storage = new MemoryStorage();
    storage.setItem("slipstream.cursor:s3:u1:", JSON.stringify({ cursor: "c1", savedAt: Date.now() - 13 * 3_600_000 }));
    open({ storage });
    expect((await server.peer(1)).header("last-event-id")).toBeUndefined();
  });

  it("lives with a storage that refuses", async () => {
    const refuse = () => {
      throw new Error("denied");
    };
    const storage = Object.assign(new MemoryStorage(), { getItem: refuse, setItem: refuse, removeItem: refuse });
    const { events } = open({ storage });
    (await server.peer(1)).accept().event("c1", eventOf(1));
    await until(() => events.length === 1, "the event");
  });
});

describe("control frames", () => {
  it("reset: forgets the cursor, takes the given one, tells the application", async () => {
    const { controls, events } = open();
    const first = (await server.peer(1)).accept().event("c1", eventOf(1));
    first.control("reset", { reason: "store_rebuilt", code: "store_rebuilt", lastEventId: "c1", cursor: "n1" }).ready("n1");
    await until(() => controls.length === 2, "reset and ready");
    expect(controls[0]).toEqual({ type: "reset", reason: "store_rebuilt", code: "store_rebuilt", cursor: "n1" });
    expect(events).toHaveLength(1);
    first.destroy();
    expect((await server.peer(2)).header("last-event-id")).toBe("n1");
  });

  it("reset without a cursor: the next request carries none", async () => {
    const { controls } = open();
    const first = (await server.peer(1)).accept().event("c1", eventOf(1)).control("reset", { reason: "cursor_unknown" });
    await until(() => controls.length === 1, "reset");
    first.destroy();
    expect((await server.peer(2)).header("last-event-id")).toBeUndefined();
  });

  it("notice: reaches the application before the events that it announces", async () => {
    const order: string[] = [];
    const { stream } = open();
    stream.onControl((control) => order.push(control.type));
    stream.onEvents((events) => order.push(...idsOf(events)));
    const peer = (await server.peer(1)).accept();
    peer.write(
      `event: notice\ndata: {"type":"notice","reason":"served_from_archive","count":1}\n\n` +
        `id: c1\ndata: ${JSON.stringify(eventOf(1))}\n\nevent: ready\ndata: {"cursor":"c1","replayed":1}\n\n`,
    );
    await until(() => order.length === 3, "all three");
    expect(order).toEqual(["notice", "event-000001", "ready"]);
  });

  it("close with reconnect: comes back, at the same place", async () => {
    const { status, events } = open();
    const first = (await server.peer(1)).accept().ready("c0").event("c1", eventOf(1));
    await until(() => events.length === 1, "the event");
    first.control("close", { reason: "server_shutdown", reconnect: true });
    await until(() => status() === "syncing", "syncing");
    const second = await server.peer(2);
    expect(second.header("last-event-id")).toBe("c1");
    expect(first.closed).toBe(true);
  });

  it("close without reconnect: stays away and says why", async () => {
    const { stream, status } = open();
    (await server.peer(1)).accept().ready("c0").control("close", { reason: "access_revoked", reconnect: false });
    await until(() => status() === "signed_out", "signed out");
    expect(stream.getConnection().reason).toBe("access_revoked");
    expect(server.peers).toHaveLength(1);
  });

  it("close because the token expired: gets a new one and resumes", async () => {
    open({ tokens: ["t1", "t2"] });
    (await server.peer(1)).accept().ready("c3").control("close", { reason: "token_expired", reconnect: true });
    const second = await server.peer(2);
    expect(second.header("authorization")).toBe("Bearer t2");
    expect(second.header("last-event-id")).toBe("c3");
  });

  it("expiring: moves to a new token before the server has to close", async () => {
    const { refreshes } = open({ tokens: ["t1", "t2"] });
    const first = (await server.peer(1)).accept().ready("c3").control("expiring", {});
    const second = await server.peer(2);
    expect(second.header("authorization")).toBe("Bearer t2");
    expect(refreshes()).toBe(1);
    await until(() => first.closed, "the end of the first connection");
  });

  it("expiring without a new token: stays until the server closes", async () => {
    const { refreshes, status, events } = open({ tokens: ["t1"] });
    const first = (await server.peer(1)).accept().ready("c3").control("expiring", {});
    await until(() => refreshes() === 1, "the attempt");
    first.event("c4", eventOf(4));
    await until(() => events.length === 1, "the event");
    expect(status()).toBe("live");
  });
});

describe("refusals", () => {
  it.each([401, 403])("%i: one new token is tried, then the stream is signed out", async (code) => {
    const { status, refreshes, stream } = open({ tokens: ["t1", "t2", "t3"] });
    (await server.peer(1)).refuse(code, { code: "token_invalid" });
    const second = await server.peer(2);
    expect(second.header("authorization")).toBe("Bearer t2");
    second.refuse(code, { code: "token_invalid" });
    await until(() => status() === "signed_out", "signed out");
    expect(refreshes()).toBe(1);
    expect(stream.getConnection().reason).toBe("token_invalid");
    expect(server.peers).toHaveLength(2);
  });

  it("a new token that is accepted makes the next refusal refreshable again", async () => {
    const { status } = open({ tokens: ["t1", "t2", "t3"] });
    (await server.peer(1)).refuse(401);
    const second = (await server.peer(2)).accept().ready("c0");
    await until(() => status() === "live", "live");
    second.destroy();
    (await server.peer(3)).refuse(401);
    expect((await server.peer(4)).header("authorization")).toBe("Bearer t3");
  });

  it("no stream without a token", async () => {
    const { status } = open({ tokens: [undefined] });
    await until(() => status() === "signed_out", "signed out");
    expect(server.peers).toHaveLength(0);
  });

  it("a disabled user is signed out without another attempt", async () => {
    const { status, refreshes } = open({ tokens: ["t1", "t2"] });
    (await server.peer(1)).refuse(400, { code: "user_inactive" });
    await until(() => status() === "signed_out", "signed out");
    expect(refreshes()).toBe(0);
  });

  it("starts again after a sign-out when it is told to", async () => {
    const { status, stream } = open();
    (await server.peer(1)).refuse(401);
    await until(() => status() === "signed_out", "signed out");
    stream.start();
    (await server.peer(2)).accept().ready("c0");
    await until(() => status() === "live", "live");
  });

  it.each([429, 503])("%i: waits as long as Retry-After says", async (code) => {
    const { stream } = open();
    (await server.peer(1)).refuse(code, {}, { "retry-after": "7" });
    const { retryAt } = await until(() => (stream.getConnection().retryAt ? stream.getConnection() : undefined), "a planned retry");
    expect(stream.getConnection().status).toBe("offline");
    const waitMs = (retryAt ?? 0) - Date.now();
    expect(waitMs).toBeGreaterThan(6_500);
    expect(waitMs).toBeLessThan(7_500);
  });

  it("an answer that is no event stream is a failure, not silence", async () => {
    const { stream } = open({ limits: { backoffBaseMs: 5_000 } });
    const peer = await server.peer(1);
    peer.response.writeHead(200, { "content-type": "text/html" });
    peer.response.end("<!doctype html>");
    await until(() => stream.getConnection().status === "offline", "offline");
    expect(stream.getConnection().reason).toBe("not_an_event_stream");
  });
});

describe("liveness", () => {
  it("silence: the connection is stale and made anew", async () => {
    const { stream, status } = open({ limits: { staleAfterMs: 60 } });
    const seen: string[] = [];
    stream.subscribe(() => seen.push(stream.getConnection().status));
    (await server.peer(1)).accept().ready("c1");
    const second = await server.peer(2);
    expect(seen).toContain("stale");
    expect(second.header("last-event-id")).toBe("c1");
    second.accept().ready("c1");
    await until(() => status() === "live", "live again");
  });

  it("comments and heartbeats count as life", async () => {
    const { status } = open({ limits: { staleAfterMs: 400 } });
    const peer = (await server.peer(1)).accept().ready("c1");
    const beat = setInterval(() => peer.write(": hb\n\n"), 50);
    await new Promise((resolve) => setTimeout(resolve, 700));
    clearInterval(beat);
    expect(status()).toBe("live");
    expect(server.peers).toHaveLength(1);
  });

  it("a server that never answers counts as silent too", async () => {
    open({ limits: { staleAfterMs: 60 } });
    await server.peer(2);
  });

  it("sync reconnects at once and resumes", async () => {
    const { stream, status } = open({ limits: { backoffBaseMs: 60_000, backoffMaxMs: 60_000 } });
    (await server.peer(1)).accept().ready("c1");
    await until(() => status() === "live", "live");
    stream.sync();
    expect(status()).toBe("syncing");
    const second = await server.peer(2);
    expect(second.header("last-event-id")).toBe("c1");
    second.destroy();
    await until(() => status() === "offline", "offline");
    stream.sync();
    (await server.peer(3)).accept().ready("c1");
    await until(() => status() === "live", "live");
  });

  it.each(["online", "offline"])("the browser's %s reconnects at once", async (name) => {
    const surroundings = new EventTarget();
    const { status } = open({ surroundings, limits: { backoffBaseMs: 60_000, backoffMaxMs: 60_000 } });
    (await server.peer(1)).refuse(500);
    await until(() => status() === "offline", "offline");
    surroundings.dispatchEvent(new Event(name));
    (await server.peer(2)).accept().ready("c1");
    await until(() => status() === "live", "live");
  });

  it("stop ends the connection and all attempts", async () => {
    const { stream, status } = open();
    const peer = (await server.peer(1)).accept().ready("c1");
    await until(() => status() === "live", "live");
    stream.stop();
    await until(() => peer.closed, "the server to notice");
    expect(status()).toBe("idle");
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(server.peers).toHaveLength(1);
  });
});
