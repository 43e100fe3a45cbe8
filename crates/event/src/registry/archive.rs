//! Events about the archive: what was redacted, held, or no longer kept, and under which rules.

use super::{Declaration, Kind, optional, required};
use crate::Category::System;
use crate::Severity::{self, Info, Warning};

const ARCHIVE: &[&str] = &["archive-policy", "activity-history"];
const INFO: &[Severity] = &[Info];
const WARNING: &[Severity] = &[Warning];

pub(super) const DECLARATIONS: &[Declaration] = &[
    Declaration {
        event_type: "archive.redaction.applied",
        category: System,
        severities: WARNING,
        visibility: "admin",
        message: "{actor} redacted {count} events",
        query_keys: ARCHIVE,
        // `events` names each event by its place in the ledger, with the SHA-256 of what is left of it: by that a verifier tells a redaction from tampering.
        metadata: &[
            required("count", Kind::Number),
            required("fields", Kind::Texts),
            required("events", Kind::Any),
            optional("rule", Kind::TextOrNull),
            optional("reason", Kind::TextOrNull),
        ],
        example: r#"{"count":1,"fields":["metadata.email"],"events":[[41,"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"]],"reason":"erasure request 17"}"#,
    },
    Declaration {
        event_type: "archive.redaction_rule.saved",
        category: System,
        severities: WARNING,
        visibility: "admin",
        message: "{actor} saved the redaction rule {entityName}",
        query_keys: ARCHIVE,
        metadata: &[required("rule", Kind::Object)],
        example: r#"{"rule":{"types":["auth"],"fields":["metadata.email"],"afterDays":30}}"#,
    },
    Declaration {
        event_type: "archive.redaction_rule.deleted",
        category: System,
        severities: WARNING,
        visibility: "admin",
        message: "{actor} deleted the redaction rule {entityName}",
        query_keys: ARCHIVE,
        metadata: &[],
        example: "{}",
    },
    Declaration {
        event_type: "archive.hold.placed",
        category: System,
        severities: WARNING,
        visibility: "admin",
        message: "{actor} placed the legal hold {entityName}",
        query_keys: ARCHIVE,
        metadata: &[required("hold", Kind::Object)],
        example: r#"{"hold":{"entityType":"fleet.aircraft","entityId":"D-ABCD","reason":"investigation 12"}}"#,
    },
    Declaration {
        event_type: "archive.hold.released",
        category: System,
        severities: WARNING,
        visibility: "admin",
        message: "{actor} released the legal hold {entityName}",
        query_keys: ARCHIVE,
        metadata: &[optional("reason", Kind::TextOrNull)],
        example: r#"{"reason":"investigation 12 is closed"}"#,
    },
    Declaration {
        event_type: "archive.retention.updated",
        category: System,
        severities: WARNING,
        visibility: "admin",
        message: "{actor} changed how long events are kept",
        query_keys: ARCHIVE,
        metadata: &[required("before", Kind::Any), required("after", Kind::Any)],
        example: r#"{"before":[],"after":[{"category":"device","maxDays":90}]}"#,
    },
    Declaration {
        event_type: "archive.retention.completed",
        category: System,
        severities: INFO,
        visibility: "admin",
        message: "Retention removed {removed} events",
        query_keys: ARCHIVE,
        metadata: &[required("removed", Kind::Number), required("held", Kind::Number), optional("report", Kind::Object)],
        example: r#"{"removed":1200,"held":3,"report":{"device":1200}}"#,
    },
];
