use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{Actor, EventType, Tenant};

fn fields(paths: &[&str]) -> Vec<Field> {
    paths.iter().map(|path| Field::parse("fields", path).unwrap()).collect()
}

fn event(metadata: &str) -> Event {
    let actor = Actor { name: Some("Ada Lovelace".into()), department: Some("Ops".into()), on_behalf_of: Some("u9".into()), ..Actor::user("u1") };
    let mut event = Event::new(&Tenant::new("acme").unwrap(), &EventType::new("shop.order.placed").unwrap(), "o1", actor);
    event.metadata = Object::parse(metadata).unwrap();
    event.stamp();
    event.entity_name = Some("Order of Ada".into());
    event.message = Some("Ada Lovelace (u1, Ops) placed 17 for ada@example.org, not u11".into());
    event.changes = Some(Object::parse(r#"{"email":{"before":null,"after":"ada@example.org"},"list":{"before":[{"a":1}],"after":[]}}"#).unwrap());
    event
}

fn metadata(event: &Event) -> Value {
    serde_json::from_str(&serde_json::to_string(&event.metadata).unwrap()).unwrap()
}

#[test]
fn reads_paths_and_refuses_what_cannot_be_taken_away() {
    for path in ["actor", "entityName", "message", "correlationId", "sourceId", "changes", "changes.email", "metadata.a.b.c"] {
        assert_eq!(Field::parse("f", path).unwrap().to_string(), path);
    }
    for path in ["", "id", "entityId", "actor.name", "metadata", "metadata.", "metadata.a..b", "metadata.amoId", "metadata.module", "Metadata.a", "changes.\n"]
    {
        assert_eq!(Field::parse("f", path).unwrap_err().field, "f", "{path}");
    }
    assert!(Field::parse("f", &format!("metadata.{}", "x".repeat(300))).is_err());
}

#[test]
fn takes_the_actor_out_of_the_message_too() {
    let left = redact(&event("{}"), &fields(&["actor"])).unwrap();
    assert_eq!((left.actor.user_id.as_str(), &left.actor.name, &left.actor.department, &left.actor.on_behalf_of), (MARK, &None, &None, &None));
    assert_eq!(left.message.as_deref(), Some("[redacted] ([redacted], [redacted]) placed 17 for ada@example.org, not u11"));
    assert_eq!(redact(&left, &fields(&["actor"])), None, "it is gone already");
}

#[test]
fn takes_values_at_paths_wherever_they_lie() {
    let before = event(
        r#"{"email":"ada@example.org","who":{"name":"Ada","age":1.50},"list":[{"name":"Bob","k":1},{"k":2},5],"dotted.key":{"x":"y"},"none":null,"count":17}"#,
    );
    let left = redact(
        &before,
        &fields(&["metadata.email", "metadata.who.name", "metadata.list.name", "metadata.dotted.key.x", "metadata.none", "metadata.count", "metadata.gone"]),
    );
    let left = left.unwrap();
    assert_eq!(left.metadata.get("who"), Some(r#"{"name":"[redacted]","age":1.50}"#), "digits stay as they were");
    let want = json!({"amoId": "acme", "module": "shop", "email": MARK, "who": {"name": MARK, "age": 1.5}, "list": [{"name": MARK, "k": 1}, {"k": 2}, 5],
                      "dotted.key": {"x": MARK}, "none": null, "count": MARK});
    assert_eq!(metadata(&left), want);
    assert_eq!(left.message.as_deref(), Some("[redacted] Lovelace (u1, Ops) placed [redacted] for [redacted], not u11"));
    assert_eq!(redact(&before, &fields(&["metadata.gone", "metadata.none", "metadata.email.deeper"])), None);
}

#[test]
fn takes_texts_and_changes() {
    let left = redact(&event("{}"), &fields(&["entityName", "message", "changes.email", "changes.list.before.a"])).unwrap();
    assert_eq!((left.entity_name.as_deref(), left.message.as_deref()), (Some(MARK), Some(MARK)));
    let changes = serde_json::to_string(&left.changes).unwrap();
    assert_eq!(changes, r#"{"email":{"before":null,"after":"[redacted]"},"list":{"before":[{"a":"[redacted]"}],"after":[]}}"#);
    assert_eq!(redact(&left, &fields(&["changes"])).unwrap().changes, None);
}

#[test]
fn makes_the_message_of_a_declared_type_anew() {
    let declared = registry::find("archive.hold.placed").unwrap();
    let mut before = declared.event(&Tenant::new("acme").unwrap(), "h1", Actor { name: Some("a".into()), ..Actor::user("u1") }).unwrap();
    before.entity_name = Some("Case of a man".into());
    before.metadata.set("hold", &json!({})).unwrap();
    assert!(registry::apply(&mut before).is_empty());
    let left = redact(&before, &fields(&["actor"])).unwrap();
    assert_eq!(left.message.as_deref(), Some("[redacted] placed the legal hold Case of a man"));
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![Just(Value::Null), any::<i32>().prop_map(Value::from), "[a-c.]{0,3}".prop_map(Value::from)];
    leaf.prop_recursive(3, 16, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::hash_map("[ab.]{1,3}", inner, 0..3).prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    /// What is left is a canonical event with the same identity, and a second time nothing is taken.
    #[test]
    fn what_is_left_is_an_event_and_is_left_for_good(object in prop::collection::hash_map("[ab.]{1,3}", value(), 0..4), paths in prop::collection::vec("[ab](\\.[ab]){0,2}", 1..4)) {
        let before = event(&Value::Object(object.into_iter().collect()).to_string());
        let paths: Vec<Field> = paths.iter().filter_map(|path| Field::parse("f", &format!("metadata.{path}")).ok()).chain([Field::Actor]).collect();
        let left = redact(&before, &paths).unwrap();
        let json = left.to_json();
        let read = Event::from_json(json.as_bytes()).unwrap();
        prop_assert_eq!(&read.to_json(), &json);
        prop_assert_eq!((read.id, read.timestamp, &read.entity_id, &read.event_type), (before.id, before.timestamp, &before.entity_id, &before.event_type));
        prop_assert_eq!(redact(&read, &paths), None);
    }
}
