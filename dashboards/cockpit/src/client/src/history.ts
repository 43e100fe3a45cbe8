import { isEnvelope, isRecord, type EventEnvelope, type Severity } from "./envelope.ts";
import { historyCacheMax } from "./limits.ts";
import { problemOf, Problem } from "./problem.ts";
import { bearer, type Session } from "./session.ts";

/** Filters of a history request; what is absent is not filtered. */
export interface HistoryFilter {
  readonly type?: string | undefined;
  readonly module?: string | undefined;
  readonly entityType?: string | undefined;
  readonly entityId?: string | undefined;
  readonly actor?: string | undefined;
  /** Any of these. */
  readonly severity?: readonly Severity[] | undefined;
  /** Free text. */
  readonly q?: string | undefined;
  /** Inclusive bounds, RFC 3339. */
  readonly timeStart?: string | undefined;
  readonly timeEnd?: string | undefined;
}

export interface HistoryPage {
  /** Newest first. */
  readonly items: readonly EventEnvelope[];
  /** Opaque; undefined on the last page. */
  readonly nextCursor: string | undefined;
  /** How fresh history is; undefined when the server does not say. */
  readonly archivedThrough: ArchivedThrough | undefined;
}

/** Everything that the stream has delivered up to here is in history. */
export interface ArchivedThrough {
  /** A stream that begins after this cursor continues the page without a gap. */
  readonly cursor: string | undefined;
  /** RFC 3339: when the archive got there. */
  readonly at: string;
}

export interface PageRequest {
  readonly filter?: HistoryFilter;
  /** 1..500; the server's default is 50. */
  readonly limit?: number;
  readonly cursor?: string | undefined;
  readonly signal?: AbortSignal;
}

export interface HistoryOptions {
  /** Address of the history route, without a query. */
  readonly url: string;
  readonly session: Session;
  readonly fetch?: typeof fetch;
}

/**
 * Reads history pages. An unchanged page costs an answer without a body (`ETag`) and comes back as the same object. The
 * browser's own cache is passed by: after a reset nothing may come from before it.
 */
export class HistoryClient {
  readonly #options: HistoryOptions;
  readonly #known = new Map<string, { readonly etag: string; readonly page: HistoryPage }>();

  constructor(options: HistoryOptions) {
    this.#options = options;
  }

  /** One page. Rejects with `Problem` when the server refuses, with the fetch error when it cannot be reached. */
  async page(request: PageRequest = {}): Promise<HistoryPage> {
    const url = `${this.#options.url}${queryOf(request)}`;
    const response = await this.#get(url, request.signal);
    const known = this.#known.get(url);
    if (response.status === 304 && known !== undefined) return known.page;
    if (!response.ok) throw await problemOf(response);
    const page = pageOf(await response.json());
    this.#remember(url, response.headers.get("etag"), page);
    return page;
  }

  /** Forgets all remembered pages, for example at sign-out. */
  clear(): void {
    this.#known.clear();
  }

  async #get(url: string, signal: AbortSignal | undefined): Promise<Response> {
    const { session } = this.#options;
    const token = session.token();
    const response = await this.#send(url, token, signal);
    if (response.status !== 401 || !(await session.renew(token))) return response;
    await response.body?.cancel();
    return this.#send(url, session.token(), signal);
  }

  #send(url: string, token: string | undefined, signal: AbortSignal | undefined): Promise<Response> {
    const etag = this.#known.get(url)?.etag;
    const headers = { Accept: "application/json", ...bearer(token), ...(etag ? { "If-None-Match": etag } : {}) };
    return (this.#options.fetch ?? fetch)(url, { headers, cache: "no-store", ...(signal ? { signal } : {}) });
  }

  #remember(url: string, etag: string | null, page: HistoryPage): void {
    this.#known.delete(url);
    if (etag === null) return;
    this.#known.set(url, { etag, page });
    if (this.#known.size > historyCacheMax) this.#known.delete(this.#known.keys().next().value ?? "");
  }
}

function queryOf({ filter = {}, limit, cursor }: PageRequest): string {
  const query = new URLSearchParams();
  if (limit !== undefined) query.set("limit", String(limit));
  if (cursor !== undefined) query.set("cursor", cursor);
  for (const [name, value] of Object.entries(filter)) {
    for (const one of [value].flat()) if (typeof one === "string" && one !== "") query.append(name, one);
  }
  return query.size === 0 ? "" : `?${query.toString()}`;
}

function pageOf(body: unknown): HistoryPage {
  if (!isRecord(body) || !Array.isArray(body["items"])) throw new Problem(502, "The answer is not a history page", {});
  return {
    items: body["items"].filter(isEnvelope),
    nextCursor: word(body["next_cursor"]),
    archivedThrough: archivedThroughOf(body["archivedThrough"]),
  };
}

function archivedThroughOf(value: unknown): ArchivedThrough | undefined {
  const at = isRecord(value) ? word(value["at"]) : undefined;
  return isRecord(value) && at !== undefined ? { cursor: word(value["cursor"]), at } : undefined;
}

function word(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
