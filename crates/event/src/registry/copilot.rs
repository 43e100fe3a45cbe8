//! Events of the copilot control plane.

use super::{Declaration, Kind, optional, required};
use crate::Category::{Capture, Entity};
use crate::Severity::{self, Error, Info, Warning};

const TICKETS: &[&str] = &["tickets", "global-ops", "activity-history"];
const RUNS: &[&str] = &["runs", "activity-history"];
const INFO: &[Severity] = &[Info];
const WARNING: &[Severity] = &[Warning];
const ERROR: &[Severity] = &[Error];

pub(super) const DECLARATIONS: &[Declaration] = &[
    Declaration {
        event_type: "copilot.support_ticket.created",
        category: Entity,
        severities: &[Info, Warning],
        visibility: "tenant",
        message: "{actor} opened the support ticket {entityName}",
        query_keys: TICKETS,
        metadata: &[required("status", Kind::Text), required("priority", Kind::Text), optional("assignedTo", Kind::TextOrNull)],
        example: r#"{"status":"OPEN","priority":"MEDIUM","assignedTo":null}"#,
    },
    Declaration {
        event_type: "copilot.support_ticket.updated",
        category: Entity,
        severities: INFO,
        visibility: "tenant",
        message: "{actor} changed the support ticket {entityName}",
        query_keys: TICKETS,
        metadata: &[required("fields", Kind::Texts)],
        example: r#"{"fields":["subject"]}"#,
    },
    Declaration {
        event_type: "copilot.support_ticket.status_changed",
        category: Entity,
        severities: INFO,
        visibility: "tenant",
        message: "{actor} moved the support ticket {entityName} from {from} to {to}",
        query_keys: TICKETS,
        metadata: &[required("from", Kind::Text), required("to", Kind::Text)],
        example: r#"{"from":"OPEN","to":"RESOLVED"}"#,
    },
    Declaration {
        event_type: "copilot.support_ticket.assigned",
        category: Entity,
        severities: INFO,
        visibility: "tenant",
        message: "{actor} changed the assignee of the support ticket {entityName}",
        query_keys: TICKETS,
        metadata: &[required("from", Kind::TextOrNull), required("to", Kind::TextOrNull)],
        example: r#"{"from":null,"to":"u-7"}"#,
    },
    Declaration {
        event_type: "copilot.support_ticket.deleted",
        category: Entity,
        severities: WARNING,
        visibility: "tenant",
        message: "{actor} deleted the support ticket {entityName}",
        query_keys: TICKETS,
        metadata: &[],
        example: "{}",
    },
    Declaration {
        event_type: "copilot.bulk.completed",
        category: Capture,
        severities: WARNING,
        visibility: "admin",
        message: "{actor} ran {operation} on {matched} rows, {changed} changed",
        query_keys: TICKETS,
        metadata: &[
            required("operation", Kind::Text),
            required("matched", Kind::Number),
            required("changed", Kind::Number),
            required("skipped", Kind::Number),
            optional("filters", Kind::Object),
            optional("accountIds", Kind::Texts),
            optional("reason", Kind::TextOrNull),
            optional("dryRun", Kind::Boolean),
        ],
        example: r#"{"operation":"support_tickets.bulk_update","matched":3,"changed":2,"skipped":1}"#,
    },
    Declaration {
        event_type: "copilot.session.started",
        category: Capture,
        severities: INFO,
        visibility: "tenant",
        message: "Session {entityName} began",
        query_keys: RUNS,
        metadata: &[],
        example: "{}",
    },
    Declaration {
        event_type: "copilot.session.ended",
        category: Capture,
        severities: INFO,
        visibility: "tenant",
        message: "Session {entityName} ended",
        query_keys: RUNS,
        metadata: &[optional("reward", Kind::Number)],
        example: r#"{"reward":1.0}"#,
    },
    Declaration {
        event_type: "copilot.tool_call.completed",
        category: Capture,
        severities: INFO,
        visibility: "tenant",
        message: "{actor} called the tool {tool}",
        query_keys: RUNS,
        metadata: &[required("tool", Kind::Text), optional("arguments", Kind::Any), optional("result", Kind::Any)],
        example: r#"{"tool":"book_reservation","arguments":{"origin":"JFK"},"result":"ok"}"#,
    },
    Declaration {
        event_type: "copilot.tool_call.failed",
        category: Capture,
        severities: ERROR,
        visibility: "tenant",
        message: "{actor} called the tool {tool}, which failed",
        query_keys: RUNS,
        metadata: &[required("tool", Kind::Text), optional("arguments", Kind::Any), optional("error", Kind::Text)],
        example: r#"{"tool":"book_reservation","arguments":{"origin":"JFK"},"error":"no seats"}"#,
    },
    Declaration {
        event_type: "copilot.handoff.requested",
        category: Capture,
        severities: WARNING,
        visibility: "tenant",
        message: "{actor} asked for a human",
        query_keys: RUNS,
        metadata: &[optional("summary", Kind::Text)],
        example: r#"{"summary":"the user wants a refund"}"#,
    },
];
