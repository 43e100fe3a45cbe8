import type { Control } from "./control.ts";
import type { EventEnvelope } from "./envelope.ts";
import { defaultStreamLimits, leaderSilenceMaxMs } from "./limits.ts";
import { Listeners } from "./listeners.ts";
import { SeenIds } from "./seen.ts";
import { idleConnection, type Connection } from "./status.ts";
import type { ControlListener, EventSourceLike, EventsListener } from "./stream.ts";

export interface SharedStreamOptions {
  /** Tabs with the same name share one connection. It has to differ between callers who may see different events. */
  readonly name: string;
  /** Makes the connection when this tab is the one to hold it. Its cursor has to be in `localStorage`, so that the next holder goes on there. */
  readonly open: () => EventSourceLike;
  /** Replacements for the browser's own. Where it has none (no secure context) each tab holds its own connection. */
  readonly locks?: Pick<LockManager, "request"> | undefined;
  readonly leaderSilenceMaxMs?: number;
}

/** What tabs say to each other. */
type Message =
  | { readonly kind: "hello" | "sync" }
  | { readonly kind: "connection"; readonly connection: Connection }
  | { readonly kind: "events"; readonly events: readonly EventEnvelope[]; readonly replay: boolean }
  | { readonly kind: "control"; readonly control: Control };

/**
 * One connection per browser: the tab that holds a lock streams and tells the others. When it closes, or falls silent, the
 * next tab takes over at the shared cursor. Events that both knew are delivered once.
 */
export class SharedStream implements EventSourceLike {
  readonly #options: SharedStreamOptions;
  readonly #locks: Pick<LockManager, "request"> | undefined;
  readonly #changed = new Listeners<[]>();
  readonly #events = new Listeners<Parameters<EventsListener>>();
  readonly #controls = new Listeners<Parameters<ControlListener>>();
  readonly #seen = new SeenIds(defaultStreamLimits.seenIdsMax);
  #connection: Connection = idleConnection;
  #run: AbortController | undefined;
  #channel: BroadcastChannel | undefined;
  #held: EventSourceLike | undefined;
  #waiting: AbortController | undefined;
  #watchdog: ReturnType<typeof setTimeout> | undefined;

  constructor(options: SharedStreamOptions) {
    this.#options = options;
    this.#locks = options.locks ?? (globalThis.navigator as Navigator | undefined)?.locks;
  }

  start(): void {
    if (this.#run !== undefined) return;
    const run = new AbortController();
    this.#run = run;
    this.#setConnection({ ...idleConnection, status: "connecting" });
    if (this.#locks === undefined || typeof BroadcastChannel === "undefined") return void this.#hold(run.signal);
    this.#channel = new BroadcastChannel(this.#options.name);
    this.#channel.onmessage = ({ data }: MessageEvent<Message>) => this.#hear(data);
    this.#say({ kind: "hello" });
    void this.#queue(run.signal, false);
  }

  stop(): void {
    this.#leave();
    this.#setConnection({ ...this.#connection, status: "idle" });
  }

  sync(): void {
    if (this.#run === undefined) return this.start();
    if (this.#held !== undefined) return this.#held.sync();
    this.#say({ kind: "sync" });
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

  /** Waits for the lock, or takes it from a holder that has fallen silent. */
  async #queue(stopped: AbortSignal, steal: boolean): Promise<void> {
    this.#waiting?.abort();
    const waiting = new AbortController();
    this.#waiting = waiting;
    if (!steal) this.#watch();
    const options: LockOptions = steal ? { steal } : { signal: AbortSignal.any([stopped, waiting.signal]) };
    try {
      await this.#locks?.request(this.#options.name, options, () => this.#hold(stopped));
    } catch (error) {
      if (stopped.aborted || waiting.signal.aborted) return;
      this.#release();
      const taken = error instanceof DOMException && error.name === "AbortError";
      // A browser that has locks and refuses them is treated like one that has none.
      void (taken ? this.#queue(stopped, false) : this.#hold(stopped));
    }
  }

  /** Streams until this tab stops, is signed out, or loses the lock. */
  #hold(stopped: AbortSignal): Promise<void> {
    if (stopped.aborted) return Promise.resolve();
    clearTimeout(this.#watchdog);
    const held = this.#options.open();
    this.#held = held;
    return new Promise((resolve) => {
      stopped.addEventListener("abort", () => resolve(this.#release()), { once: true });
      held.subscribe(() => {
        if (this.#held !== held) return;
        this.#setConnection(held.getConnection());
        this.#say({ kind: "connection", connection: held.getConnection() });
        // The refusal is about this tab's token; another tab may hold a better one.
        if (held.getConnection().status === "signed_out") this.#leave();
      });
      held.onEvents((events, replay) => {
        this.#deliver(events, replay);
        this.#say({ kind: "events", events, replay });
      });
      held.onControl((control) => {
        this.#controls.tell(control);
        this.#say({ kind: "control", control });
      });
      held.start();
    });
  }

  #leave(): void {
    clearTimeout(this.#watchdog);
    this.#run?.abort();
    this.#run = undefined;
    this.#channel?.close();
    this.#channel = undefined;
  }

  #release(): void {
    const held = this.#held;
    this.#held = undefined;
    held?.stop();
  }

  #hear(message: Message): void {
    if (this.#held !== undefined) return this.#answer(message);
    this.#watch();
    switch (message.kind) {
      case "connection":
        if (message.connection.status !== "signed_out") this.#setConnection(message.connection);
        return;
      case "events":
        return this.#deliver(message.events, message.replay);
      case "control":
        return this.#controls.tell(message.control);
      case "hello":
      case "sync":
        return;
    }
  }

  #answer(message: Message): void {
    if (message.kind === "sync") this.#held?.sync();
    if (message.kind !== "hello") return;
    this.#say({ kind: "connection", connection: this.#connection });
    if (this.#connection.status === "live")
      this.#say({ kind: "control", control: { type: "ready", cursor: undefined, replayed: 0 } });
  }

  #deliver(events: readonly EventEnvelope[], replay: boolean): void {
    const fresh = events.filter((event) => this.#seen.add(event.id));
    if (fresh.length > 0) this.#events.tell(fresh, replay);
  }

  /** A holder that says nothing for longer than a throttled background tab may is taken for dead. */
  #watch(): void {
    clearTimeout(this.#watchdog);
    const run = this.#run;
    if (run === undefined) return;
    this.#watchdog = setTimeout(() => {
      this.#setConnection({ ...this.#connection, status: "stale" });
      void this.#queue(run.signal, true);
    }, this.#options.leaderSilenceMaxMs ?? leaderSilenceMaxMs);
  }

  #say(message: Message): void {
    this.#channel?.postMessage(message);
  }

  #setConnection(connection: Connection): void {
    this.#connection = connection;
    this.#changed.tell();
  }
}
