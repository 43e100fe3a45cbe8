//! The events that are sent.

use slipstream_event::draft::Context;
use slipstream_event::{Actor, Draft, Tenant, Timestamp, id, subject};

use crate::serial::Serial;

/// Tenants over which generated events are spread.
pub(crate) const TENANTS: usize = 50;
/// Events of one request.
pub(crate) const BATCH: usize = 100;
/// The user who sends.
pub(crate) const USER: &str = "loader";

/// Events of one tenant that go in one request.
pub(crate) struct Batch {
    /// The tenant.
    pub(crate) tenant: Tenant,
    /// Its drafts, as JSON.
    pub(crate) drafts: Vec<String>,
}

/// An event as the broker gets it.
pub(crate) struct Message {
    /// Subject.
    pub(crate) subject: String,
    /// Id under which the broker deduplicates.
    pub(crate) id: String,
    /// Canonical JSON.
    pub(crate) payload: Vec<u8>,
}

impl Batch {
    /// The body of a request.
    pub(crate) fn body(&self) -> String {
        format!("[{}]", self.drafts.join(","))
    }

    /// The same events as ingest publishes them.
    pub(crate) fn messages(&self) -> Vec<Message> {
        let context = Context { tenant: &self.tenant, actor: &Actor::user(USER), may_write_as: false, now: Timestamp::now() };
        let message = |draft: &String| {
            let event = Draft::from_json(draft.as_bytes()).unwrap().finish(&context).unwrap();
            let subject = subject::published(1, &event.tenant_id, &event.event_type);
            Message { subject, id: id::message_id(&event.tenant_id, event.id), payload: event.to_json().into_bytes() }
        };
        self.drafts.iter().map(message).collect()
    }
}

/// The tenant of this number.
pub(crate) fn tenant(number: usize) -> Tenant {
    Tenant::new(&format!("tenant-{number:02}")).unwrap()
}

/// So many new events in batches, one tenant after the other.
pub(crate) fn batches(events: usize) -> Vec<Batch> {
    let batch = |number: usize| Batch { tenant: tenant(number % TENANTS), drafts: (0..BATCH).map(|event| order(number * BATCH + event)).collect() };
    (0..events.div_ceil(BATCH)).map(batch).collect()
}

/// An event of about 300 bytes, with an id and a time as a producer's outbox gives them.
fn order(number: usize) -> String {
    let (id, now) = (id::new(), Timestamp::now());
    format!(
        r#"{{"id":"{id}","type":"shop.order.updated","entityId":"o-{number:08}","timestamp":"{now}","entityName":"Order {number:08}","metadata":{{"channel":"web","total":"129.90","currency":"EUR","items":3,"warehouse":"north-2","note":"to be left at the door"}},"message":"Order {number:08} was updated"}}"#
    )
}

/// An event that is found again on a stream by its serial number.
pub(crate) fn tick(serial: Serial) -> String {
    let id = id::new();
    format!(r#"{{"id":"{id}","type":"shop.order.updated","entityId":"n-{serial}"}}"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_events_are_taken_and_have_about_the_size_that_is_told() {
        let batches = batches(250);
        assert_eq!(batches.len(), 3);
        let batch = &batches[1];
        assert!(batch.drafts.iter().all(|draft| (270..340).contains(&draft.len())), "{}", batch.drafts[0].len());
        let messages = batch.messages();
        assert_eq!(messages[0].subject, "events.tenant-01.shop.order.updated");
        assert!(messages[0].id.starts_with("tenant-01:") && messages[0].payload.len() < 700, "{}", messages[0].payload.len());
    }
}
