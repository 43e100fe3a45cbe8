//! Control events: what a stream says beside its events. Named, and without an id, so that they never move a client's cursor.

use bytes::Bytes;
use serde_json::{Value, json};

use super::wire::{Wire, chunk};

/// A control event.
#[derive(Clone, Debug)]
pub struct Control {
    name: &'static str,
    data: Value,
}

impl Control {
    fn new(name: &'static str, data: Value) -> Self {
        Self { name, data }
    }

    /// Its bytes.
    pub fn bytes(&self, wire: Wire) -> Bytes {
        let data = self.data.to_string();
        match wire {
            Wire::Sse => Bytes::from(format!("event: {}\ndata: {data}\n\n", self.name)),
            Wire::Chunked => chunk(&["event: ", self.name, "\ndata: ", &data, "\n\n"]),
            Wire::Message => Bytes::from(data + "\n"),
        }
    }
}

/// The first bytes of every stream: the time to wait before connecting anew, a comment that flushes proxies, and the stream's [`place`], unless a `reset` comes first: a
/// client that was told its new place, and dropped before the reset, would never hear of it.
pub fn opening(wire: Wire, retry_ms: u64, cursor: Option<&str>) -> Bytes {
    let id = cursor.map(|cursor| format!("id: {cursor}\n")).unwrap_or_default();
    let text = || format!("retry: {retry_ms}\n: slipstream\n{id}\n");
    match wire {
        Wire::Sse => Bytes::from(text()),
        Wire::Chunked => chunk(&[&text()]),
        Wire::Message => Bytes::from(json!({"type": "open", "cursor": cursor, "retry": retry_ms}).to_string() + "\n"),
    }
}

/// An id without an event, so that a client that drops before its first event resumes from here. Messages carry their cursors themselves: nothing.
pub fn place(wire: Wire, cursor: &str) -> Bytes {
    match wire {
        Wire::Sse => Bytes::from(format!("id: {cursor}\n\n")),
        Wire::Chunked => chunk(&["id: ", cursor, "\n\n"]),
        Wire::Message => Bytes::new(),
    }
}

/// The replay is over; what follows is live.
pub fn ready(cursor: &str, replayed: u64) -> Control {
    Control::new("ready", json!({"type": "ready", "cursor": cursor, "replayed": replayed}))
}

/// Part of the replay comes from the archive.
pub fn notice(count: u64) -> Control {
    Control::new("notice", json!({"type": "notice", "reason": "served_from_archive", "count": count}))
}

/// The stream is alive, and this far.
pub fn heartbeat(cursor: &str, seconds: f64) -> Control {
    Control::new("heartbeat", json!({"type": "heartbeat", "ts": seconds, "cursor": cursor}))
}

/// The stream could not go on from where the client was; it goes on from `cursor`.
pub fn reset(code: &str, last_event_id: &str, cursor: &str) -> Control {
    let reason = if code.starts_with("cursor_") { "last_event_id_out_of_window" } else { code };
    Control::new("reset", json!({"type": "reset", "reason": reason, "lastEventId": last_event_id, "code": code, "cursor": cursor}))
}

/// The token ends soon.
pub fn expiring(seconds: u64) -> Control {
    Control::new("expiring", json!({"type": "expiring", "reason": "token_expires", "seconds": seconds}))
}

/// The server ends the stream.
pub fn close(reason: &str, reconnect: bool) -> Control {
    Control::new("close", json!({"type": "close", "reason": reason, "reconnect": reconnect}))
}
