use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{Actor, EventType, Tenant};

fn event(event_type: &str) -> Event {
    Event::new(&Tenant::new("acme").unwrap(), &EventType::new(event_type).unwrap(), "4711", Actor { name: Some("Asha Rao".to_owned()), ..Actor::user("u1") })
}

fn shown(event: &Event) -> Value {
    serde_json::from_str(&Entry::of(event, Some(7)).to_json()).unwrap()
}

#[test]
fn has_the_fields_of_the_contract_in_their_order() {
    let mut event = event("shop.order.created");
    event.severity = Severity::Critical;
    event.entity_name = Some("Order\n12".to_owned());
    event.correlation_id = Some("c1".to_owned());
    event.metadata.set("sum", &1.5).unwrap();
    let text = Entry::of(&event, Some(7)).to_json();
    let want = json!({
        "id": event.id, "seq": 7, "ts": event.timestamp, "category": "entity", "action": "created", "severity": "error", "actor": "Asha Rao",
        "actor_user_id": "u1", "actor_kind": "user", "entity_type": "shop.order", "entity_id": "4711", "entity_name": "Order 12",
        "message": "Order Order 12 created by Asha Rao", "metadata": {"sum": 1.5}, "type": "shop.order.created", "event_id": event.id, "correlation_id": "c1",
        "module": "shop",
    });
    assert_eq!(text, want.to_string());
}

#[test]
fn says_null_for_what_is_not_known_and_never_of_the_actor() {
    let mut event = event("ops.job_run.failed_hard");
    event.actor = Actor { user_id: "\u{1b}[2J".to_owned(), ..Actor::system() };
    let entry = serde_json::to_value(Entry::of(&event, None)).unwrap();
    assert_eq!(
        (&entry["seq"], &entry["entity_name"], &entry["correlation_id"], &entry["actor_user_id"]),
        (&Value::Null, &Value::Null, &Value::Null, &Value::Null)
    );
    assert_eq!((&entry["actor"], &entry["actor_kind"], &entry["message"]), (&json!("system"), &json!("system"), &json!("Job run 4711 failed hard by system")));
}

#[test]
fn tells_what_kind_of_actor_it_was() {
    let mut event = event("shop.order.created");
    event.actor.kind = ActorKind::Agent;
    assert_eq!(Entry::of(&event, None).actor_kind, "service");
    event.actor.kind = ActorKind::User;
    event.visibility = Visibility::External;
    assert_eq!(Entry::of(&event, None).actor_kind, "user");
    event.metadata.set("subjectUserId", &"u1").unwrap();
    assert_eq!(Entry::of(&event, None).actor_kind, "external");
}

#[test]
fn keeps_the_events_sentence_else_that_of_the_declaration() {
    let mut event = event("activity.log.cleared");
    event.metadata.set("cleared", &3).unwrap();
    assert_eq!(Entry::of(&event, None).message, "Asha Rao cleared the activity log");
    event.message = Some("\u{1b}[1mDone\u{1b}[0m\r\nnow".to_owned());
    assert_eq!(Entry::of(&event, None).message, "Done now");
    event.message = Some("\n".to_owned());
    assert_eq!(Entry::of(&event, None).message, "Asha Rao cleared the activity log");
}

#[test]
fn imported_entries_keep_their_id() {
    let mut event = event("shop.order.created");
    event.source_id = Some("al_01ab23cd".to_owned());
    assert_eq!((shown(&event)["id"].as_str(), shown(&event)["event_id"] == json!(event.id)), (Some("al_01ab23cd"), true));
    event.source_id = Some("mine".to_owned());
    assert_eq!(shown(&event)["id"], json!(event.id));
}

#[test]
fn metadata_that_does_not_fit_is_left_out_by_the_key() {
    let mut event = event("shop.order.created");
    event.metadata.set("large", &"x".repeat(limits::ENTRY_METADATA_BYTES_MAX)).unwrap();
    event.metadata.set("small", &"x\u{1b}[31m").unwrap();
    assert_eq!(shown(&event)["metadata"], json!({"small": "x"}));
    for n in 0..100 {
        event.metadata.set(&format!("k{n}"), &n).unwrap();
    }
    let metadata = shown(&event)["metadata"].as_object().unwrap().clone();
    assert_eq!((metadata.len(), metadata.contains_key("small")), (limits::ENTRY_METADATA_KEYS_MAX, true));
}

proptest! {
    /// Whatever an event holds: an entry is one line of JSON with clean text, within its limits.
    #[test]
    fn whatever_comes_in_the_entry_is_within_its_limits(
        texts in prop::collection::vec(any::<String>(), 6),
        metadata in prop::collection::vec((any::<String>(), ".{0,3000}"), 0..40),
    ) {
        let mut event = event("shop.order.created");
        let [id, user, name, entity, message, correlation] = &texts[..] else { unreachable!() };
        (event.entity_id, event.actor.user_id, event.actor.name) = (id.clone(), user.clone(), Some(name.clone()));
        (event.entity_name, event.message, event.correlation_id) = (Some(entity.clone()), Some(message.clone()), Some(correlation.clone()));
        for (key, value) in &metadata {
            event.metadata.set(key, value).unwrap();
        }
        let entry = Entry::of(&event, Some(1));
        let json = entry.to_json();
        prop_assert!(!json.contains('\n') && !json.contains('\r') && !json.contains("\\u001b"), "{}", json);
        prop_assert!(!entry.actor.is_empty() && !entry.message.is_empty() && entry.message.chars().count() <= limits::MESSAGE_LEN_MAX);
        let kept = serde_json::to_string(&entry.metadata).unwrap();
        prop_assert!(entry.metadata.len() <= limits::ENTRY_METADATA_KEYS_MAX && kept.len() <= limits::ENTRY_METADATA_BYTES_MAX);
        prop_assert!(entry.metadata.get("amoId").is_none());
    }
}
