//! Frames: events as streams send them, encoded once for all readers.

use std::fmt::Write as _;
use std::sync::OnceLock;

use bytes::Bytes;
use serde_json::json;
use slipstream_event::{CursorKey, Event, Filter, Position, Tenant, Viewer, cloudevents};

/// How a stream shows its events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
    encoded: [OnceLock<Bytes>; 3],
}

impl Frame {
    /// The frame of a message of the log. `None` when the payload is no event of `tenant`, the tenant of its subject.
    pub fn new(key: &CursorKey, tenant: &Tenant, position: Position, payload: &[u8]) -> Option<Self> {
        let mut event = Event::from_json(payload).ok().filter(|event| event.tenant_id == *tenant)?;
        event.changes = None;
        let json = event.to_json();
        let cursor = key.seal(&event.tenant_id, position);
        Some(Self { seq: position.seq, concerned: event.concerned(), cursor, json, event, encoded: Default::default() })
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

    /// Whether a reader may see it and asked for it.
    pub fn is_for(&self, viewer: &Viewer, filter: &Filter) -> bool {
        viewer.sees(&self.event.visibility, self.concerned.as_deref()) && (filter.is_empty() || filter.takes(&self.event))
    }

    /// The bytes of a projection.
    pub fn bytes(&self, projection: Projection) -> Bytes {
        let encode = || match projection {
            Projection::Envelope => encode(&self.cursor, None, &self.json),
            Projection::Named => encode(&self.cursor, Some(self.event.event_type.as_str()), &self.json),
            Projection::CloudEvents => encode(&self.cursor, None, &cloudevents::to_json(&self.event)),
        };
        self.encoded[projection as usize].get_or_init(encode).clone()
    }

    /// Roughly what it holds in memory, in bytes.
    pub fn weight(&self) -> usize {
        self.json.len() * 2 + self.event.metadata.iter().map(|(k, v)| k.len() + v.len()).sum::<usize>() + 512
    }
}

fn encode(cursor: &str, name: Option<&str>, data: &str) -> Bytes {
    let mut out = String::with_capacity(data.len() + cursor.len() + name.map_or(0, str::len) + 24);
    // Writing to a String cannot fail. Cursor, type and JSON hold no line breaks.
    writeln!(out, "id: {cursor}").unwrap_or_default();
    if let Some(name) = name {
        writeln!(out, "event: {name}").unwrap_or_default();
    }
    write!(out, "data: {data}\n\n").unwrap_or_default();
    Bytes::from(out)
}

/// The first bytes of every stream: the time to wait before connecting anew, a comment that flushes proxies, and an id, so that a
/// client that drops before its first event resumes from here.
pub fn opening(retry_ms: u64, cursor: &str) -> Bytes {
    Bytes::from(format!("retry: {retry_ms}\n: slipstream\nid: {cursor}\n\n"))
}

/// Control events: named, without an id.
pub mod control {
    use super::{Bytes, json};
    use serde_json::Value;

    fn encode(name: &str, data: &Value) -> Bytes {
        Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
    }

    /// The replay is over; what follows is live.
    pub fn ready(cursor: &str, replayed: u64) -> Bytes {
        encode("ready", &json!({"type": "ready", "cursor": cursor, "replayed": replayed}))
    }

    /// Part of the replay comes from the archive.
    pub fn notice(count: u64) -> Bytes {
        encode("notice", &json!({"type": "notice", "reason": "served_from_archive", "count": count}))
    }

    /// The stream is alive, and this far.
    pub fn heartbeat(cursor: &str, seconds: f64) -> Bytes {
        encode("heartbeat", &json!({"type": "heartbeat", "ts": seconds, "cursor": cursor}))
    }

    /// The stream could not go on from where the client was; it goes on from `cursor`.
    pub fn reset(code: &str, last_event_id: &str, cursor: &str) -> Bytes {
        let reason = if code.starts_with("cursor_") { "last_event_id_out_of_window" } else { code };
        encode("reset", &json!({"type": "reset", "reason": reason, "lastEventId": last_event_id, "code": code, "cursor": cursor}))
    }

    /// The token ends soon.
    pub fn expiring(seconds: u64) -> Bytes {
        encode("expiring", &json!({"type": "expiring", "reason": "token_expires", "seconds": seconds}))
    }

    /// The server ends the stream.
    pub fn close(reason: &str, reconnect: bool) -> Bytes {
        encode("close", &json!({"type": "close", "reason": reason, "reconnect": reconnect}))
    }
}
