import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** One request that the server holds open; a test writes to it what it likes, also half frames. */
export class Peer {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  closed = false;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.request = request;
    this.response = response;
    response.on("close", () => (this.closed = true));
  }

  /** Sends the head of an event stream. */
  accept(): this {
    this.response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-store" });
    this.response.flushHeaders();
    return this;
  }

  write(bytes: string | Uint8Array): this {
    this.response.write(bytes);
    return this;
  }

  control(name: string, body: object): this {
    return this.write(`event: ${name}\ndata: ${JSON.stringify({ type: name, ...body })}\n\n`);
  }

  ready(cursor: string, replayed = 0): this {
    return this.control("ready", { cursor, replayed });
  }

  event(cursor: string, event: object): this {
    return this.write(`id: ${cursor}\ndata: ${JSON.stringify(event)}\n\n`);
  }

  refuse(status: number, body: object = {}, headers: Record<string, string> = {}): void {
    this.response.writeHead(status, { "content-type": "application/problem+json", ...headers });
    this.response.end(JSON.stringify(body));
  }

  /** Cuts the connection without an orderly end. */
  destroy(): void {
    this.response.destroy();
  }

  header(name: string): string | undefined {
    const value = this.request.headers[name.toLowerCase()];
    return Array.isArray(value) ? value.join(", ") : value;
  }
}

/** A real HTTP server on a free port whose answers the test gives by hand. */
export class StreamServer {
  readonly peers: Peer[] = [];
  readonly #server: Server;
  /** Called for each request as it comes; by default the test finds it in `peers`. */
  onPeer: (peer: Peer) => void = () => undefined;

  private constructor() {
    this.#server = createServer((request, response) => {
      const peer = new Peer(request, response);
      this.peers.push(peer);
      this.onPeer(peer);
    });
  }

  static async start(port = 0): Promise<StreamServer> {
    const server = new StreamServer();
    await new Promise<void>((resolve) => server.#server.listen(port, "127.0.0.1", resolve));
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  url(path = "/api/events"): string {
    return `http://127.0.0.1:${this.port}${path}`;
  }

  /** The nth request, counted from 1, as soon as it is there. */
  async peer(nth: number): Promise<Peer> {
    return until(() => this.peers[nth - 1], `request ${nth}`);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** Waits until `read` gives something truthy; fails after `timeoutMs` with the name of what was missing. */
export async function until<Value>(
  read: () => Value | Promise<Value>,
  what: string,
  timeoutMs = 5_000,
): Promise<NonNullable<Value>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await read();
    if (value) return value;
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms for ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
