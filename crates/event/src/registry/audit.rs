//! Events about the audit trail itself: who read it, who took a copy, who was refused.

use super::{Declaration, Kind, optional, required};
use crate::Category::{Auth, System};
use crate::Severity::{self, Info, Warning};

const HISTORY: &[&str] = &["activity-history"];
const VIEWS: &[&str] = &["saved-views", "activity-history"];
const EXPORTS: &[&str] = &["exports", "activity-history"];
const INFO: &[Severity] = &[Info];
const WARNING: &[Severity] = &[Warning];

pub(super) const DECLARATIONS: &[Declaration] = &[
    Declaration {
        event_type: "audit.export.created",
        category: System,
        severities: WARNING,
        visibility: "admin",
        message: "{actor} exported {what} as {format}",
        query_keys: EXPORTS,
        metadata: &[
            required("what", Kind::Text),
            required("format", Kind::Text),
            optional("filters", Kind::Object),
            optional("rows", Kind::Number),
            optional("job", Kind::TextOrNull),
            optional("reason", Kind::TextOrNull),
        ],
        example: r#"{"what":"the history","format":"csv","filters":{"severity":"error"},"rows":120}"#,
    },
    Declaration {
        event_type: "audit.log.read",
        category: System,
        severities: INFO,
        visibility: "admin",
        message: "{actor} read the audit log",
        query_keys: HISTORY,
        metadata: &[required("route", Kind::Text), optional("filters", Kind::Object), optional("rows", Kind::Number)],
        example: r#"{"route":"/audit-events","filters":{"action":"deleted"},"rows":17}"#,
    },
    Declaration {
        event_type: "audit.event.refused",
        category: Auth,
        severities: WARNING,
        visibility: "admin",
        message: "An event of {actor} was refused: {reason}",
        query_keys: HISTORY,
        metadata: &[required("reason", Kind::Text), optional("route", Kind::Text), optional("named", Kind::TextOrNull)],
        example: r#"{"reason":"actor_mismatch","route":"/audit/","named":"u-2"}"#,
    },
    Declaration {
        event_type: "audit.access.refused",
        category: Auth,
        severities: WARNING,
        visibility: "admin",
        message: "A call of {actor} was refused: {reason}",
        query_keys: HISTORY,
        metadata: &[required("reason", Kind::Text), optional("route", Kind::TextOrNull)],
        example: r#"{"reason":"role_forbidden","route":"/api/admin/revocations"}"#,
    },
    Declaration {
        event_type: "audit.access.suppressed",
        category: Auth,
        severities: WARNING,
        visibility: "admin",
        message: "{suppressed} more refused calls of {actor} within a minute",
        query_keys: HISTORY,
        metadata: &[required("suppressed", Kind::Number)],
        example: r#"{"suppressed":112}"#,
    },
    Declaration {
        event_type: "audit.saved_view.saved",
        category: System,
        severities: INFO,
        visibility: "tenant",
        message: "{actor} shared the view {entityName}",
        query_keys: VIEWS,
        metadata: &[optional("query", Kind::Object)],
        example: r#"{"query":{"severity":["error"]}}"#,
    },
    Declaration {
        event_type: "audit.saved_view.deleted",
        category: System,
        severities: INFO,
        visibility: "tenant",
        message: "{actor} deleted the shared view {entityName}",
        query_keys: VIEWS,
        metadata: &[],
        example: "{}",
    },
];
