import type { HistoryFilter } from "@slipstream/client";
import { severitiesOf } from "../../events/severity.tsx";

/** Fields of the history page's part of the address bar, in the order in which they are shown. */
export const fields = ["q", "type", "module", "entityType", "entityId", "actor", "severity", "range", "from", "to"] as const;
export type Field = (typeof fields)[number];

/** All texts; what is absent does not filter. `severity` is comma-separated; `from` and `to` are local date-times. */
export type HistorySearch = Partial<Readonly<Record<Field, string>>>;

export const fieldNames: Readonly<Record<Field, string>> = {
  q: "Text",
  type: "Type",
  module: "Module",
  entityType: "Entity type",
  entityId: "Entity id",
  actor: "Actor",
  severity: "Severity",
  range: "Time",
  from: "From",
  to: "To",
};

const hourMs = 3_600_000;

/** The offered time ranges; `custom` uses `from` and `to`. */
export const ranges: Readonly<Record<string, { readonly name: string; readonly ms?: number }>> = {
  "1h": { name: "Last hour", ms: hourMs },
  "24h": { name: "Last 24 hours", ms: 24 * hourMs },
  "7d": { name: "Last 7 days", ms: 7 * 24 * hourMs },
  "30d": { name: "Last 30 days", ms: 30 * 24 * hourMs },
  custom: { name: "Custom range" },
};

/** Keeps what the page knows; everything else in the address is dropped. */
export function validateHistorySearch(search: Readonly<Record<string, unknown>>): HistorySearch {
  const kept = fields.filter((field) => typeof search[field] === "string" && search[field] !== "");
  return Object.fromEntries(kept.map((field) => [field, search[field]]));
}

/** The server's filter. Relative ranges begin at a whole minute, so that the pages of one list share their bounds. */
export function filterOf(search: HistorySearch, nowMs: number): HistoryFilter {
  const { q, type, module, entityType, entityId, actor, severity } = search;
  return { q, type, module, entityType, entityId, actor, severity: severitiesOf(severity), ...boundsOf(search, nowMs) };
}

function boundsOf({ range, from, to }: HistorySearch, nowMs: number): Pick<HistoryFilter, "timeStart" | "timeEnd"> {
  if (range === "custom") return { timeStart: instantOf(from), timeEnd: instantOf(to) };
  const lengthMs = ranges[range ?? ""]?.ms;
  if (lengthMs === undefined) return {};
  return { timeStart: new Date(Math.floor((nowMs - lengthMs) / 60_000) * 60_000).toISOString() };
}

function instantOf(local: string | undefined): string | undefined {
  const at = Date.parse(local ?? "");
  return Number.isNaN(at) ? undefined : new Date(at).toISOString();
}

/** One filter in words, for a chip. */
export function filterText(field: Field, value: string): string {
  if (field === "range") return ranges[value]?.name ?? value;
  const shown = field === "from" || field === "to" ? value.replace("T", " ") : value;
  return `${fieldNames[field]}: ${shown}`;
}
