// Generated from the registry of event types (crates/event/src/registry). Do not edit.

import type { Severity } from "./envelope.ts";

/** What the metadata of each registered type holds, beside `amoId` and `module`. */
export interface EventMetadata {
  readonly "copilot.support_ticket.created": { readonly status: string; readonly priority: string; readonly assignedTo?: string | null };
  readonly "copilot.support_ticket.updated": { readonly fields: readonly string[] };
  readonly "copilot.support_ticket.status_changed": { readonly from: string; readonly to: string };
  readonly "copilot.support_ticket.assigned": { readonly from: string | null; readonly to: string | null };
  readonly "copilot.support_ticket.deleted": Readonly<Record<string, unknown>>;
  readonly "copilot.bulk.completed": { readonly operation: string; readonly matched: number; readonly changed: number; readonly skipped: number; readonly filters?: Readonly<Record<string, unknown>>; readonly accountIds?: readonly string[]; readonly reason?: string | null; readonly dryRun?: boolean };
  readonly "copilot.session.started": Readonly<Record<string, unknown>>;
  readonly "copilot.session.ended": { readonly reward?: number };
  readonly "copilot.tool_call.completed": { readonly tool: string; readonly arguments?: unknown; readonly result?: unknown };
  readonly "copilot.tool_call.failed": { readonly tool: string; readonly arguments?: unknown; readonly error?: string };
  readonly "copilot.handoff.requested": { readonly summary?: string };
}

/** The registered types. */
export type EventType = keyof EventMetadata;

/** One registered type. `message` is a template: `{field}` stands for a field of the event or of its metadata. */
export interface Declaration {
  readonly type: EventType;
  readonly entityType: string;
  readonly category: string;
  readonly severity: Severity;
  readonly visibility: string;
  readonly message: string;
  readonly queryKeys: readonly string[];
}

/** All registered types. */
export const declarations: readonly Declaration[] = [
  {
    type: "copilot.support_ticket.created",
    entityType: "copilot.support_ticket",
    category: "entity",
    severity: "info",
    visibility: "tenant",
    message: "{actor} opened the support ticket {entityName}",
    queryKeys: ["tickets", "global-ops", "activity-history"],
  },
  {
    type: "copilot.support_ticket.updated",
    entityType: "copilot.support_ticket",
    category: "entity",
    severity: "info",
    visibility: "tenant",
    message: "{actor} changed the support ticket {entityName}",
    queryKeys: ["tickets", "global-ops", "activity-history"],
  },
  {
    type: "copilot.support_ticket.status_changed",
    entityType: "copilot.support_ticket",
    category: "entity",
    severity: "info",
    visibility: "tenant",
    message: "{actor} moved the support ticket {entityName} from {from} to {to}",
    queryKeys: ["tickets", "global-ops", "activity-history"],
  },
  {
    type: "copilot.support_ticket.assigned",
    entityType: "copilot.support_ticket",
    category: "entity",
    severity: "info",
    visibility: "tenant",
    message: "{actor} changed the assignee of the support ticket {entityName}",
    queryKeys: ["tickets", "global-ops", "activity-history"],
  },
  {
    type: "copilot.support_ticket.deleted",
    entityType: "copilot.support_ticket",
    category: "entity",
    severity: "warning",
    visibility: "tenant",
    message: "{actor} deleted the support ticket {entityName}",
    queryKeys: ["tickets", "global-ops", "activity-history"],
  },
  {
    type: "copilot.bulk.completed",
    entityType: "copilot.bulk",
    category: "capture",
    severity: "warning",
    visibility: "admin",
    message: "{actor} ran {operation} on {matched} rows, {changed} changed",
    queryKeys: ["tickets", "global-ops", "activity-history"],
  },
  {
    type: "copilot.session.started",
    entityType: "copilot.session",
    category: "capture",
    severity: "info",
    visibility: "tenant",
    message: "Session {entityName} began",
    queryKeys: ["runs", "activity-history"],
  },
  {
    type: "copilot.session.ended",
    entityType: "copilot.session",
    category: "capture",
    severity: "info",
    visibility: "tenant",
    message: "Session {entityName} ended",
    queryKeys: ["runs", "activity-history"],
  },
  {
    type: "copilot.tool_call.completed",
    entityType: "copilot.tool_call",
    category: "capture",
    severity: "info",
    visibility: "tenant",
    message: "{actor} called the tool {tool}",
    queryKeys: ["runs", "activity-history"],
  },
  {
    type: "copilot.tool_call.failed",
    entityType: "copilot.tool_call",
    category: "capture",
    severity: "error",
    visibility: "tenant",
    message: "{actor} called the tool {tool}, which failed",
    queryKeys: ["runs", "activity-history"],
  },
  {
    type: "copilot.handoff.requested",
    entityType: "copilot.handoff",
    category: "capture",
    severity: "warning",
    visibility: "tenant",
    message: "{actor} asked for a human",
    queryKeys: ["runs", "activity-history"],
  },
];

/** Query keys that every event makes stale. */
export const defaultQueryKeys = ["activity-history"] as const;
