import { problemOf } from "./problem.ts";
import { SseParser, type SseItem } from "./sse.ts";
import { retryAfterMs } from "./backoff.ts";

/** How one HTTP connection of the stream came to its end. */
export type Outcome =
  /** An orderly end that the server announced with `close`. */
  | { readonly kind: "ended"; readonly reason: string; readonly reconnect: boolean }
  /** The server does not accept the caller (401, 403, or a disabled user). */
  | { readonly kind: "refused"; readonly reason: string; readonly renewable: boolean }
  /** Any other failure; worth another try, not before `retryAfterMs`. */
  | { readonly kind: "lost"; readonly reason: string; readonly retryAfterMs?: number | undefined }
  /** Nothing was heard for too long. */
  | { readonly kind: "silent" }
  /** The caller cut it: to stop, or to begin anew at once. */
  | { readonly kind: "interrupted" };

export interface AttemptOptions {
  readonly fetch: typeof fetch;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly staleAfterMs: number;
  readonly lineCharsMax: number;
  /** The head is here and is an event stream. */
  readonly accepted: () => void;
  /** What a chunk contained; an outcome ends the connection there. */
  readonly received: (items: readonly SseItem[]) => Outcome | undefined;
}

/** One connection: request, read until something ends it, say what it was. Never rejects. */
export class Attempt {
  readonly #options: AttemptOptions;
  readonly #abort = new AbortController();
  #cut: Outcome | undefined;
  #heardAt = Date.now();
  #watchdog: ReturnType<typeof setTimeout> | undefined;

  constructor(options: AttemptOptions) {
    this.#options = options;
  }

  async run(): Promise<Outcome> {
    this.#watch();
    try {
      const response = await this.#request();
      return (await refusalOf(response)) ?? (await this.#read(response));
    } catch (error) {
      return this.#cut ?? { kind: "lost", reason: error instanceof Error ? error.name : "unknown" };
    } finally {
      clearTimeout(this.#watchdog);
      this.#abort.abort();
    }
  }

  /** Ends the connection from outside. The first cut decides the outcome. */
  cut(outcome: Outcome): void {
    this.#cut ??= outcome;
    this.#abort.abort();
  }

  /** Timers sleep with the machine; call this when it may have woken up. */
  checkSilence(): void {
    if (Date.now() - this.#heardAt >= this.#options.staleAfterMs) this.cut({ kind: "silent" });
  }

  #request(): Promise<Response> {
    const { url, headers } = this.#options;
    return this.#options.fetch(url, {
      headers: { Accept: "text/event-stream", ...headers },
      cache: "no-store",
      signal: this.#abort.signal,
    });
  }

  async #read(response: Response): Promise<Outcome> {
    const reader = response.body?.getReader();
    if (reader === undefined) return { kind: "lost", reason: "no_body" };
    this.#heardAt = Date.now();
    this.#options.accepted();
    const parser = new SseParser(this.#options.lineCharsMax);
    for (;;) {
      const { done, value } = await reader.read();
      if (this.#cut !== undefined) return this.#cut;
      if (done) return { kind: "lost", reason: "connection_closed" };
      this.#heardAt = Date.now();
      const outcome = this.#options.received(parser.push(value));
      if (outcome !== undefined) return outcome;
    }
  }

  /** One timer per silence limit, not one per chunk. */
  #watch(): void {
    const leftMs = this.#heardAt + this.#options.staleAfterMs - Date.now();
    this.#watchdog = setTimeout(
      () => {
        this.checkSilence();
        if (this.#cut === undefined) this.#watch();
      },
      Math.max(leftMs, 1),
    );
  }
}

/** Undefined for an answer that is an event stream; else what its status means. */
async function refusalOf(response: Response): Promise<Outcome | undefined> {
  const type = response.headers.get("content-type") ?? "";
  if (response.ok && type.startsWith("text/event-stream")) return undefined;
  if (response.ok) {
    await response.body?.cancel();
    return { kind: "lost", reason: "not_an_event_stream" };
  }
  const { code } = await problemOf(response);
  if (response.status === 401 || response.status === 403) return { kind: "refused", reason: code, renewable: true };
  if (code === "user_inactive") return { kind: "refused", reason: code, renewable: false };
  return { kind: "lost", reason: code, retryAfterMs: retryAfterMs(response.headers.get("retry-after"), Date.now()) };
}
