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
  readonly "audit.export.created": { readonly what: string; readonly format: string; readonly filters?: Readonly<Record<string, unknown>>; readonly rows?: number; readonly job?: string | null; readonly reason?: string | null };
  readonly "audit.log.read": { readonly route: string; readonly filters?: Readonly<Record<string, unknown>>; readonly rows?: number };
  readonly "audit.event.refused": { readonly reason: string; readonly route?: string; readonly named?: string | null };
  readonly "audit.access.refused": { readonly reason: string; readonly route?: string | null };
  readonly "audit.access.suppressed": { readonly suppressed: number };
  readonly "audit.saved_view.saved": { readonly query?: Readonly<Record<string, unknown>> };
  readonly "audit.saved_view.deleted": Readonly<Record<string, unknown>>;
  readonly "activity.settings.updated": { readonly before: Readonly<Record<string, unknown>>; readonly after: Readonly<Record<string, unknown>>; readonly reason?: string | null };
  readonly "activity.log.disabled": { readonly reason?: string | null };
  readonly "activity.log.enabled": { readonly reason?: string | null };
  readonly "activity.log.cleared": { readonly cleared: number; readonly reason?: string | null };
  readonly "archive.redaction.applied": { readonly count: number; readonly fields: readonly string[]; readonly events: unknown; readonly rule?: string | null; readonly reason?: string | null };
  readonly "archive.redaction_rule.saved": { readonly rule: Readonly<Record<string, unknown>> };
  readonly "archive.redaction_rule.deleted": Readonly<Record<string, unknown>>;
  readonly "archive.hold.placed": { readonly hold: Readonly<Record<string, unknown>> };
  readonly "archive.hold.released": { readonly reason?: string | null };
  readonly "archive.retention.updated": { readonly before: unknown; readonly after: unknown };
  readonly "archive.retention.completed": { readonly removed: number; readonly held: number; readonly report?: Readonly<Record<string, unknown>> };
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
  {
    type: "audit.export.created",
    entityType: "audit.export",
    category: "system",
    severity: "warning",
    visibility: "admin",
    message: "{actor} exported {what} as {format}",
    queryKeys: ["exports", "activity-history"],
  },
  {
    type: "audit.log.read",
    entityType: "audit.log",
    category: "system",
    severity: "info",
    visibility: "admin",
    message: "{actor} read the audit log",
    queryKeys: ["activity-history"],
  },
  {
    type: "audit.event.refused",
    entityType: "audit.event",
    category: "auth",
    severity: "warning",
    visibility: "admin",
    message: "An event of {actor} was refused: {reason}",
    queryKeys: ["activity-history"],
  },
  {
    type: "audit.access.refused",
    entityType: "audit.access",
    category: "auth",
    severity: "warning",
    visibility: "admin",
    message: "A call of {actor} was refused: {reason}",
    queryKeys: ["activity-history"],
  },
  {
    type: "audit.access.suppressed",
    entityType: "audit.access",
    category: "auth",
    severity: "warning",
    visibility: "admin",
    message: "{suppressed} more refused calls of {actor} within a minute",
    queryKeys: ["activity-history"],
  },
  {
    type: "audit.saved_view.saved",
    entityType: "audit.saved_view",
    category: "system",
    severity: "info",
    visibility: "tenant",
    message: "{actor} shared the view {entityName}",
    queryKeys: ["saved-views", "activity-history"],
  },
  {
    type: "audit.saved_view.deleted",
    entityType: "audit.saved_view",
    category: "system",
    severity: "info",
    visibility: "tenant",
    message: "{actor} deleted the shared view {entityName}",
    queryKeys: ["saved-views", "activity-history"],
  },
  {
    type: "activity.settings.updated",
    entityType: "activity.settings",
    category: "system",
    severity: "info",
    visibility: "tenant",
    message: "{actor} changed the settings of the activity log",
    queryKeys: ["activity-log", "activity-settings", "activity-history"],
  },
  {
    type: "activity.log.disabled",
    entityType: "activity.log",
    category: "system",
    severity: "warning",
    visibility: "tenant",
    message: "{actor} turned the activity log off",
    queryKeys: ["activity-log", "activity-settings", "activity-history"],
  },
  {
    type: "activity.log.enabled",
    entityType: "activity.log",
    category: "system",
    severity: "info",
    visibility: "tenant",
    message: "{actor} turned the activity log on",
    queryKeys: ["activity-log", "activity-settings", "activity-history"],
  },
  {
    type: "activity.log.cleared",
    entityType: "activity.log",
    category: "system",
    severity: "warning",
    visibility: "tenant",
    message: "{actor} cleared the activity log",
    queryKeys: ["activity-log", "activity-settings", "activity-history"],
  },
  {
    type: "archive.redaction.applied",
    entityType: "archive.redaction",
    category: "system",
    severity: "warning",
    visibility: "admin",
    message: "{actor} redacted {count} events",
    queryKeys: ["archive-policy", "activity-history"],
  },
  {
    type: "archive.redaction_rule.saved",
    entityType: "archive.redaction_rule",
    category: "system",
    severity: "warning",
    visibility: "admin",
    message: "{actor} saved the redaction rule {entityName}",
    queryKeys: ["archive-policy", "activity-history"],
  },
  {
    type: "archive.redaction_rule.deleted",
    entityType: "archive.redaction_rule",
    category: "system",
    severity: "warning",
    visibility: "admin",
    message: "{actor} deleted the redaction rule {entityName}",
    queryKeys: ["archive-policy", "activity-history"],
  },
  {
    type: "archive.hold.placed",
    entityType: "archive.hold",
    category: "system",
    severity: "warning",
    visibility: "admin",
    message: "{actor} placed the legal hold {entityName}",
    queryKeys: ["archive-policy", "activity-history"],
  },
  {
    type: "archive.hold.released",
    entityType: "archive.hold",
    category: "system",
    severity: "warning",
    visibility: "admin",
    message: "{actor} released the legal hold {entityName}",
    queryKeys: ["archive-policy", "activity-history"],
  },
  {
    type: "archive.retention.updated",
    entityType: "archive.retention",
    category: "system",
    severity: "warning",
    visibility: "admin",
    message: "{actor} changed how long events are kept",
    queryKeys: ["archive-policy", "activity-history"],
  },
  {
    type: "archive.retention.completed",
    entityType: "archive.retention",
    category: "system",
    severity: "info",
    visibility: "admin",
    message: "Retention removed {removed} events",
    queryKeys: ["archive-policy", "activity-history"],
  },
];

/** Query keys that every event makes stale. */
export const defaultQueryKeys = ["activity-history"] as const;
