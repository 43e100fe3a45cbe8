import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HistoryClient, Problem, Session } from "../src/index.ts";
import { eventsOf, idsOf } from "./support/events.ts";
import { StreamServer, type Peer } from "./support/stream-server.ts";

let server: StreamServer;

beforeEach(async () => {
  server = await StreamServer.start();
});

afterEach(async () => {
  await server.stop();
});

function client(tokens: string[] = ["t1"]): HistoryClient {
  const refresh = async () => {
    tokens.shift();
    return tokens[0];
  };
  const session = new Session({ token: () => tokens[0] ?? "gone", refresh });
  return new HistoryClient({ url: server.url("/api/events/history"), session });
}

function answer(peer: Peer, body: object, headers: Record<string, string> = {}): void {
  peer.response.writeHead(200, { "content-type": "application/json", ...headers });
  peer.response.end(JSON.stringify(body));
}

describe("a history page", () => {
  it("is asked for with its filter, limit and cursor, and the token in a header", async () => {
    server.onPeer = (peer) => answer(peer, { items: [], next_cursor: null });
    const filter = { module: "cloudtrail", severity: ["warning", "error"] as const, q: "a b+c", type: "" };
    await client().page({ filter, limit: 20, cursor: "x/+=" });
    const [peer] = server.peers;
    const asked = new URL(peer?.request.url ?? "", "http://host").searchParams;
    expect([...asked]).toEqual([
      ["limit", "20"],
      ["cursor", "x/+="],
      ["module", "cloudtrail"],
      ["severity", "warning"],
      ["severity", "error"],
      ["q", "a b+c"],
    ]);
    expect(peer?.header("authorization")).toBe("Bearer t1");
  });

  it("carries its events, the next cursor and how fresh it is", async () => {
    const items = eventsOf(1, 3).reverse();
    server.onPeer = (peer) =>
      answer(peer, { items, next_cursor: "n1", archivedThrough: { cursor: "p9", at: "2026-01-01T00:00:03Z" } });
    const page = await client().page();
    expect(idsOf(page.items)).toEqual(idsOf(items));
    expect(page.nextCursor).toBe("n1");
    expect(page.archivedThrough).toEqual({ cursor: "p9", at: "2026-01-01T00:00:03Z" });
  });

  it("that did not change is the same object and cost no body", async () => {
    const etag = 'W/"abc"';
    server.onPeer = (peer) => {
      if (peer.header("if-none-match") !== etag) return answer(peer, { items: eventsOf(1, 2) }, { etag });
      peer.response.writeHead(304, { etag }).end();
    };
    const history = client();
    const first = await history.page({ limit: 2 });
    expect(await history.page({ limit: 2 })).toBe(first);
    expect((await history.page({ limit: 3 })).items).toHaveLength(2);
    expect(server.peers.map((peer) => peer.header("if-none-match"))).toEqual([undefined, etag, undefined]);
  });

  it("that is refused says what was wrong, with the field", async () => {
    const body = {
      title: "Bad Request",
      detail: "the cursor is not one of ours",
      code: "cursor_invalid",
      request_id: "r1",
      fields: ["cursor"],
    };
    server.onPeer = (peer) => peer.refuse(400, body);
    const problem = await client()
      .page({ cursor: "bad" })
      .catch((error: unknown) => error);
    expect(problem).toBeInstanceOf(Problem);
    expect(problem).toMatchObject({
      status: 400,
      code: "cursor_invalid",
      message: body.detail,
      requestId: "r1",
      fields: ["cursor"],
    });
  });

  it("that is refused without JSON still becomes a problem", async () => {
    server.onPeer = (peer) => peer.response.writeHead(502).end("<html>");
    await expect(client().page()).rejects.toMatchObject({ status: 502, code: "http_502" });
  });

  it("with an expired token is asked for again once with a new one", async () => {
    server.onPeer = (peer) => (peer.header("authorization") === "Bearer t2" ? answer(peer, { items: [] }) : peer.refuse(401));
    const history = client(["t1", "t2"]);
    await Promise.all([history.page({ limit: 1 }), history.page({ limit: 2 })]);
    expect(server.peers.map((peer) => peer.header("authorization")).sort()).toEqual([
      "Bearer t1",
      "Bearer t1",
      "Bearer t2",
      "Bearer t2",
    ]);
    server.onPeer = (peer) => peer.refuse(401, { code: "token_expired" });
    await expect(client().page()).rejects.toMatchObject({ status: 401, code: "token_expired" });
  });
});
