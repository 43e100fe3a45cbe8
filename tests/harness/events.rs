//! What tests send.

use serde_json::{Value, json};

/// A new id for an event, as producers make them.
pub fn id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// A support ticket to be opened.
pub fn ticket(subject: &str) -> Value {
    json!({"subject": subject, "description": "It does not print.", "priority": "MEDIUM"})
}
