//! Events about the activity log: its settings, and its clearing.

use super::{Declaration, Kind, optional, required};
use crate::Category::System;
use crate::Severity::{self, Info, Warning};

const ACTIVITY: &[&str] = &["activity-log", "activity-settings", "activity-history"];
const SEVERITIES: &[Severity] = &[Info, Warning];
const WARNING: &[Severity] = &[Warning];

pub(super) const DECLARATIONS: &[Declaration] = &[
    Declaration {
        event_type: "activity.settings.updated",
        category: System,
        severities: SEVERITIES,
        visibility: "tenant",
        message: "{actor} changed the settings of the activity log",
        query_keys: ACTIVITY,
        metadata: &[required("before", Kind::Object), required("after", Kind::Object), optional("reason", Kind::TextOrNull)],
        example: r#"{"before":{"enabled":true,"maxDays":90,"maxEntries":100000},"after":{"enabled":true,"maxDays":30,"maxEntries":100000}}"#,
    },
    Declaration {
        event_type: "activity.log.disabled",
        category: System,
        severities: WARNING,
        visibility: "tenant",
        message: "{actor} turned the activity log off",
        query_keys: ACTIVITY,
        metadata: &[optional("reason", Kind::TextOrNull)],
        example: "{}",
    },
    Declaration {
        event_type: "activity.log.enabled",
        category: System,
        severities: SEVERITIES,
        visibility: "tenant",
        message: "{actor} turned the activity log on",
        query_keys: ACTIVITY,
        metadata: &[optional("reason", Kind::TextOrNull)],
        example: "{}",
    },
    Declaration {
        event_type: "activity.log.cleared",
        category: System,
        severities: WARNING,
        visibility: "tenant",
        message: "{actor} cleared the activity log",
        query_keys: ACTIVITY,
        metadata: &[required("cleared", Kind::Number), optional("reason", Kind::TextOrNull)],
        example: r#"{"cleared":412,"reason":"end of the trial"}"#,
    },
];
