//! What tests send.

use serde_json::{Value, json};

use crate::places;

/// A new id for an event, as producers make them.
pub fn id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// A support ticket to be opened.
pub fn ticket(subject: &str) -> Value {
    json!({"subject": subject, "description": "It does not print.", "priority": "MEDIUM"})
}

/// The seed of a test that does something random: a new one, or that of `SLIPSTREAM_TEST_SEED`.
pub fn seed() -> u64 {
    places::variable("SLIPSTREAM_TEST_SEED").and_then(|seed| seed.to_str()?.parse().ok()).unwrap_or_else(rand::random)
}
