//! Events as rows of the audit log.

use serde_json::{Map, Value, json};
use slipstream_event::{Event, Object};

/// The row of an event. Times are in UTC.
pub(super) fn row(event: &Event) -> Value {
    let metadata = json!(event.metadata);
    let received = event.metadata.text("receivedAt").unwrap_or_else(|| event.timestamp.to_string());
    json!({
        "id": event.id,
        "amo_id": event.tenant_id,
        "entity_type": event.entity_type,
        "entity_id": event.entity_id,
        "action": event.action,
        "actor_user_id": event.actor.user_id,
        "occurred_at": event.timestamp,
        "before": side(event.changes.as_ref(), "before"),
        "after": side(event.changes.as_ref(), "after"),
        "correlation_id": event.correlation_id,
        "metadata_json": metadata,
        "metadata": metadata,
        "created_at": received,
    })
}

/// The changed fields as they were on one side; null when there are none, or none of them was there.
fn side(changes: Option<&Object>, side: &str) -> Value {
    let value = |json: &str| serde_json::from_str::<Value>(json).ok()?.get(side).cloned();
    let fields: Map<String, Value> =
        changes.into_iter().flat_map(Object::iter).map(|(name, change)| (name.to_owned(), value(change).unwrap_or_default())).collect();
    if fields.values().all(Value::is_null) { Value::Null } else { Value::Object(fields) }
}
