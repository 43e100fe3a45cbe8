/**
 * What one piece of an event stream means. A `message` has an id only when its own frame brought one; `position` is an `id:`
 * without data, which moves the cursor and delivers nothing.
 */
export type SseItem =
  | { readonly kind: "message"; readonly event: string; readonly data: string; readonly id: string | undefined }
  | { readonly kind: "position"; readonly id: string }
  | { readonly kind: "retry"; readonly delayMs: number };

/** A line grew beyond its bound, so the peer cannot be speaking the protocol. */
export class LineTooLongError extends Error {
  override readonly name = "LineTooLongError";
}

/**
 * Parser of `text/event-stream` for one connection, by the rules of the HTML standard: CR, LF and CRLF line ends, any of them
 * split over chunks; UTF-8 sequences split over chunks; a leading byte order mark; an unfinished event at the end is dropped.
 */
export class SseParser {
  readonly #decoder = new TextDecoder("utf-8");
  readonly #lineCharsMax: number;
  #line = "";
  #afterCr = false;
  #event = "";
  #data: string[] = [];
  #id: string | undefined;

  constructor(lineCharsMax: number) {
    this.#lineCharsMax = lineCharsMax;
  }

  /** Items completed by this chunk, in order. Throws `LineTooLongError`. */
  push(chunk: Uint8Array): SseItem[] {
    const items: SseItem[] = [];
    for (const line of this.#lines(this.#decoder.decode(chunk, { stream: true }))) this.#take(line, items);
    return items;
  }

  #lines(text: string): string[] {
    const rest = this.#afterCr && text.startsWith("\n") ? text.slice(1) : text;
    if (text !== "") this.#afterCr = text.endsWith("\r");
    const parts = rest.split(/\r\n|\r|\n/);
    parts[0] = this.#line + (parts[0] ?? "");
    this.#line = parts.pop() ?? "";
    if (this.#line.length > this.#lineCharsMax) throw new LineTooLongError(`line over ${this.#lineCharsMax} characters`);
    return parts;
  }

  #take(line: string, items: SseItem[]): void {
    if (line === "") return this.#dispatch(items);
    const colon = line.indexOf(":");
    if (colon === 0) return;
    const field = colon < 0 ? line : line.slice(0, colon);
    const raw = colon < 0 ? "" : line.slice(colon + 1);
    this.#field(field, raw.startsWith(" ") ? raw.slice(1) : raw, items);
  }

  #field(field: string, value: string, items: SseItem[]): void {
    if (field === "data") this.#data.push(value);
    else if (field === "event") this.#event = value;
    else if (field === "id" && !value.includes("\0")) this.#id = value;
    else if (field === "retry" && /^\d+$/.test(value)) items.push({ kind: "retry", delayMs: Number(value) });
  }

  #dispatch(items: SseItem[]): void {
    const id = this.#id;
    if (this.#data.length > 0) items.push({ kind: "message", event: this.#event, data: this.#data.join("\n"), id });
    else if (id !== undefined) items.push({ kind: "position", id });
    this.#id = undefined;
    this.#event = "";
    this.#data = [];
  }
}
