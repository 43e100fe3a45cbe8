//! Events: drafts, CloudEvents, free JSON, and the frames made of what stands in the log.

use bytes::Bytes;
use serde_json::Value;
use slipstream_event::draft::Context;
use slipstream_event::redaction::{Field, redact};
use slipstream_event::{Actor, CursorKey, Draft, Event, Fault, Object, Position, Tenant, Timestamp, limits};
use slipstream_gateway::frame::{Frame, Projection, Wire};

use crate::sse::{Block, Parser};
use crate::text;

/// The tenant of the verified caller.
pub(crate) const TENANT: &str = "acme";

/// A draft in JSON: refused with a reason, or completed to an event that is whole, canonical and the caller's.
pub fn draft(data: &[u8]) {
    match Draft::from_json(data) {
        Ok(draft) => finished(draft, check_event),
        Err(fault) => check_faults(&[fault]),
    }
}

/// A CloudEvent: as a draft, and what is offered as CloudEvent can be read again.
pub fn cloudevents(data: &[u8]) {
    let draft = match slipstream_event::cloudevents::from_json(data) {
        Ok(draft) => draft,
        Err(fault) => return check_faults(&[fault]),
    };
    finished(draft, |event| {
        check_event(event);
        let json = slipstream_event::cloudevents::to_json(event);
        assert!(!json.contains(['\n', '\r']), "a CloudEvent is one line: {json}");
        let again = slipstream_event::cloudevents::from_json(json.as_bytes()).expect("our own CloudEvent is one");
        assert_eq!(again.id, Some(event.id.to_string()));
        assert_eq!((again.event_type.as_str(), again.entity_id.as_str()), (event.event_type.as_str(), event.entity_id.as_str()));
        assert_eq!((again.severity, again.timestamp), (Some(event.severity), Some(event.timestamp.to_string())));
        assert_eq!((again.message, again.entity_name), (event.message.clone(), event.entity_name.clone()));
        assert_eq!(again.metadata.text("amoId").as_deref(), Some(TENANT));
    });
}

/// Free JSON: made compact, it means the same, stays on one line, and does not change when it is read again.
pub fn object(data: &[u8]) {
    let given = text(data);
    let Ok(object) = Object::parse(&given) else { return };
    let compact = serde_json::to_string(&object).expect("an object serialises");
    assert!(!compact.contains(['\n', '\r']), "free JSON is one line: {compact}");
    let (before, after) = (serde_json::from_str::<Value>(&given), serde_json::from_str::<Value>(&compact));
    // The other way round is possible: a value that nobody can represent may be gone, when its key came again.
    assert!(before.is_err() || after.is_ok(), "{given} became {compact}");
    if let (Ok(before), Ok(after)) = (before, after) {
        assert_eq!(before, after);
        let fits = object.len() <= limits::OBJECT_KEYS_MAX && depth(&after) <= limits::OBJECT_DEPTH_MAX;
        // The library's own reading of one odd key, which stands for raw JSON, is not ours.
        assert!(object.check("metadata").is_ok() == fits || compact.contains("$serde_json"), "{compact}");
    }
    let again = Object::parse(&compact).expect("what was written can be read");
    assert_eq!(serde_json::to_string(&again).expect("an object serialises"), compact);
    for (key, raw) in object.iter() {
        assert_eq!(object.get(key), Some(raw));
    }
}

/// A payload in the log: whatever it is, it becomes no frame, or one that a browser reads as exactly one event of this tenant.
pub fn frame(data: &[u8]) {
    let tenant = Tenant::new(TENANT).expect("a tenant");
    check_frame(&tenant, data);
    let mut draft = Draft { event_type: "a.b.c".to_owned(), entity_id: text(data), message: Some(text(data)), ..Draft::default() };
    draft.metadata.set(&text(data), &text(data)).expect("a text serialises");
    finished(draft, |event| {
        check_frame(&tenant, event.to_json().as_bytes());
        let other = Tenant::new("other").expect("a tenant");
        assert!(Frame::new(&CursorKey::new(b"key"), &other, Position::new(0, 1, 1), event.to_json().as_bytes()).is_none(), "shown to another tenant");
    });
}

fn check_frame(tenant: &Tenant, payload: &[u8]) {
    let (key, position) = (CursorKey::new(b"key"), Position::new(0, 1, 42));
    let Some(frame) = Frame::new(&key, tenant, position, payload) else { return };
    assert_eq!(frame.tenant(), tenant);
    let event = Event::from_json(payload).expect("a frame is made of an event");
    let name = Some(event.event_type.to_string());
    let public = Event { changes: None, ..event.clone() };
    for (projection, event_name) in [(Projection::Envelope, None), (Projection::Named, name), (Projection::CloudEvents, None)] {
        let bytes = frame.bytes(projection, Wire::Sse);
        assert_eq!(frame.bytes(projection, Wire::Chunked), [format!("{:x}\r\n", bytes.len()).as_bytes(), &bytes, b"\r\n"].concat());
        let block = only_block(&bytes);
        assert_eq!((&block.id, &block.event, block.retry), (&Some(key.seal(tenant, position)), &event_name, None));
        let data = block.data.expect("an event has data");
        if projection == Projection::CloudEvents {
            assert_eq!(data, slipstream_event::cloudevents::to_json(&public));
        } else {
            assert_eq!(Event::from_json(data.as_bytes()).ok().as_ref(), Some(&public), "what is shown is the event, without what is hidden");
        }
        let message = frame.bytes(projection, Wire::Message);
        let (line, rest) = message.split_at(message.len() - 1);
        assert!(rest == b"\n" && !line.contains(&b'\n') && serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok());
    }
}

/// The one block of an encoded event, whatever the pieces in which it arrives.
pub(crate) fn only_block(bytes: &Bytes) -> Block {
    let whole = Parser::default().feed(bytes);
    let mut parser = Parser::default();
    let in_pieces: Vec<Block> = bytes.chunks(7).flat_map(|piece| parser.feed(piece)).collect();
    assert_eq!(whole, in_pieces);
    let [block] = whole.as_slice() else { panic!("{} blocks in {}", whole.len(), String::from_utf8_lossy(bytes)) };
    block.clone()
}

fn finished(draft: Draft, check: impl FnOnce(&Event)) {
    let (tenant, actor) = (Tenant::new(TENANT).expect("a tenant"), Actor::user("u1"));
    let now = Timestamp::parse("2026-01-01T00:00:00Z").expect("a timestamp");
    match draft.finish(&Context { tenant: &tenant, actor: &actor, may_write_as: false, now }) {
        Ok(event) => check(&event),
        Err(faults) => check_faults(&faults),
    }
}

fn check_event(event: &Event) {
    let json = event.to_json();
    assert!(json.len() <= limits::EVENT_BYTES_MAX && !json.contains(['\n', '\r']), "{json}");
    let again = Event::from_json(json.as_bytes()).expect("canonical JSON can be read");
    assert_eq!((&again, again.to_json()), (event, json), "canonical JSON is stable");
    assert_eq!((event.tenant_id.as_str(), event.actor.user_id.as_str()), (TENANT, "u1"), "the caller's");
    assert_eq!((event.metadata.text("amoId").as_deref(), event.metadata.text("module")), (Some(TENANT), Some(event.module.clone())));
    assert_eq!(event.event_type.as_str(), format!("{}.{}", event.entity_type, event.action));
    assert!(!event.id.is_nil() && !event.entity_id.is_empty());
    check_redaction(event);
}

/// What is left of an event without all that can be taken away is an event with the same identity, and nothing more can be taken from it.
fn check_redaction(event: &Event) {
    let keys = event.metadata.iter().map(|(key, _)| format!("metadata.{key}"));
    let paths = keys.chain(["actor", "entityName", "message", "correlationId", "sourceId", "changes"].map(str::to_owned));
    let fields: Vec<Field> = paths.filter_map(|path| Field::parse("fields", &path).ok()).collect();
    let left = redact(event, &fields).expect("its actor at least");
    let again = Event::from_json(left.to_json().as_bytes()).expect("what is left can be read");
    assert_eq!((&again, again.id, again.timestamp, &again.entity_id), (&left, event.id, event.timestamp, &event.entity_id));
    assert_eq!(redact(&again, &fields), None, "it is gone for good");
}

fn check_faults(faults: &[Fault]) {
    assert!(!faults.is_empty(), "a refusal says why");
    for fault in faults {
        assert!(!fault.code.is_empty() && !fault.message.is_empty(), "{fault:?}");
        assert!(fault.message.chars().count() <= 300, "a sentence does not repeat the input: {fault:?}");
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(entries) => 1 + entries.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}
