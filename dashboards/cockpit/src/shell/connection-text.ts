import type { Connection, Status } from "@slipstream/client";

export const statusNames: Readonly<Record<Status, string>> = {
  idle: "Offline",
  connecting: "Connecting",
  syncing: "Syncing",
  live: "Live",
  stale: "Stale",
  offline: "Offline",
  signed_out: "Signed out",
};

export const statusSentences: Readonly<Record<Status, string>> = {
  idle: "The stream is closed.",
  connecting: "Opening the stream.",
  syncing: "Catching up with what happened in between.",
  live: "Events appear here as they happen.",
  stale: "Nothing was heard for a while, so the stream is being opened again.",
  offline: "No connection. Nothing gets lost: the page catches up as soon as it is back.",
  signed_out: "The session has ended.",
};

const reasons: Readonly<Record<string, string>> = {
  TypeError: "The server cannot be reached",
  connection_closed: "The connection was closed",
  server_shutdown: "The server is being restarted",
  silent: "The server fell silent",
  not_an_event_stream: "The answer was not an event stream",
  permissions_changed: "Your permissions have changed",
  tenant_changed: "The tenant has changed",
  http_429: "Too many streams are open",
  http_503: "The server is busy",
};

/** Why the stream is not live, in words; undefined when there is nothing to explain. */
export function reasonText({ status, reason }: Connection): string | undefined {
  if (reason === undefined || status === "live") return undefined;
  return reasons[reason] ?? reason.replaceAll("_", " ");
}
