import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { EventStream, Session, SharedStream, type Control, type EventEnvelope } from "../src/index.ts";
import { eventOf, idsOf, MemoryStorage } from "./support/events.ts";
import { Locks } from "./support/locks.ts";
import { StreamServer, until } from "./support/stream-server.ts";

let server: StreamServer;
let locks: Locks;
let storage: MemoryStorage;
let tabs: SharedStream[];

beforeEach(async () => {
  server = await StreamServer.start();
  locks = new Locks();
  storage = new MemoryStorage();
  tabs = [];
});

afterEach(async () => {
  for (const tab of tabs) tab.stop();
  await server.stop();
});

/** One browser tab. */
function openTab(token = "t1", leaderSilenceMaxMs?: number) {
  const open = () =>
    new EventStream({
      url: server.url(),
      session: new Session({ token: () => token }),
      scope: { tenant: "s3", user: "u1" },
      storage,
      limits: { backoffBaseMs: 10, backoffMaxMs: 20, cursorWriteMs: 1 },
    });
  const stream = new SharedStream({ name: "s3:u1", open, locks, ...(leaderSilenceMaxMs ? { leaderSilenceMaxMs } : {}) });
  const events: EventEnvelope[] = [];
  const controls: Control[] = [];
  stream.onEvents((batch) => events.push(...batch));
  stream.onControl((control) => controls.push(control));
  stream.start();
  tabs.push(stream);
  return { stream, events, controls, status: () => stream.getConnection().status };
}

describe("tabs of one user", () => {
  it("share one connection and all get its events and control frames", async () => {
    const [one, two] = [openTab(), openTab()];
    const peer = (await server.peer(1)).accept().ready("c0").event("c1", eventOf(1));
    await until(() => one.events.length === 1 && two.events.length === 1, "the event in both tabs");
    await until(() => one.status() === "live" && two.status() === "live", "both live");
    peer.control("reset", { reason: "store_rebuilt", cursor: "c9" });
    await until(() => two.controls.some((control) => control.type === "reset"), "the reset in the second tab");
    expect(server.peers).toHaveLength(1);
  });

  it("a tab that comes later learns the state at once", async () => {
    const one = openTab();
    (await server.peer(1)).accept().ready("c0");
    await until(() => one.status() === "live", "live");
    const two = openTab();
    await until(() => two.status() === "live", "live in the second tab");
    expect(two.controls.map((control) => control.type)).toEqual(["ready"]);
  });

  it("the next tab takes over where the first one stopped, and nothing is shown twice", async () => {
    const [one, two] = [openTab(), openTab()];
    (await server.peer(1)).accept().ready("c0").event("c1", eventOf(1)).event("c2", eventOf(2));
    await until(() => two.events.length === 2, "both events in the second tab");
    one.stream.stop();
    const peer = await server.peer(2);
    expect(peer.header("last-event-id")).toBe("c2");
    peer.accept().event("c2", eventOf(2)).event("c3", eventOf(3)).ready("c3", 2);
    await until(() => two.events.length === 3, "the third event");
    expect(idsOf(two.events)).toEqual(idsOf([eventOf(1), eventOf(2), eventOf(3)]));
  });

  it("a tab whose token is refused hands over to one that may have a better token", async () => {
    server.onPeer = (peer) => (peer.header("authorization") === "Bearer good" ? peer.accept().ready("c0") : peer.refuse(401));
    const [one, two] = [openTab("bad"), openTab("good")];
    await until(() => one.status() === "signed_out" && two.status() === "live", "the second tab live");
  });

  it("a tab can ask the holder to sync", async () => {
    const [one, two] = [openTab(), openTab()];
    (await server.peer(1)).accept().ready("c0");
    await until(() => two.status() === "live", "live");
    two.stream.sync();
    (await server.peer(2)).accept().ready("c0");
    await until(() => one.status() === "live", "live again");
  });

  it("take the connection from a holder that has fallen silent", async () => {
    const frozen = { request: locks.request };
    void frozen.request("s3:u1", {}, () => new Promise<void>(() => undefined)).catch(() => undefined);
    const tab = openTab("t1", 50);
    (await server.peer(1)).accept().ready("c0");
    await until(() => tab.status() === "live", "live");
  });

  it("without locks each has its own connection", async () => {
    const open = () =>
      new EventStream({ url: server.url(), session: new Session({ token: () => "t" }), scope: { tenant: "s3", user: "u1" } });
    const alone = new SharedStream({ name: "alone", open, locks: undefined });
    tabs.push(alone);
    alone.start();
    (await server.peer(1)).accept().ready("c0");
    await until(() => alone.getConnection().status === "live", "live");
  });

  it("with locks that the browser refuses each has its own connection, too", async () => {
    const refused = () => Promise.reject(new DOMException("denied", "SecurityError"));
    locks = { request: refused } as unknown as Locks;
    const [one, two] = [openTab(), openTab()];
    server.peers.forEach((peer) => peer.accept().ready("c0"));
    server.onPeer = (peer) => peer.accept().ready("c0");
    await until(() => one.status() === "live" && two.status() === "live", "both live");
    expect(server.peers).toHaveLength(2);
  });
});
