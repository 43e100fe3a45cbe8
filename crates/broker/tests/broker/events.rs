//! Messages to publish, and waiting for conditions.

use std::time::{Duration, Instant};

use slipstream_broker::{Message, Outgoing};
use slipstream_event::{EventType, Tenant, id};
use uuid::Uuid;

pub(crate) fn tenant(name: &str) -> Tenant {
    Tenant::new(name).unwrap()
}

/// A message with a new id.
pub(crate) fn outgoing(tenant_name: &str, payload: impl Into<String>) -> Outgoing {
    with_id(tenant_name, id::new(), payload)
}

pub(crate) fn with_id(tenant_name: &str, id: Uuid, payload: impl Into<String>) -> Outgoing {
    let tenant = tenant(tenant_name);
    let msg_id = id::message_id(&tenant, id);
    Outgoing { tenant, event_type: EventType::new("fleet.aircraft.created").unwrap(), msg_id, payload: payload.into().into(), traceparent: None }
}

/// `count` messages of one tenant, numbered in their payload.
pub(crate) fn numbered(tenant_name: &str, count: usize) -> Vec<Outgoing> {
    (0..count).map(|n| outgoing(tenant_name, format!("{tenant_name}-{n}"))).collect()
}

pub(crate) fn payloads(messages: &[Message]) -> Vec<String> {
    messages.iter().map(|message| String::from_utf8(message.payload.to_vec()).unwrap()).collect()
}

pub(crate) fn seqs(messages: &[Message]) -> Vec<u64> {
    messages.iter().map(|message| message.seq).collect()
}

/// Polls until `condition` gives something, for at most 20 s.
pub(crate) async fn eventually<T>(what: &str, mut condition: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(Instant::now() < deadline, "in vain: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
