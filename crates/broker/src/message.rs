//! Messages: as they go out, and as they come back from live tail, fill, replay and consumers.

use async_nats::header as nats;
use bytes::Bytes;
use slipstream_event::{EventType, Position, Tenant, subject};
use time::OffsetDateTime;

use crate::delivered::Delivered;
use crate::header;

/// One event on its way to the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Whose event: decides the shard and the subject.
    pub tenant: Tenant,
    /// Type of the event: the rest of the subject.
    pub event_type: EventType,
    /// Key by which the broker deduplicates, per stream: `<tenant>:<event id>` ([`slipstream_event::id::message_id`]).
    pub msg_id: String,
    /// Canonical JSON of the event.
    pub payload: Bytes,
    /// W3C trace context to carry along.
    pub traceparent: Option<String>,
}

/// The broker's word that a message is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack {
    /// Where it stands. For a duplicate: where its first copy stands.
    pub position: Position,
    /// Whether a message with the same id was there already.
    pub duplicate: bool,
}

/// One stored message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Shard of its stream.
    pub shard: u16,
    /// Epoch of its stream, as known when the reader was made.
    pub epoch: u64,
    /// Sequence in its stream.
    pub seq: u64,
    /// Stored subject, `events.<tenant>.<type>`, also when it came over the live tail.
    pub subject: String,
    /// The bytes as published.
    pub payload: Bytes,
    /// When the broker stored it.
    pub stored_at: Option<OffsetDateTime>,
    /// W3C trace context that came along.
    pub traceparent: Option<String>,
    /// Set on a second copy that [`crate::Broker::redrive`] put back: the consumer for whom. Streams and the other consumers have had the first copy.
    pub redriven: Option<String>,
}

impl Message {
    /// Where it stands.
    pub fn position(&self) -> Position {
        Position::new(self.shard, self.epoch, self.seq)
    }

    /// Tenant and type, from the subject. `None` when the subject is outside the grammar.
    pub fn tenant_and_type(&self) -> Option<(Tenant, EventType)> {
        subject::parse(&self.subject)
    }

    /// A message of the live tail or of a direct get: the server wrote its place in its headers.
    pub(crate) fn placed(message: async_nats::Message, shard: u16, epoch: u64) -> Option<Self> {
        let headers = message.headers.as_ref();
        Some(Self {
            shard,
            epoch,
            seq: header::number(headers, nats::NATS_SEQUENCE)?,
            subject: header::text(headers, nats::NATS_SUBJECT)?.to_owned(),
            stored_at: header::moment(headers, nats::NATS_TIME_STAMP),
            traceparent: header::text(headers, header::TRACEPARENT).map(str::to_owned),
            redriven: header::text(headers, header::REDRIVEN).map(str::to_owned),
            payload: message.payload,
        })
    }

    /// A message that a consumer delivered: the server wrote its place in the reply subject.
    pub(crate) fn delivered(message: async_nats::Message, delivered: &Delivered, shard: u16, epoch: u64) -> Self {
        let headers = message.headers.as_ref();
        Self {
            shard,
            epoch,
            seq: delivered.stream_seq,
            stored_at: delivered.stored_at,
            traceparent: header::text(headers, header::TRACEPARENT).map(str::to_owned),
            redriven: header::text(headers, header::REDRIVEN).map(str::to_owned),
            subject: message.subject.to_string(),
            payload: message.payload,
        }
    }
}
