//! OCSF 1.3: class Entity Management (3004) of the category Identity & Access Management, one event a line.
//!
//! The other class that would fit, API Activity (6003), demands where a call came from, which an event does not know. Every attribute stands in the schema, and all that the class requires
//! are there. A name beside a number (`severity`, `type_name`, `actor.user.type` …) is the schema's own, and for 99 the event's word. Outcomes, observables and offsets of time are not known
//! and left out.
//!
//! | OCSF | event |
//! |---|---|
//! | `metadata.uid`, `.tenant_uid`, `.correlation_uid`, `.event_code` | `id`, `tenantId`, `correlationId`, `type` |
//! | `time`, `metadata.original_time` | `timestamp`, in milliseconds, and as it stands |
//! | `type_uid`, `type_name` | `class_uid` × 100 + `activity_id`, and its name |
//! | `activity_id`, `activity_name` | `action`: created 1, read 2, updated 3, deleted 4, moved 5, enrolled 6, unenrolled 7, enabled 8, disabled 9, activated 10, deactivated 11, suspended 12, resumed 13, else 99 |
//! | `severity_id`, `severity` | `severity`: info 1 (Informational), warning 3 (Medium), error 4 (High), critical 5 (Critical) |
//! | `actor.user.uid`, `.name`, `.type_id`, `.type` | `actor.userId`, `actor.name`, `actor.kind`: user 1, system 3, else 99 |
//! | `entity.uid`, `.name`, `.type_id`, `.type` | `entityId`, `entityName`, 99, `entityType` |
//! | `message`, `comment` | `message`, `metadata.reason` |
//! | `unmapped` | `category`, `module`, `visibility`, `metadata`, `changes` and `actor.onBehalfOf` |

use serde::Serialize;

use super::{csv, ndjson};
use crate::{ActorKind, Event, Object, Severity};

/// The version of the schema.
pub const VERSION: &str = "1.3.0";
/// Entity Management.
pub const CLASS_UID: u32 = 3004;
const CLASS_NAME: &str = "Entity Management";
/// What the schema has no number for; the event's own word stands beside it.
const OTHER: u32 = 99;

#[derive(Serialize)]
struct Shown<'a> {
    activity_id: u32,
    activity_name: &'a str,
    category_uid: u32,
    category_name: &'a str,
    class_uid: u32,
    class_name: &'a str,
    type_uid: u32,
    type_name: String,
    severity_id: u32,
    severity: &'a str,
    time: i64,
    metadata: Metadata<'a>,
    actor: Actor<'a>,
    entity: Entity<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    unmapped: Unmapped<'a>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    version: &'a str,
    product: Product<'a>,
    uid: uuid::Uuid,
    tenant_uid: &'a str,
    event_code: &'a str,
    original_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_uid: Option<&'a str>,
}

#[derive(Serialize)]
struct Product<'a> {
    name: &'a str,
    vendor_name: &'a str,
}

#[derive(Serialize)]
struct Actor<'a> {
    user: User<'a>,
}

#[derive(Serialize)]
struct User<'a> {
    uid: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    type_id: u32,
    #[serde(rename = "type")]
    kind: &'a str,
}

#[derive(Serialize)]
struct Entity<'a> {
    uid: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    type_id: u32,
    #[serde(rename = "type")]
    entity_type: &'a str,
}

#[derive(Serialize)]
struct Unmapped<'a> {
    category: &'a str,
    module: &'a str,
    visibility: String,
    metadata: &'a Object,
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<&'a Object>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_behalf_of: Option<&'a str>,
}

/// An event's line.
pub fn line(event: &Event, out: &mut Vec<u8>) {
    // Strings, numbers and raw JSON only: nothing in it can fail to serialise.
    ndjson::line(&serde_json::to_string(&shown(event)).unwrap_or_default(), out);
}

fn shown(event: &Event) -> Shown<'_> {
    let (activity_id, activity_name) = activity(&event.action);
    let (severity_id, severity) = severity(event.severity);
    Shown {
        activity_id,
        activity_name,
        category_uid: CLASS_UID / 1_000,
        category_name: "Identity & Access Management",
        class_uid: CLASS_UID,
        class_name: CLASS_NAME,
        type_uid: CLASS_UID * 100 + activity_id,
        type_name: format!("{CLASS_NAME}: {}", if activity_id == OTHER { "Other" } else { activity_name }),
        severity_id,
        severity,
        time: event.timestamp.micros().div_euclid(1_000),
        metadata: Metadata {
            version: VERSION,
            product: Product { name: "Slipstream", vendor_name: "Slipstream" },
            uid: event.id,
            tenant_uid: event.tenant_id.as_str(),
            event_code: event.event_type.as_str(),
            original_time: event.timestamp.to_string(),
            correlation_uid: event.correlation_id.as_deref(),
        },
        actor: Actor { user: user(&event.actor) },
        entity: Entity { uid: &event.entity_id, name: event.entity_name.as_deref(), type_id: OTHER, entity_type: &event.entity_type },
        message: event.message.as_deref(),
        comment: event.metadata.text("reason"),
        unmapped: Unmapped {
            category: event.category.as_str(),
            module: &event.module,
            visibility: event.visibility.to_string(),
            metadata: &event.metadata,
            changes: event.changes.as_ref(),
            on_behalf_of: event.actor.on_behalf_of.as_deref(),
        },
    }
}

fn user(actor: &crate::Actor) -> User<'_> {
    let (type_id, kind) = match actor.kind {
        ActorKind::User => (1, "User"),
        ActorKind::System => (3, "System"),
        ActorKind::Service | ActorKind::Agent => (OTHER, csv::kind(actor)),
    };
    User { uid: &actor.user_id, name: actor.name.as_deref(), type_id, kind }
}

/// Number and name; an action without a number of its own keeps its word.
fn activity(action: &str) -> (u32, &str) {
    match action {
        "created" => (1, "Create"),
        "read" | "viewed" => (2, "Read"),
        "updated" | "changed" => (3, "Update"),
        "deleted" | "removed" => (4, "Delete"),
        "moved" | "renamed" => (5, "Move"),
        "enrolled" => (6, "Enroll"),
        "unenrolled" => (7, "Unenroll"),
        "enabled" => (8, "Enable"),
        "disabled" => (9, "Disable"),
        "activated" => (10, "Activate"),
        "deactivated" => (11, "Deactivate"),
        "suspended" => (12, "Suspend"),
        "resumed" => (13, "Resume"),
        other => (OTHER, other),
    }
}

fn severity(severity: Severity) -> (u32, &'static str) {
    match severity {
        Severity::Info => (1, "Informational"),
        Severity::Warning => (3, "Medium"),
        Severity::Error => (4, "High"),
        Severity::Critical => (5, "Critical"),
    }
}
