import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { EventStream, Session } from "../src/index.ts";
import { StreamServer, until } from "./support/stream-server.ts";

let server: StreamServer;

beforeEach(async () => {
  server = await StreamServer.start();
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
});

afterEach(async () => {
  vi.useRealTimers();
  await server.stop();
});

function open(): EventStream {
  const stream = new EventStream({
    url: server.url(),
    session: new Session({ token: () => "t1" }),
    scope: { tenant: "s3", user: "u1" },
    random: () => 0.999999,
  });
  stream.start();
  return stream;
}

/** The delay that the stream has planned; then that time passes. */
async function nextDelay(stream: EventStream): Promise<number> {
  const retryAt = await until(() => stream.getConnection().retryAt, "a planned retry");
  const delayMs = retryAt - Date.now();
  await vi.advanceTimersByTimeAsync(delayMs);
  return delayMs;
}

it("backs off from 2 s to 15 s while the server is away, and starts over after a success", async () => {
  const delays: number[] = [];
  const stream = open();
  for (let nth = 1; nth <= 5; nth++) {
    (await server.peer(nth)).refuse(502);
    delays.push(await nextDelay(stream));
  }
  expect(delays).toEqual([2_000, 4_000, 8_000, 15_000, 15_000]);
  const peer = (await server.peer(6)).accept().ready("c1");
  await until(() => stream.getConnection().status === "live", "live");
  peer.destroy();
  expect(await nextDelay(stream)).toBe(2_000);
  stream.stop();
});

it("takes the server's retry as its base", async () => {
  const stream = open();
  const peer = (await server.peer(1)).accept().write("retry: 5000\n\n").ready("c1");
  await until(() => stream.getConnection().status === "live", "live");
  peer.destroy();
  expect(await nextDelay(stream)).toBe(5_000);
  stream.stop();
});

it("is stale after 45 s without a frame, not before", async () => {
  const stream = open();
  const peer = (await server.peer(1)).accept().ready("c1");
  await until(() => stream.getConnection().status === "live", "live");
  await vi.advanceTimersByTimeAsync(30_000);
  peer.control("heartbeat", { cursor: "c1" });
  await until(() => stream.getConnection().heardAt === Date.now(), "the heartbeat");
  await vi.advanceTimersByTimeAsync(44_000);
  expect(stream.getConnection().status).toBe("live");
  await vi.advanceTimersByTimeAsync(1_500);
  await until(() => stream.getConnection().status === "stale", "stale");
  await server.peer(2);
  stream.stop();
});
