//! Events as events: canonical ones, and drafts as `POST /api/events` takes them. Pure.

use serde_json::value::RawValue;
use slipstream_event::{Draft, Fault, Object, Tenant};
use uuid::Uuid;

use super::Mapped;

/// The event of a record: the record itself, with an id, and without its tenant, which the request names.
///
/// An event without an id gets one that follows from its text: the same text loaded twice is one event. A timestamp cannot be made up in that way,
/// so that it must be there.
///
/// # Errors
/// What is wrong with the record.
pub fn map(json: &[u8]) -> Result<Mapped, Fault> {
    let draft = Draft::from_json(json)?;
    if draft.timestamp.is_none() {
        let message = "is needed, so that loading the file twice changes nothing; `slipstream publish` takes events without";
        return Err(Fault::new("timestamp", "required", message));
    }
    let tenant = draft.tenant_id.as_deref().map(Tenant::new).transpose()?;
    let unreadable = |error: serde_json::Error| slipstream_event::draft::reader_fault(String::new(), &error);
    let raw: &RawValue = serde_json::from_slice(json).map_err(unreadable)?;
    let mut event = Object::parse(raw.get()).map_err(unreadable)?;
    if draft.id.is_none() {
        event.set("id", &Uuid::new_v5(&Uuid::NAMESPACE_OID, json.trim_ascii())).map_err(unreadable)?;
    }
    event.remove("tenantId");
    let draft = serde_json::to_string(&event).map_err(unreadable)?;
    Ok(Mapped { tenant, draft })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use slipstream_event::draft::Context;
    use slipstream_event::{Actor, Event, EventType, Timestamp};

    use super::*;

    fn finish(mapped: &Mapped, tenant: &Tenant) -> Event {
        let context = Context { tenant, actor: &Actor::system(), may_write_as: true, now: Timestamp::now() };
        Draft::from_json(mapped.draft.as_bytes()).unwrap().finish(&context).unwrap()
    }

    #[test]
    fn a_canonical_event_arrives_as_it_was() {
        let tenant = Tenant::new("acme").unwrap();
        let mut event = Event::new(&tenant, &EventType::new("a.b.c").unwrap(), "e", Actor::user("u"));
        event.message = Some("café".to_owned());
        event.metadata.set("n", &1.5).unwrap();
        let mapped = map(event.to_json().as_bytes()).unwrap();
        assert_eq!(mapped.tenant.as_ref(), Some(&tenant));
        assert_eq!(finish(&mapped, &tenant).to_json(), event.to_json());
    }

    #[test]
    fn an_event_without_id_has_the_same_one_each_time() {
        let draft = r#"{"type":"a.b.c","entityId":"1","timestamp":"2026-01-01T00:00:00Z"}"#;
        let (one, two) = (map(draft.as_bytes()).unwrap(), map(format!(" {draft}\r").as_bytes()).unwrap());
        assert_eq!(one, two);
        assert_eq!(one.tenant, None);
        assert_ne!(map(draft.replace("\"1\"", "\"2\"").as_bytes()).unwrap().draft.get(..60), one.draft.get(..60));
        assert!(finish(&one, &Tenant::new("t").unwrap()).source_id.is_none());
        assert!(!map(draft.replace(',', ",\n").as_bytes()).unwrap().draft.contains('\n'));
    }

    #[test]
    fn names_what_is_wrong() {
        let field = |json: &str| map(json.as_bytes()).unwrap_err().field;
        assert_eq!(field(r#"{"type":"a.b.c","entityId":"1"}"#), "timestamp");
        assert_eq!(field(r#"{"type":"a.b.c","entityId":"1","timestamp":"2026-01-01T00:00:00Z","tenantId":"a b"}"#), "tenantId");
        assert_eq!(field(r#"{"type":"a.b.c","entityId":1}"#), "entityId");
        assert_eq!(map(b"nonsense").unwrap_err().code, "json_invalid");
    }

    proptest! {
        #[test]
        fn takes_any_text(text in ".{0,80}") {
            let _ignored = map(text.as_bytes());
        }
    }
}
