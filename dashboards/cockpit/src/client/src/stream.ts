import { Attempt, type Outcome } from "./attempt.ts";
import { backoffMs } from "./backoff.ts";
import { isControlName, parseControl, type Control } from "./control.ts";
import { CursorMemory, type KeyValueStorage, type Scope } from "./cursor.ts";
import { parseEnvelope, type EventEnvelope } from "./envelope.ts";
import { defaultStreamLimits, type StreamLimits } from "./limits.ts";
import { Listeners } from "./listeners.ts";
import { SeenIds } from "./seen.ts";
import { bearer, type Session } from "./session.ts";
import type { SseItem } from "./sse.ts";
import { idleConnection, nextStatus, type Connection, type Signal } from "./status.ts";

/** What a page can do with a stream, whether it holds the connection itself or shares another tab's. */
export interface EventSourceLike {
  start(): void;
  /** Ends the stream; it can be started again and then resumes. */
  stop(): void;
  /** Reconnects now and catches up from the last position. */
  sync(): void;
  /** The connection of now; the same object until something changes. */
  getConnection(): Connection;
  /** Calls back on each change of the connection; returns the way to stop that. */
  subscribe(listener: () => void): () => void;
  /** Events in order, in the groups in which they arrived; `replay` for those that fill a gap. */
  onEvents(listener: EventsListener): () => void;
  onControl(listener: ControlListener): () => void;
}

export type EventsListener = (events: readonly EventEnvelope[], replay: boolean) => void;
export type ControlListener = (control: Control) => void;

export interface StreamOptions {
  /** Address of the stream; filters are part of its query. */
  readonly url: string;
  readonly session: Session;
  readonly scope: Scope;
  /** Where the position outlives the page; none by default. */
  readonly storage?: KeyValueStorage | undefined;
  /** Asked where to begin when no position is known: where history ends, so that both join without a gap. Live by default. */
  readonly beginAt?: (() => Promise<string | undefined>) | undefined;
  readonly limits?: Partial<StreamLimits>;
  /** Replacements for the surroundings; the real ones by default. */
  readonly fetch?: typeof fetch;
  readonly random?: () => number;
  /** Told about network and visibility changes; `window` in a browser. */
  readonly surroundings?: EventTarget | undefined;
}

/**
 * The events of one user in one tenant, in the stream's order, each once, without a gap: at least once from the server, made
 * unique by event id. When continuity cannot be kept the server says so, and the `reset` control reaches the application.
 */
export class EventStream implements EventSourceLike {
  readonly #options: StreamOptions;
  readonly #limits: StreamLimits;
  readonly #cursor: CursorMemory;
  readonly #seen: SeenIds;
  readonly #changed = new Listeners<[]>();
  readonly #events = new Listeners<Parameters<EventsListener>>();
  readonly #controls = new Listeners<Parameters<ControlListener>>();
  #connection: Connection = idleConnection;
  #attempt: Attempt | undefined;
  #endPause: (() => void) | undefined;
  #run: AbortController | undefined;
  #failures = 0;
  #renewed = false;
  #token: string | undefined;
  #baseMs: number;

  constructor(options: StreamOptions) {
    this.#options = options;
    this.#limits = { ...defaultStreamLimits, ...options.limits };
    this.#seen = new SeenIds(this.#limits.seenIdsMax);
    this.#baseMs = this.#limits.backoffBaseMs;
    this.#cursor = new CursorMemory({
      storage: options.storage,
      scope: options.scope,
      variant: options.url.split("?")[1] ?? "",
      writeDelayMs: this.#limits.cursorWriteMs,
      ageMaxMs: this.#limits.cursorAgeMaxMs,
    });
  }

  start(): void {
    if (this.#run !== undefined) return;
    const run = new AbortController();
    this.#run = run;
    this.#listenToSurroundings(run.signal);
    this.#signal("start", { reason: undefined });
    void this.#loop(run.signal);
  }

  stop(): void {
    this.#run?.abort();
    this.#run = undefined;
    this.#interrupt();
    this.#cursor.flush();
    this.#signal("stop", { retryAt: undefined });
  }

  sync(): void {
    if (this.#run === undefined) return this.start();
    this.#signal("ended");
    this.#interrupt();
  }

  getConnection(): Connection {
    return this.#connection;
  }

  subscribe(listener: () => void): () => void {
    return this.#changed.add(listener);
  }

  onEvents(listener: EventsListener): () => void {
    return this.#events.add(listener);
  }

  onControl(listener: ControlListener): () => void {
    return this.#controls.add(listener);
  }

  async #loop(stopped: AbortSignal): Promise<void> {
    const isStopped = () => stopped.aborted;
    while (!isStopped()) {
      const outcome = await this.#connect(stopped);
      if (isStopped()) return;
      const delayMs = await this.#follow(outcome);
      if (isStopped()) return;
      if (delayMs === undefined) return this.#giveUp(outcome);
      await this.#pause(delayMs);
    }
  }

  async #connect(stopped: AbortSignal): Promise<Outcome> {
    const { session, url } = this.#options;
    this.#token = session.token();
    if (this.#token === undefined) return { kind: "refused", reason: "no_token", renewable: true };
    const cursor = this.#cursor.current ?? (await this.#beginning());
    if (stopped.aborted) return { kind: "interrupted" };
    this.#attempt = new Attempt({
      fetch: this.#options.fetch ?? ((...args) => fetch(...args)),
      url,
      headers: { ...bearer(this.#token), ...(isHeaderValue(cursor) ? { "Last-Event-ID": cursor } : {}) },
      staleAfterMs: this.#limits.staleAfterMs,
      lineCharsMax: this.#limits.lineCharsMax,
      accepted: () => this.#signal("accepted", { heardAt: Date.now() }),
      received: (items) => this.#receive(items),
    });
    return this.#attempt.run();
  }

  /** Where to begin without a position. A failure to say it is no reason not to stream. */
  async #beginning(): Promise<string | undefined> {
    const { beginAt } = this.#options;
    if (beginAt === undefined) return undefined;
    const { promise, stop } = timeout(this.#limits.beginWaitMaxMs);
    const cursor = await Promise.race([beginAt().catch(() => undefined), promise]);
    stop();
    if (cursor !== undefined) this.#cursor.advance(cursor);
    return cursor;
  }

  /** What to do after an outcome: the delay before the next attempt, or undefined to give up. */
  async #follow(outcome: Outcome): Promise<number | undefined> {
    switch (outcome.kind) {
      case "interrupted":
        return 0;
      case "silent":
        this.#signal("silent", { reason: "silent" });
        return this.#failures++ === 0 ? 0 : this.#backoffMs();
      case "refused":
        return outcome.renewable && (await this.#renew()) ? 0 : undefined;
      case "ended":
        if (!outcome.reconnect) return undefined;
        if (outcome.reason === "token_expired") return (await this.#renew()) ? 0 : undefined;
        this.#signal("ended", { reason: outcome.reason });
        return this.#backoffMs();
      case "lost": {
        this.#signal("lost", { reason: outcome.reason });
        const delayMs = this.#backoffMs(outcome.retryAfterMs);
        this.#failures++;
        return delayMs;
      }
    }
  }

  /** One attempt at a new token per success, so that a token that is refused at once cannot cause a loop. */
  async #renew(): Promise<boolean> {
    if (this.#renewed) return false;
    this.#renewed = true;
    return this.#options.session.renew(this.#token);
  }

  #giveUp(outcome: Outcome): void {
    this.#run?.abort();
    this.#run = undefined;
    this.#renewed = false;
    this.#cursor.flush();
    this.#signal("refused", { retryAt: undefined, reason: "reason" in outcome ? outcome.reason : undefined });
  }

  #backoffMs(retryAfterMs?: number): number {
    return backoffMs({
      failures: this.#failures,
      baseMs: this.#baseMs,
      maxMs: Math.max(this.#limits.backoffMaxMs, this.#baseMs),
      atLeastMs: retryAfterMs === undefined ? undefined : Math.min(retryAfterMs, this.#limits.serverDelayMaxMs),
      random: (this.#options.random ?? Math.random)(),
    });
  }

  async #pause(delayMs: number): Promise<void> {
    if (delayMs === 0) return;
    this.#update({ retryAt: Date.now() + delayMs });
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, delayMs);
      this.#endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#endPause = undefined;
    this.#update({ retryAt: undefined });
  }

  /** Ends the pause or the connection of now, so that the loop goes on at once. */
  #interrupt(): void {
    this.#endPause?.();
    this.#attempt?.cut({ kind: "interrupted" });
  }

  #receive(items: readonly SseItem[]): Outcome | undefined {
    const group = new Group(this.#connection.status !== "live");
    let outcome: Outcome | undefined;
    for (const item of items) {
      if (outcome !== undefined) break;
      if (item.kind === "retry") this.#baseMs = clamp(item.delayMs, this.#limits.serverDelayMinMs, this.#limits.serverDelayMaxMs);
      else if (item.kind === "position") group.position = item.id;
      else if (isControlName(item.event)) outcome = this.#control(item.event, item.data, group);
      else this.#collect(item.data, item.id, group);
    }
    const received = this.#connection.received + this.#deliver(group);
    this.#update({ heardAt: Date.now(), received });
    return outcome;
  }

  #collect(data: string, id: string | undefined, group: Group): void {
    const event = parseEnvelope(data);
    if (event !== undefined && this.#seen.add(event.id)) group.events.push(event);
    if (id !== undefined) group.position = id;
  }

  /** Hands out the events so far, then moves the position: a page that dies in between gets them again. */
  #deliver(group: Group): number {
    const { events, position, replay } = group;
    const count = events.length;
    if (count > 0) this.#events.tell(events, replay);
    if (position !== undefined) this.#cursor.advance(position);
    group.events = [];
    group.position = undefined;
    return count;
  }

  #control(name: string, data: string, group: Group): Outcome | undefined {
    const control = parseControl(name, data);
    if (control === undefined) return undefined;
    const received = this.#connection.received + this.#deliver(group);
    this.#update({ received });
    const outcome = this.#obey(control);
    group.replay = this.#connection.status !== "live";
    this.#controls.tell(control);
    return outcome;
  }

  #obey(control: Control): Outcome | undefined {
    switch (control.type) {
      case "ready":
        this.#caughtUp(control.cursor, { replayed: control.replayed });
        return undefined;
      case "heartbeat":
        this.#caughtUp(control.cursor);
        return undefined;
      case "reset":
        this.#cursor.forget();
        if (control.cursor !== undefined) this.#cursor.advance(control.cursor);
        return undefined;
      case "expiring":
        void this.#renewEarly();
        return undefined;
      case "close":
        return { kind: "ended", reason: control.reason, reconnect: control.reconnect };
      case "notice":
        return undefined;
    }
  }

  #caughtUp(cursor: string | undefined, change: Partial<Connection> = {}): void {
    this.#failures = 0;
    this.#renewed = false;
    if (cursor !== undefined) this.#cursor.advance(cursor);
    this.#signal("caught_up", { ...change, reason: undefined });
  }

  /** The token is about to end: move to a new one before the server has to close. */
  async #renewEarly(): Promise<void> {
    const attempt = this.#attempt;
    if ((await this.#options.session.renew(this.#token)) && attempt === this.#attempt) this.sync();
  }

  #listenToSurroundings(signal: AbortSignal): void {
    const target = this.#options.surroundings ?? (globalThis as { window?: EventTarget }).window;
    const reconnect = () => this.sync();
    const wake = () => this.#attempt?.checkSilence();
    for (const name of ["online", "offline"]) target?.addEventListener(name, reconnect, { signal });
    for (const name of ["focus", "pageshow"]) target?.addEventListener(name, wake, { signal });
    target?.addEventListener("visibilitychange", wake, { signal });
    target?.addEventListener("pagehide", () => this.#cursor.flush(), { signal });
  }

  #signal(signal: Signal, change: Partial<Connection> = {}): void {
    this.#update({ ...change, status: nextStatus(this.#connection.status, signal) });
  }

  #update(change: Partial<Connection>): void {
    const keys = Object.keys(change) as (keyof Connection)[];
    if (keys.every((key) => this.#connection[key] === change[key])) return;
    this.#connection = { ...this.#connection, ...change };
    this.#changed.tell();
  }
}

/** Events and position that one chunk brought since the last control frame. */
class Group {
  events: EventEnvelope[] = [];
  position: string | undefined;
  replay: boolean;

  constructor(replay: boolean) {
    this.replay = replay;
  }
}

function timeout(delayMs: number): { readonly promise: Promise<undefined>; readonly stop: () => void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const promise = new Promise<undefined>((resolve) => (timer = setTimeout(() => resolve(undefined), delayMs)));
  return { promise, stop: () => clearTimeout(timer) };
}

function isHeaderValue(value: string | undefined): value is string {
  return value !== undefined && /^[\x21-\x7e]+$/.test(value);
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, value));
}
