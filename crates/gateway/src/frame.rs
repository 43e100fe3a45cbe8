//! Frames: events as streams send them, encoded once for all readers.

pub mod control;
mod wire;

use std::borrow::Cow;
use std::sync::OnceLock;

use bytes::Bytes;
use slipstream_event::activity::{Entry, Selection};
use slipstream_event::filter::Facts;
use slipstream_event::{Category, CursorKey, Event, EventType, Filter, Position, Severity, Tenant, Timestamp, Viewer, Visibility, cloudevents};
use uuid::Uuid;

use crate::activity::Turn;
pub use wire::Wire;
pub(crate) use wire::joined;

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
    /// Entries of the activity log; all are named `activity_logged`.
    Activity,
}

/// Name of the events of an activity log's stream, and the `type` of its messages.
pub const ACTIVITY_LOGGED: &str = "activity_logged";

/// One event of the log, ready to be sent. Each projection is encoded once, then shared; the envelope at once, the others when they are first asked for.
#[derive(Debug)]
pub struct Frame {
    seq: u64,
    id: Uuid,
    tenant: Tenant,
    known: Box<Known>,
    /// The envelope in an HTTP/1.1 chunk; what other writers send of it is cut out.
    envelope: Bytes,
    /// Where the cursor and the JSON stand in it.
    cursor: (u32, u32),
    json: (u32, u32),
    rest: OnceLock<Box<Rest>>,
}

/// What decides who gets an event.
#[derive(Debug)]
struct Known {
    event_type: EventType,
    module: String,
    entity_type: String,
    legacy_entity_type: Option<String>,
    entity_id: String,
    actor: String,
    severity: Severity,
    category: Category,
    visibility: Visibility,
    concerned: Option<String>,
    at: Timestamp,
    turn: Option<Turn>,
}

/// The projections that few ask for.
#[derive(Debug, Default)]
struct Rest {
    named: OnceLock<Bytes>,
    cloudevents: OnceLock<Bytes>,
    activity: OnceLock<Bytes>,
    /// As messages: the envelope, CloudEvents, and entries. Names make no difference there.
    messages: [OnceLock<Bytes>; 3],
}

impl Frame {
    /// The frame of a message of the log. `None` when the payload is no event of `tenant`, the tenant of its subject.
    pub fn new(key: &CursorKey, tenant: &Tenant, position: Position, payload: &[u8]) -> Option<Self> {
        let event = Event::from_json(payload).ok().filter(|event| event.tenant_id == *tenant)?;
        // What is canonical, and has nothing that streams do not show, is shown as it is.
        let is_shown = event.changes.is_none() && memchr::memchr2(b'\n', b'\r', payload).is_none();
        let json = std::str::from_utf8(payload).ok().filter(|_| is_shown).map_or_else(|| Cow::Owned(event.clone().to_public_json()), Cow::Borrowed);
        let cursor = key.seal(tenant, position);
        let envelope = wire::chunk(&["id: ", &cursor, "\ndata: ", &json, "\n\n"]);
        let (end, place) = (envelope.len() - 4, |from: usize, len: usize| (u32::try_from(from).unwrap_or(u32::MAX), u32::try_from(len).unwrap_or(u32::MAX)));
        let (json, cursor) = (place(end - json.len(), json.len()), place(end - json.len() - 7 - cursor.len(), cursor.len()));
        Some(Self { seq: position.seq, id: event.id, tenant: tenant.clone(), known: Box::new(Known::of(event)), envelope, cursor, json, rest: OnceLock::new() })
    }

    /// Sequence in the log.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Whose event it is.
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// The event's id.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// When the event happened.
    pub fn at(&self) -> Timestamp {
        self.known.at
    }

    /// What it changes of its tenant's activity log.
    pub fn turn(&self) -> Option<Turn> {
        self.known.turn
    }

    /// Whether it depends on the reader's user id who may see it.
    pub fn is_personal(&self) -> bool {
        self.known.concerned.is_some() && matches!(self.known.visibility, Visibility::Subject | Visibility::External)
    }

    /// Whether `user` may see it with the rights of `viewer`, and asked for it.
    pub fn is_for(&self, viewer: &Viewer, user: Option<&str>, filter: &Filter) -> bool {
        viewer.sees_as(user, &self.known.visibility, self.known.concerned.as_deref()) && (filter.is_empty() || filter.takes_facts(&self.known.facts()))
    }

    /// Whether it is of the categories and severities of `selection`.
    pub fn is_of(&self, selection: Selection) -> bool {
        selection.takes(self.known.category, self.known.severity)
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
        match projection {
            Projection::Envelope => &self.envelope,
            Projection::Named => self.rest().named.get_or_init(|| self.encode(Some(self.known.event_type.as_str()), self.json())),
            Projection::CloudEvents => self.rest().cloudevents.get_or_init(|| self.encode(None, &self.cloudevent())),
            Projection::Activity => self
                .rest()
                .activity
                .get_or_init(|| self.encode(Some(ACTIVITY_LOGGED), &format!("{{\"type\":\"{ACTIVITY_LOGGED}\",\"entry\":{}}}", self.entry()))),
        }
    }

    fn message(&self, projection: Projection) -> &Bytes {
        let encode = |name: &str, json: &str| {
            let kind = if name == "event" { name } else { ACTIVITY_LOGGED };
            Bytes::from(format!("{{\"type\":\"{kind}\",\"cursor\":\"{}\",\"{name}\":{json}}}\n", self.cursor()))
        };
        match projection {
            Projection::Envelope | Projection::Named => self.rest().messages[0].get_or_init(|| encode("event", self.json())),
            Projection::CloudEvents => self.rest().messages[1].get_or_init(|| encode("event", &self.cloudevent())),
            Projection::Activity => self.rest().messages[2].get_or_init(|| encode("entry", &self.entry())),
        }
    }

    /// Cursor, type and JSON hold no line breaks.
    fn encode(&self, name: Option<&str>, data: &str) -> Bytes {
        let parts = match name {
            Some(name) => &["id: ", self.cursor(), "\nevent: ", name, "\ndata: ", data, "\n\n"][..],
            None => &["id: ", self.cursor(), "\ndata: ", data, "\n\n"][..],
        };
        wire::chunk(parts)
    }

    /// Read anew: few ask for it.
    fn cloudevent(&self) -> String {
        Event::from_json(self.json().as_bytes()).map(|event| cloudevents::to_json(&event)).unwrap_or_default()
    }

    /// Its number in the archive is not known here.
    fn entry(&self) -> String {
        Event::from_json(self.json().as_bytes()).map(|event| Entry::of(&event, None).to_json()).unwrap_or_default()
    }

    fn rest(&self) -> &Rest {
        self.rest.get_or_init(Box::default)
    }

    fn cursor(&self) -> &str {
        self.cut(self.cursor)
    }

    fn json(&self) -> &str {
        self.cut(self.json)
    }

    fn cut(&self, (from, len): (u32, u32)) -> &str {
        let bytes = self.envelope.get(from as usize..(from + len) as usize).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }

    /// Roughly what it holds in memory, in bytes.
    pub fn weight(&self) -> usize {
        self.envelope.len() + FRAME_WEIGHT
    }
}

/// Roughly what a frame holds besides its envelope, in bytes.
pub const FRAME_WEIGHT: usize = 640;

impl Known {
    fn of(event: Event) -> Self {
        let (concerned, at, turn) = (event.concerned(), event.timestamp, Turn::of(&event));
        let Event { event_type, module, entity_type, legacy, entity_id, actor, severity, category, visibility, .. } = event;
        let legacy_entity_type = legacy.map(|legacy| legacy.entity_type);
        Self { event_type, module, entity_type, legacy_entity_type, entity_id, actor: actor.user_id, severity, category, visibility, concerned, at, turn }
    }

    fn facts(&self) -> Facts<'_> {
        Facts {
            event_type: self.event_type.as_str(),
            module: &self.module,
            entity_type: &self.entity_type,
            legacy_entity_type: self.legacy_entity_type.as_deref(),
            entity_id: &self.entity_id,
            actor: &self.actor,
            severity: self.severity,
        }
    }
}

#[cfg(test)]
mod tests {
    use slipstream_event::Actor;

    use super::*;

    fn frame(payload: &str) -> Frame {
        Frame::new(&CursorKey::new(b"k"), &Tenant::new("t").unwrap(), Position::new(0, 1, 7), payload.as_bytes()).unwrap()
    }

    #[test]
    fn what_is_not_canonical_becomes_so_and_what_is_hidden_stays_hidden() {
        let mut event = Event::new(&Tenant::new("t").unwrap(), &EventType::new("a.b.c").unwrap(), "e", Actor::user("u"));
        let plain = event.to_json();
        assert_eq!(frame(&plain).json(), plain);
        let spread = plain.replace(",\"action\"", ",\n\"action\"");
        assert_ne!(spread, plain);
        assert_eq!(frame(&spread).json(), plain);
        let mut changes = slipstream_event::Object::new();
        changes.set("price", &1).unwrap();
        event.changes = Some(changes);
        assert_eq!(frame(&event.to_json()).json(), plain);
        let shown = frame(&plain);
        assert_eq!(shown.cursor(), CursorKey::new(b"k").seal(&Tenant::new("t").unwrap(), Position::new(0, 1, 7)));
    }

    #[test]
    fn an_entry_is_encoded_once_and_carries_the_cursor() {
        let mut event = Event::new(&Tenant::new("t").unwrap(), &EventType::new("a.b.c").unwrap(), "e", Actor::user("u"));
        event.severity = Severity::Critical;
        event.message = Some("two\nlines".to_owned());
        let frame = frame(&event.to_json());
        let entry = Entry::of(&event, None).to_json();
        let sse = frame.bytes(Projection::Activity, Wire::Sse);
        let want = format!("id: {}\nevent: activity_logged\ndata: {{\"type\":\"activity_logged\",\"entry\":{entry}}}\n\n", frame.cursor());
        assert_eq!(sse, want);
        assert_eq!(frame.bytes(Projection::Activity, Wire::Sse).as_ptr(), sse.as_ptr(), "shared, not made anew");
        let message = frame.bytes(Projection::Activity, Wire::Message);
        assert_eq!(message, format!("{{\"type\":\"activity_logged\",\"cursor\":\"{}\",\"entry\":{entry}}}\n", frame.cursor()));
        let errors = Selection::from_query([("severities", "error"), ("categories", "entity")]).unwrap();
        assert!(frame.is_of(errors) && !frame.is_of(Selection::from_query([("severities", "info")]).unwrap()));
        assert!(!frame.is_of(Selection::from_query([("categories", "auth")]).unwrap()));
    }
}
