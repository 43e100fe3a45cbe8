import { parseObject } from "./envelope.ts";

/** The server's named frames. They carry no id and are never domain events. */
export type Control =
  | { readonly type: "ready"; readonly cursor: string | undefined; readonly replayed: number }
  | { readonly type: "notice"; readonly reason: string; readonly count: number }
  | { readonly type: "heartbeat"; readonly cursor: string | undefined }
  | { readonly type: "reset"; readonly reason: string; readonly code: string; readonly cursor: string | undefined }
  | { readonly type: "expiring" }
  | { readonly type: "close"; readonly reason: string; readonly reconnect: boolean };

const controlNames: ReadonlySet<string> = new Set(["ready", "notice", "heartbeat", "reset", "expiring", "close"]);

/** Whether a frame's `event:` name belongs to the protocol; every other name is a domain event's type. */
export function isControlName(name: string): boolean {
  return controlNames.has(name);
}

/** Reads a control frame. Missing fields get the careful reading: no cursor, count 0, reconnect allowed. */
export function parseControl(name: string, data: string): Control | undefined {
  const body = parseObject(data) ?? {};
  const reason = text(body["reason"]) ?? "unknown";
  switch (name) {
    case "ready":
      return { type: "ready", cursor: text(body["cursor"]), replayed: count(body["replayed"]) };
    case "notice":
      return { type: "notice", reason, count: count(body["count"]) };
    case "heartbeat":
      return { type: "heartbeat", cursor: text(body["cursor"]) };
    case "reset":
      return { type: "reset", reason, code: text(body["code"]) ?? reason, cursor: text(body["cursor"]) };
    case "expiring":
      return { type: "expiring" };
    case "close":
      return { type: "close", reason, reconnect: body["reconnect"] !== false };
    default:
      return undefined;
  }
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function count(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}
