import { isRecord } from "./envelope.ts";

/** A refusal by the server (RFC 9457 problem+json), or any other answer that is not a success. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly status: number;
  /** Stable machine word; `http_<status>` when the server named none. */
  readonly code: string;
  /** The server's sentence, when it gave one. */
  readonly detail: string | undefined;
  readonly requestId: string | undefined;
  /** What was wrong with which field, when the server said so. */
  readonly fields: unknown;

  constructor(status: number, title: string, body: Readonly<Record<string, unknown>>) {
    const detail = word(body, "detail");
    super(detail ?? title);
    this.status = status;
    this.code = word(body, "code") ?? `http_${status}`;
    this.detail = detail;
    this.requestId = word(body, "request_id");
    this.fields = body["fields"];
  }
}

/** Reads the problem out of an answer; an answer that is no JSON becomes one too. */
export async function problemOf(response: Response): Promise<Problem> {
  const body: unknown = await response.json().catch(() => undefined);
  const fields = isRecord(body) ? body : {};
  const title = word(fields, "title") ?? (response.statusText || `HTTP ${response.status}`);
  return new Problem(response.status, title, fields);
}

function word(body: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = body[name];
  return typeof value === "string" ? value : undefined;
}
