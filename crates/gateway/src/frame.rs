//! Frames: events as streams send them, encoded once for all readers.

pub mod control;
mod wire;

use std::sync::OnceLock;

use bytes::Bytes;
use slipstream_event::{CursorKey, Event, Position, Tenant, Visibility, cloudevents};

pub use wire::Wire;

/// How a stream shows its events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Projection {
    /// The canonical envelope; events are unnamed.
    #[default]
    Envelope,
    /// The canonical envelope; events are named by their type.
    Named,
    /// CloudEvents 1.0, structured; events are unnamed.
    CloudEvents,
}

/// One event of the log, ready to be sent. Each projection is encoded when it is first asked for, then shared.
#[derive(Debug)]
pub struct Frame {
    seq: u64,
    event: Event,
    concerned: Option<String>,
    cursor: String,
    json: String,
    /// In HTTP/1.1 chunks, by projection: what other writers send is cut out of them.
    chunks: [OnceLock<Bytes>; 3],
    /// As messages, by projection; names make no difference there.
    messages: [OnceLock<Bytes>; 2],
}

impl Frame {
    /// The frame of a message of the log. `None` when the payload is no event of `tenant`, the tenant of its subject.
    pub fn new(key: &CursorKey, tenant: &Tenant, position: Position, payload: &[u8]) -> Option<Self> {
        let mut event = Event::from_json(payload).ok().filter(|event| event.tenant_id == *tenant)?;
        event.changes = None;
        let json = event.to_json();
        let cursor = key.seal(&event.tenant_id, position);
        let concerned = event.concerned();
        Some(Self { seq: position.seq, concerned, cursor, json, event, chunks: Default::default(), messages: Default::default() })
    }

    /// Sequence in the log.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Whose event it is.
    pub fn tenant(&self) -> &Tenant {
        &self.event.tenant_id
    }

    /// The event's id.
    pub fn id(&self) -> uuid::Uuid {
        self.event.id
    }

    /// The event.
    pub fn event(&self) -> &Event {
        &self.event
    }

    /// The user whom the event concerns, if any.
    pub fn concerned(&self) -> Option<&str> {
        self.concerned.as_deref()
    }

    /// Whether it depends on the reader's user id who may see it.
    pub fn is_personal(&self) -> bool {
        self.concerned.is_some() && matches!(self.event.visibility, Visibility::Subject | Visibility::External)
    }

    /// The bytes of a projection, for a kind of writer.
    pub fn bytes(&self, projection: Projection, wire: Wire) -> Bytes {
        match wire {
            Wire::Chunked => self.chunk(projection).clone(),
            Wire::Sse => wire::unwrap_chunk(self.chunk(projection)),
            Wire::Message => self.message(projection).clone(),
        }
    }

    fn chunk(&self, projection: Projection) -> &Bytes {
        let encode = || match projection {
            Projection::Envelope => self.encode(None, &self.json),
            Projection::Named => self.encode(Some(self.event.event_type.as_str()), &self.json),
            Projection::CloudEvents => self.encode(None, &cloudevents::to_json(&self.event)),
        };
        self.chunks[projection as usize].get_or_init(encode)
    }

    fn message(&self, projection: Projection) -> &Bytes {
        let encode = |json: &str| Bytes::from(format!(r#"{{"type":"event","cursor":"{}","event":{json}}}{}"#, self.cursor, '\n'));
        match projection {
            Projection::Envelope | Projection::Named => self.messages[0].get_or_init(|| encode(&self.json)),
            Projection::CloudEvents => self.messages[1].get_or_init(|| encode(&cloudevents::to_json(&self.event))),
        }
    }

    /// Cursor, type and JSON hold no line breaks.
    fn encode(&self, name: Option<&str>, data: &str) -> Bytes {
        let parts = match name {
            Some(name) => &["id: ", &self.cursor, "\nevent: ", name, "\ndata: ", data, "\n\n"][..],
            None => &["id: ", &self.cursor, "\ndata: ", data, "\n\n"][..],
        };
        wire::chunk(parts)
    }

    /// Size of its JSON, in bytes.
    pub fn json_bytes(&self) -> usize {
        self.json.len()
    }

    /// Roughly what it holds in memory, in bytes.
    pub fn weight(&self) -> usize {
        self.json.len() * 2 + self.event.metadata.iter().map(|(k, v)| k.len() + v.len()).sum::<usize>() + 768
    }
}
